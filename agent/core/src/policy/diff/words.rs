//! Classes and leaves in words.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Pair;
use super::error::{DiffError, Steps};
use super::leaf::{Fee, Leaf, Leaves, Way};
use super::possible::never;
use super::product::Product;
use super::region::{Names, Range, Region, Said, Times};
use super::space::{Axis, Space};
use super::table::Shape;
use super::times::{Found, Open, When};
use super::witness::Witness;
use crate::amount::{Amount, Asset};
use crate::key::PublicKey;
use crate::name::Name;
use crate::policy::Policy;
use crate::role::{Role, Roles};

/// What the words are taken from.
pub(super) struct Words<'a, 'b> {
    pair: Pair<'a>,
    space: &'b Space,
    /// Categories by their recipients, where these are the same in both bundles.
    categories: HashMap<Vec<PublicKey>, Name>,
}

impl<'a, 'b> Words<'a, 'b> {
    pub(super) fn of(pair: Pair<'a>, space: &'b Space) -> Self {
        let [old, new] = pair.map(|policy| {
            let mut members: BTreeMap<&Name, BTreeSet<PublicKey>> = BTreeMap::new();
            for recipient in policy.recipients() {
                for category in &recipient.categories {
                    members.entry(category).or_default().insert(recipient.address);
                }
            }
            members
        });
        let mut categories: HashMap<Vec<PublicKey>, Name> = HashMap::new();
        for (category, members) in
            new.iter().filter(|(category, members)| old.get(*category) == Some(members))
        {
            categories.entry(members.iter().copied().collect()).or_insert_with(|| (*category).clone());
        }
        Self { pair, space, categories }
    }

    /// The region in words, with its witness.
    pub(super) fn region(
        &self,
        product: &Product,
        leaves: &mut Leaves<'a>,
        steps: &mut Steps,
    ) -> Result<Option<Region>, DiffError> {
        let Some(leaf) = leaves.list.get(product.leaf as usize).cloned() else { return Ok(None) };
        let (when, open) = leaf.when;
        let found: Found = leaves.times.compare(open, steps)?;
        let Some(now) = found[when as usize] else { return Ok(None) };
        let Some(witness) = Witness::of(self.pair, self.space, product, &leaf, now) else { return Ok(None) };
        let space = self.space;
        let names = |axis: Axis, other: Option<u32>, words: &dyn Fn(u32) -> Vec<String>| {
            self.names(product, axis, other, words)
        };
        let recipients: Vec<PublicKey> = product
            .classes(Axis::Recipient)
            .iter()
            .flat_map(|class| space.recipients.members(*class).iter().flatten())
            .copied()
            .collect();
        steps.take(recipients.len() as u64 * 4)?;
        let [old, new] = [0, 1].map(|side| self.said(side, &leaf, &witness));
        Ok(Some(Region {
            way: leaf.way,
            actions: product.actions(),
            accounts: names(Axis::Account, space.accounts.other(), &|class| {
                texts(space.accounts.members(class))
            }),
            payers: names(Axis::From, space.from.other(), &|class| {
                space.from.members(class).iter().map(|key| self.payer(key)).collect()
            }),
            assets: names(Axis::Asset, None, &|class| {
                let word =
                    |asset: &Option<Name>| asset.as_ref().map_or("nothing".to_owned(), Name::to_string);
                space.assets.members(class).iter().map(word).collect()
            }),
            recipients: names(Axis::Recipient, None, &|class| {
                space.recipients.members(class).iter().map(|key| self.recipient(key.as_ref())).collect()
            }),
            category: self.category(recipients),
            callers: names(Axis::Caller, space.callers.other(), &|class| texts(space.callers.members(class))),
            roles: self.roles(product),
            ledgers: names(Axis::Ledger, space.ledgers.other(), &|class| {
                space.ledgers.members(class).iter().map(|id| self.ledger(id)).collect()
            }),
            selectors: names(Axis::Selector, space.selectors.other(), &|class| {
                let word = |named: &Option<_>| named.map_or("none".to_owned(), |named| format!("{named}"));
                space.selectors.members(class).iter().map(word).collect()
            }),
            amounts: leaf.asset.as_ref().map(|asset| range(asset, leaf.amounts)),
            no_fee: leaf.fees.contains(&Fee::None),
            fees: leaf
                .fees
                .iter()
                .filter_map(|fee| match fee {
                    Fee::None => None,
                    Fee::Of(asset, least, most) => Some(range(asset, (*least, *most))),
                })
                .collect(),
            times: times(when, open, leaves),
            old,
            new,
            witness,
        }))
    }

    fn names(
        &self,
        product: &Product,
        axis: Axis,
        other: Option<u32>,
        words: &dyn Fn(u32) -> Vec<String>,
    ) -> Names {
        let classes = product.classes(axis);
        let all = self.possible(product, axis);
        if classes.len() == all.len() {
            return self.whole(axis, &all);
        }
        let holds_others = other.is_some_and(|other| classes.binary_search(&other).is_ok());
        let mut listed: Vec<String> = all
            .into_iter()
            .filter(|class| Some(*class) != other && classes.binary_search(class).is_ok() != holds_others)
            .flat_map(words)
            .collect();
        listed.sort_unstable();
        if holds_others { Names::AllBut(listed) } else { Names::Only(listed) }
    }

    /// All that there is, unless it is one asset or one recipient: that has a name.
    fn whole(&self, axis: Axis, all: &[u32]) -> Names {
        let only = match (axis, all) {
            (Axis::Asset, [one]) => match self.space.assets.members(*one) {
                [Some(asset)] => Some(asset.to_string()),
                _ => None,
            },
            (Axis::Recipient, [one]) => match self.space.recipients.members(*one) {
                [Some(key)] => Some(self.recipient(Some(key))),
                _ => None,
            },
            _ => None,
        };
        only.map_or(Names::Any, |only| Names::Only(vec![only]))
    }

    fn possible(&self, product: &Product, axis: Axis) -> Vec<u32> {
        let shape = product.actions().first().map_or(Shape::Calls, |action| Shape::of(*action));
        shape.classes(self.space, axis)
    }

    /// Roles are in many sets: these are in words if one list of roles says it.
    fn roles(&self, product: &Product) -> Names {
        let members = |class: &u32| self.space.roles.members(*class).to_vec();
        let sets: BTreeSet<u8> =
            product.classes(Axis::Roles).iter().flat_map(members).map(Roles::bits).collect();
        if sets.len() == usize::from(Roles::SETS) {
            return Names::Any;
        }
        let listed = |roles: Roles| roles.iter().map(|role: Role| role.to_string()).collect::<Vec<_>>();
        for of in (1..Roles::SETS).map(Roles::from_bits) {
            let having = (0..Roles::SETS).filter(|set| Roles::from_bits(*set).meets(of));
            let having: BTreeSet<u8> = having.collect();
            if having == sets {
                return Names::Only(listed(of));
            }
            if having.is_disjoint(&sets) && having.len() + sets.len() == usize::from(Roles::SETS) {
                return Names::AllBut(listed(of));
            }
        }
        // Some, and none of some others.
        let having = |of: u8| {
            let of = Roles::from_bits(of);
            (0..Roles::SETS)
                .filter(|set| Roles::from_bits(*set).meets(of))
                .fold(0_u64, |all, set| all | 1 << set)
        };
        let all = sets.iter().fold(0_u64, |all, set| all | 1 << set);
        for (of, but) in (1..Roles::SETS).flat_map(|of| (1..Roles::SETS).map(move |but| (of, but))) {
            if having(of) & !having(but) == all {
                let [of, but] = [of, but].map(Roles::from_bits);
                return Names::Only(vec![format!("{of}, but not {but}")]);
            }
        }
        let exactly = |set: u8| match listed(Roles::from_bits(set)).join(" and ") {
            none if none.is_empty() => "no role".to_owned(),
            roles => format!("exactly {roles}"),
        };
        Names::Only(sets.into_iter().map(exactly).collect())
    }

    fn category(&self, mut recipients: Vec<PublicKey>) -> Option<Name> {
        if recipients.len() < 2 {
            return None;
        }
        recipients.sort_unstable();
        self.categories.get(&recipients).cloned()
    }

    fn recipient(&self, key: Option<&PublicKey>) -> String {
        let Some(key) = key else { return "nobody".to_owned() };
        match self.pair.map(|policy| policy.recipient_at(key).map(|recipient| &recipient.name)) {
            [Some(old), Some(new)] if old != new => format!("{new} (before: {old})"),
            // Two that have one name are told apart by their addresses.
            [None, Some(name)] | [Some(name), None] if self.is_twice(name) => format!("{name} at {key}"),
            [_, Some(name)] | [Some(name), None] => name.to_string(),
            [None, None] => key.to_string(),
        }
    }

    fn is_twice(&self, name: &Name) -> bool {
        self.pair.iter().all(|policy| policy.recipient(name.as_str()).is_some())
    }

    fn payer(&self, key: &PublicKey) -> String {
        let name = |policy: &&Policy| {
            policy.payer(key).or_else(|| policy.recipient_at(key).map(|recipient| &recipient.name)).cloned()
        };
        self.pair.iter().rev().find_map(name).map_or_else(|| key.to_string(), |name| name.to_string())
    }

    fn ledger(&self, id: &crate::intent::LedgerId) -> String {
        let name =
            |policy: &&Policy| policy.ledgers().find(|(_, known)| *known == id).map(|(name, _)| name.clone());
        self.pair.iter().rev().find_map(name).map_or_else(|| id.to_string(), |name| name.to_string())
    }

    fn said(&self, side: usize, leaf: &Leaf, witness: &Witness) -> Said {
        let policy = self.pair[side];
        let rule = leaf.rules[side].and_then(|at| policy.rules.get(at));
        let denial = never(policy, &witness.question());
        Said {
            allowed: leaf.way == Way::OtherTerms || (leaf.way == Way::NewlyAllowed) == (side == 1),
            rule: rule.map(|rule| rule.name.clone()),
            line: rule.map(|rule| rule.line),
            terms: leaf.terms[side].clone(),
            denial,
        }
    }
}

fn texts(names: &[Name]) -> Vec<String> {
    names.iter().map(Name::to_string).collect()
}

fn range(asset: &Asset, (least, most): (Amount, Amount)) -> Range {
    let most = (most != Amount::MAX).then(|| asset.format(most));
    Range { least: asset.format(least), most }
}

fn times(when: When, open: [Option<Open>; 2], leaves: &Leaves<'_>) -> Option<Times> {
    let [old, new] = open.map(|open| open.map(|open| leaves.times.moments(open)).unwrap_or_default());
    let (holds, fails) = match when {
        When::Both => ([old, new].concat(), &[][..]),
        When::OnlyOld => (old.to_vec(), new),
        When::OnlyNew => (new.to_vec(), old),
    };
    let mut words: Vec<String> = holds.iter().map(|moment| leaves.times.words(moment)).collect();
    // What holds anyway does not fail.
    let mut one_of: Vec<String> = fails
        .iter()
        .filter(|moment| !holds.contains(moment))
        .filter_map(|moment| leaves.times.fails(moment, &holds))
        .collect();
    one_of.sort_unstable();
    one_of.dedup();
    if one_of.len() == 1 {
        words.append(&mut one_of);
    }
    words.sort_unstable();
    words.dedup();
    (!words.is_empty() || !one_of.is_empty()).then_some(Times { when: words, one_of })
}
