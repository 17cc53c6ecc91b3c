//! Goes through the classes axis by axis, with the items that are still about the payment, and
//! looks no further where both bundles have the same left.

use std::collections::HashMap;
use std::rc::Rc;

use super::error::{DiffError, Steps};
use super::item::{Items, Marker, Side, What};
use super::leaf::Leaves;
use super::set::{ALL, ClassSet, SetId, Sets};
use super::space::AXES;
use super::table::Tables;
use super::times::Moment;
use crate::intent::Action;

/// Payments that differ in the same way: any class of each set, and a leaf's amounts, fees, times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub sets: [SetId; AXES],
    pub leaf: u32,
}

/// In a steady order.
pub(super) type Parts = Rc<[Part]>;

/// Most items in all answers that are kept, to bound the memory.
const MAX_KEPT: usize = 8_000_000;

pub(super) struct Search<'a, 'b> {
    items: &'b Items,
    tables: &'b Tables,
    leaves: &'b mut Leaves<'a>,
    steps: &'b mut Steps,
    pub sets: Sets,
    /// By axis and item, one more axis for the end: equal for items that do the same from there on.
    rest: Vec<Vec<u32>>,
    /// By axis and item: is it about everything from there on?
    all: Vec<Vec<bool>>,
    /// By axis and items.
    known: HashMap<(usize, Rc<[u32]>), Parts>,
    kept: usize,
}

impl<'a, 'b> Search<'a, 'b> {
    pub(super) fn new(
        items: &'b Items,
        tables: &'b Tables,
        leaves: &'b mut Leaves<'a>,
        steps: &'b mut Steps,
    ) -> Self {
        let (rest, all) = rests(items, tables);
        Self { items, tables, leaves, steps, sets: Sets::new(), rest, all, known: HashMap::new(), kept: 0 }
    }

    /// All parts of one action, in a steady order.
    pub(super) fn run(&mut self, action: Action) -> Result<Parts, DiffError> {
        let about = |at: &usize| {
            self.items.list[*at].actions[action as usize]
                && self.tables.axes.iter().all(|table| table.all[*at] || !table.lists[*at].is_empty())
        };
        let items = (0..self.items.list.len()).filter(about).map(|at| at as u32).collect();
        self.node(0, items)
    }

    fn node(&mut self, axis: usize, items: Vec<u32>) -> Result<Parts, DiffError> {
        self.steps.take(1 + items.len() as u64)?;
        let Some(items) = self.simplified(axis, items) else { return Ok(Rc::new([])) };
        let items: Rc<[u32]> = items.into();
        if let Some(known) = self.known.get(&(axis, items.clone())) {
            return Ok(known.clone());
        }
        let parts: Parts = if axis == AXES {
            let leaves = self.leaves.of(self.items, &items, self.steps)?;
            leaves.into_iter().map(|leaf| Part { sets: [ALL; AXES], leaf }).collect()
        } else {
            self.branches(axis, &items)?
        };
        if self.kept < MAX_KEPT {
            self.kept += items.len() + parts.len() * AXES;
            self.known.insert((axis, items), parts.clone());
        }
        Ok(parts)
    }

    /// What is left of each class, taken together where the same is left.
    fn branches(&mut self, axis: usize, items: &[u32]) -> Result<Parts, DiffError> {
        let table = &self.tables.axes[axis];
        let mut always: Vec<u32> = Vec::with_capacity(items.len());
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for item in items {
            match table.all[*item as usize] {
                true => always.push(*item),
                false => pairs.extend(table.lists[*item as usize].iter().map(|class| (*class, *item))),
            }
        }
        if pairs.is_empty() && always.len() == items.len() {
            return self.node(axis + 1, always);
        }
        self.steps.take(pairs.len() as u64)?;
        pairs.sort_unstable();
        let mut groups: Vec<(Vec<u32>, Vec<u32>)> = Vec::new();
        let mut by_items: HashMap<Vec<u32>, usize> = HashMap::new();
        let mut touched: Vec<u32> = Vec::new();
        for run in pairs.chunk_by(|a, b| a.0 == b.0) {
            let class = run[0].0;
            let left: Vec<u32> = run.iter().map(|(_, item)| *item).collect();
            touched.push(class);
            let at = *by_items.entry(left).or_insert_with_key(|left| {
                groups.push((left.clone(), Vec::new()));
                groups.len() - 1
            });
            groups[at].1.push(class);
        }
        let mut branches: Vec<(Vec<u32>, ClassSet)> =
            groups.into_iter().map(|(left, classes)| (left, ClassSet::These(classes))).collect();
        if touched.len() < table.classes.len() {
            branches.push((Vec::new(), ClassSet::AllBut(touched)));
        }
        let mut found: Vec<(Part, ClassSet)> = Vec::new();
        let mut by_part: HashMap<Part, usize> = HashMap::new();
        for (left, classes) in branches {
            // One after the other: together they may be too large for the memory.
            let parts = self.node(axis + 1, merged(&always, &left))?;
            self.steps.take(parts.len() as u64)?;
            for part in parts.iter() {
                match by_part.get(part) {
                    Some(at) => {
                        let set = std::mem::replace(&mut found[*at].1, ClassSet::These(Vec::new()));
                        found[*at].1 = set.union(classes.clone());
                    }
                    None => {
                        by_part.insert(*part, found.len());
                        found.push((*part, classes.clone()));
                    }
                }
            }
        }
        let all = &self.tables.axes[axis].classes;
        let sets = &mut self.sets;
        let parts = found.into_iter().map(|(mut part, classes)| {
            part.sets[axis] = sets.id(classes.written_shorter(all));
            part
        });
        Ok(parts.collect())
    }

    /// The items that matter, or nothing where both bundles surely say the same.
    fn simplified(&self, axis: usize, items: Vec<u32>) -> Option<Vec<u32>> {
        let mut sides: [Left; 2] = Default::default();
        let mut markers: Vec<u32> = Vec::new();
        for at in items {
            let item = &self.items.list[at as usize];
            let left = &mut sides[item.side as usize];
            let all = self.all[axis][at as usize];
            match item.what {
                What::Marker(_) => markers.push(at),
                What::Forbid => {
                    left.closed |= all && item.open == [Moment::Outside(Vec::new())];
                    left.forbids.push(at);
                }
                What::Limit => left.limits.push(at),
                // Behind one that decides everything no other ever decides.
                What::Allow if left.decided => {}
                What::Allow => {
                    left.decided = all;
                    left.allows.push(at);
                }
            }
        }
        let rest = &self.rest[axis];
        let [old, new] = sides.map(|left| left.unless_closed(rest));
        if old.is_none() && new.is_none() {
            return None;
        }
        if let (Some(old), Some(new)) = (&old, &new) {
            markers.retain(|at| match self.items.list[*at as usize].what {
                What::Marker(marker) => self.is_used(marker, old) || self.is_used(marker, new),
                _ => false,
            });
            if markers.is_empty() && old.rest(rest) == new.rest(rest) {
                return None;
            }
        } else {
            markers.clear();
        }
        let mut kept: Vec<u32> = Vec::new();
        for left in [old, new].into_iter().flatten() {
            kept.extend(left.forbids.into_iter().chain(left.allows).chain(left.limits));
        }
        kept.extend(markers);
        kept.sort_unstable();
        Some(kept)
    }

    fn is_used(&self, marker: Marker, left: &Left) -> bool {
        let items = left.allows.iter().chain(&left.limits);
        items.map(|at| &self.items.list[*at as usize]).any(|item| item.counts_by.contains(&marker))
    }
}

/// What one bundle has left.
#[derive(Default)]
struct Left {
    forbids: Vec<u32>,
    allows: Vec<u32>,
    limits: Vec<u32>,
    /// Does one of the forbids deny whatever is left?
    closed: bool,
    /// Does one of the allows decide whatever is left?
    decided: bool,
}

impl Left {
    /// Without what is there twice; nothing where all is denied.
    fn unless_closed(mut self, rest: &[u32]) -> Option<Self> {
        if self.closed || self.allows.is_empty() {
            return None;
        }
        for list in [&mut self.forbids, &mut self.allows, &mut self.limits] {
            if list.len() > 1 {
                let mut seen = std::collections::HashSet::with_capacity(list.len());
                list.retain(|at| seen.insert(rest[*at as usize]));
            }
        }
        Some(self)
    }

    /// What it does: allows in order, the others in any.
    fn rest(&self, rest: &[u32]) -> [Vec<u32>; 3] {
        let of = |list: &Vec<u32>| list.iter().map(|at| rest[*at as usize]).collect::<Vec<u32>>();
        let (mut forbids, mut limits) = (of(&self.forbids), of(&self.limits));
        forbids.sort_unstable();
        limits.sort_unstable();
        [forbids, of(&self.allows), limits]
    }
}

fn merged(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut both = Vec::with_capacity(a.len() + b.len());
    both.extend_from_slice(a);
    both.extend_from_slice(b);
    both.sort_unstable();
    both
}

type Rests = (Vec<Vec<u32>>, Vec<Vec<bool>>);

/// From the last axis to the first.
pub(super) fn rests(items: &Items, tables: &Tables) -> Rests {
    let mut rest = vec![items.list.iter().map(|item| item.effect).collect::<Vec<u32>>()];
    let mut all = vec![vec![true; items.list.len()]];
    for table in tables.axes.iter().rev() {
        let mut lists: HashMap<Option<&[u32]>, u32> = HashMap::new();
        let mut ids: HashMap<(u32, u32), u32> = HashMap::new();
        let (mut next_rest, mut next_all) = (Vec::new(), Vec::new());
        for at in 0..items.list.len() {
            let list = (!table.all[at]).then(|| table.lists[at].as_slice());
            let next = lists.len() as u32;
            let list = *lists.entry(list).or_insert(next);
            let next = ids.len() as u32;
            let before = rest.last().and_then(|rest| rest.get(at)).copied().unwrap_or(0);
            next_rest.push(*ids.entry((list, before)).or_insert(next));
            next_all.push(table.all[at] && all.last().is_some_and(|all| all[at]));
        }
        rest.push(next_rest);
        all.push(next_all);
    }
    rest.reverse();
    all.reverse();
    (rest, all)
}

/// Both sides of a payment whose classes are all known.
pub(super) fn by_side(items: &Items, left: &[u32]) -> [Vec<u32>; 2] {
    Side::ALL.map(|side| {
        let of = |at: &u32| {
            let item = &items.list[*at as usize];
            item.side == side && !matches!(item.what, What::Marker(_))
        };
        left.iter().copied().filter(of).collect()
    })
}
