//! Sets of classes of one axis, each kept once.

use std::collections::HashMap;
use std::rc::Rc;

/// Classes in order: these, or all that the axis has but these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ClassSet {
    These(Vec<u32>),
    AllBut(Vec<u32>),
}

/// A set that was kept.
pub(super) type SetId = u32;

/// Every class.
pub(super) const ALL: SetId = 0;

#[derive(Debug)]
pub(super) struct Sets {
    ids: HashMap<Rc<ClassSet>, SetId>,
    list: Vec<Rc<ClassSet>>,
}

impl ClassSet {
    /// Both together.
    pub(super) fn union(self, other: ClassSet) -> ClassSet {
        match (self, other) {
            (Self::These(a), Self::These(b)) => Self::These(merged(a, b)),
            (Self::These(a), Self::AllBut(b)) | (Self::AllBut(b), Self::These(a)) => {
                Self::AllBut(b.into_iter().filter(|class| a.binary_search(class).is_err()).collect())
            }
            (Self::AllBut(a), Self::AllBut(b)) => {
                Self::AllBut(a.into_iter().filter(|class| b.binary_search(class).is_ok()).collect())
            }
        }
    }

    /// One of the two ways to write it, so that equal sets are equal; `classes` are all, in order.
    pub(super) fn written_shorter(self, classes: &[u32]) -> ClassSet {
        let others = |these: &[u32]| {
            classes.iter().copied().filter(|class| these.binary_search(class).is_err()).collect()
        };
        match self {
            Self::These(list) if list.len() * 2 >= classes.len() => Self::AllBut(others(&list)),
            Self::AllBut(list) if list.len() * 2 > classes.len() => Self::These(others(&list)),
            set => set,
        }
    }

    /// The classes that it holds.
    pub(super) fn listed(&self, classes: &[u32]) -> Vec<u32> {
        match self {
            Self::These(list) => list.clone(),
            Self::AllBut(list) => {
                classes.iter().copied().filter(|class| list.binary_search(class).is_err()).collect()
            }
        }
    }
}

fn merged(mut a: Vec<u32>, b: Vec<u32>) -> Vec<u32> {
    a.extend(b);
    a.sort_unstable();
    a.dedup();
    a
}

impl Sets {
    pub(super) fn new() -> Self {
        let mut sets = Self { ids: HashMap::new(), list: Vec::new() };
        sets.id(ClassSet::AllBut(Vec::new()));
        sets
    }

    pub(super) fn id(&mut self, set: ClassSet) -> SetId {
        if let Some(id) = self.ids.get(&set) {
            return *id;
        }
        let (id, set) = (self.list.len() as SetId, Rc::new(set));
        self.list.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    pub(super) fn get(&self, id: SetId) -> &ClassSet {
        &self.list[id as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unions_hold_what_either_holds_and_equal_sets_are_equal() {
        let classes: Vec<u32> = (0..6).collect();
        let subsets =
            || (0..64_u32).map(|bits| (0..6).filter(|bit| bits >> bit & 1 == 1).collect::<Vec<_>>());
        let spellings = |list: &Vec<u32>| {
            let others = classes.iter().copied().filter(|class| !list.contains(class)).collect();
            [ClassSet::These(list.clone()), ClassSet::AllBut(others)]
        };
        for (a, b) in subsets().flat_map(|a| subsets().map(move |b| (a.clone(), b))) {
            let both: Vec<u32> = classes.iter().copied().filter(|c| a.contains(c) || b.contains(c)).collect();
            let written = spellings(&both)[0].clone().written_shorter(&classes);
            for (one, other) in
                spellings(&a).into_iter().flat_map(|one| spellings(&b).map(|b| (one.clone(), b)))
            {
                let union = one.union(other);
                assert_eq!(union.listed(&classes), both);
                assert_eq!(union.written_shorter(&classes), written);
            }
        }
    }
}
