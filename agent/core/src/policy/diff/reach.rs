//! Whether a rule ever decides, and ever allows anything: the classes of one bundle, gone through until
//! a payment is found.

use std::collections::{BTreeMap, HashSet};

use super::error::{DiffError, Steps};
use super::item::{Items, Side, Source, What};
use super::search::rests;
use super::seats::{Seating, Seats};
use super::space::{AXES, Space};
use super::table::{Shape, Table, Tables};
use super::terms::Bound;
use super::times::{Moment, Times, When};
use crate::intent::Action;
use crate::name::Name;
use crate::policy::Policy;
use crate::policy::rule::Rule;
use crate::time::Timestamp;

/// Most steps for one rule, which is what most bundles take for all of theirs.
const EACH: u64 = 1_000_000;
/// Most steps for all rules: a few seconds.
const ALL: u64 = 10_000_000;
/// Most rules of which each is left out in turn, to say which of them it takes.
const TRIED: usize = 64;
/// Most bytes of rows of bits.
const MAX_BYTES: usize = 128 << 20;

/// What becomes of the payments that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Fate {
    /// Some are allowed by it.
    Allows,
    /// These decide or forbid all of them before it; none of these could be spared.
    NeverDecides(Vec<Culprit>),
    /// It decides some, and these deny all of those; none of these could be spared.
    NeverAllows(Vec<Culprit>),
    /// It takes too long to say.
    Unknown,
}

/// What keeps a rule from coming to bear.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) enum Culprit {
    /// By its position.
    Rule(usize),
    /// What this asset is bound to.
    Purpose(Name),
    /// Too many to say which.
    Many,
}

/// One bundle, ready to be asked about its rules.
pub(in crate::policy) struct Reach<'a> {
    policy: &'a Policy,
    items: Items,
    shapes: BTreeMap<usize, Prepared>,
    times: Times<'a>,
    steps: u64,
}

/// All axes of one shape.
struct Prepared {
    tables: Tables,
    /// By axis and item: is it about everything from there on?
    all: Vec<Vec<bool>>,
    rows: [Rows; AXES],
}

/// By class: the items that are about it, a bit for each.
struct Rows {
    words: usize,
    bits: Vec<u64>,
    /// The items that are about any class.
    any: Vec<u64>,
}

/// What is asked about one rule.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Decides,
    Allows,
}

impl<'a> Reach<'a> {
    /// Nothing where the bundle has too many combinations to be looked at.
    pub(in crate::policy) fn of(policy: &'a Policy) -> Option<Self> {
        let seating = Seating { few: Default::default() };
        let space = Space::of([policy, policy], &seating);
        let mut times = Times::since(Timestamp::from_millis(0).ok()?);
        let items = Items::of_one(policy, &mut times);
        let mut shapes = BTreeMap::new();
        for shape in Shape::ALL {
            let allows = |action: Action| {
                items.list.iter().any(|item| item.what == What::Allow && item.actions[action as usize])
            };
            if shape.actions().any(allows) {
                let tables = Tables::of([policy, policy], &space, &items, shape);
                shapes.insert(shape as usize, Prepared::of(tables, &items)?);
            }
        }
        Some(Self { policy, items, shapes, times, steps: ALL })
    }

    /// What becomes of the payments that this allow is about; `rule` is its position.
    pub(in crate::policy) fn fate(&mut self, rule: usize) -> Fate {
        let mut steps = Steps(self.steps.min(EACH));
        let before = steps.0;
        let fate = self.search(rule, &mut steps).unwrap_or(Fate::Unknown);
        self.steps -= before - steps.0;
        fate
    }

    fn search(&mut self, rule: usize, steps: &mut Steps) -> Result<Fate, DiffError> {
        for asked in [Asked::Decides, Asked::Allows] {
            if self.is_found(rule, asked, &[], steps)? {
                continue;
            }
            let by = self.culprits(rule, asked, steps)?;
            return Ok(match asked {
                Asked::Decides => Fate::NeverDecides(by),
                Asked::Allows => Fate::NeverAllows(by),
            });
        }
        Ok(Fate::Allows)
    }

    /// Leaves out one after the other what is not needed.
    fn culprits(&mut self, rule: usize, asked: Asked, steps: &mut Steps) -> Result<Vec<Culprit>, DiffError> {
        let mut needed: Vec<usize> = self.against(rule, asked);
        if needed.len() > TRIED {
            return Ok(vec![Culprit::Many]);
        }
        let (mut at, mut without) = (0, Vec::new());
        while let Some(item) = needed.get(at).copied() {
            without.push(item);
            if self.is_found(rule, asked, &without, steps)? {
                without.pop();
                at += 1;
            } else {
                needed.remove(at);
            }
        }
        let mut culprits: Vec<Culprit> = needed
            .into_iter()
            .filter_map(|at| match &self.items.list[at].source {
                Source::Rule(rule) => Some(Culprit::Rule(*rule)),
                Source::Purpose(asset, _) => Some(Culprit::Purpose(asset.clone())),
                Source::Marker => None,
            })
            .collect();
        culprits.sort();
        culprits.dedup();
        Ok(culprits)
    }

    /// What could keep the rule from it, for any of its actions.
    fn against(&self, rule: usize, asked: Asked) -> Vec<usize> {
        let actions = self.items.list[rule].actions;
        let mut found: Vec<usize> = Action::ALL
            .into_iter()
            .filter(|action| actions[*action as usize])
            .filter_map(|action| self.shapes.get(&(Shape::of(action) as usize)).map(|shape| (action, shape)))
            .flat_map(|(action, shape)| self.met(shape, rule, action, asked))
            .map(|at| at as usize)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The items that come before the rule or deny what it decides, and are about some of the same.
    fn met(&self, shape: &Prepared, rule: usize, action: Action, asked: Asked) -> Vec<u32> {
        let counts = |at: usize| {
            let item = &self.items.list[at];
            let is_rule = matches!(item.source, Source::Rule(_));
            item.actions[action as usize]
                && match item.what {
                    What::Allow => at < rule,
                    What::Forbid => is_rule || asked == Asked::Allows,
                    What::Limit => asked == Asked::Allows && (!item.open.is_empty() || self.is_nil(at)),
                    What::Marker(_) => false,
                }
        };
        let mut bits = vec![!0_u64; self.items.list.len().div_ceil(64)];
        for (table, rows) in shape.tables.axes.iter().zip(&shape.rows) {
            let own = (!table.all[rule]).then(|| rows.union(table, &table.lists[rule]));
            bits.iter_mut().zip(own.as_ref().unwrap_or(&rows.any)).for_each(|(bits, own)| *bits &= own);
        }
        let set = |at: &usize| bits[at / 64] >> (at % 64) & 1 == 1;
        (0..self.items.list.len()).filter(set).filter(|at| counts(*at)).map(|at| at as u32).collect()
    }

    /// Does this limit let nothing through, whatever the time?
    fn is_nil(&self, at: usize) -> bool {
        let Source::Rule(rule) = self.items.list[at].source else { return false };
        let Some(rule) = self.policy.rules.get(rule) else { return false };
        is_nil(vec![rule])
    }

    /// Is there a payment that the rule decides, or allows, if these items were not there?
    fn is_found(
        &mut self,
        rule: usize,
        asked: Asked,
        without: &[usize],
        steps: &mut Steps,
    ) -> Result<bool, DiffError> {
        for action in Action::ALL {
            let Some(shape) = self.shapes.get(&(Shape::of(action) as usize)) else { continue };
            let is_about =
                shape.tables.axes.iter().all(|table| table.all[rule] || !table.lists[rule].is_empty());
            if !self.items.list[rule].actions[action as usize] || !is_about {
                continue;
            }
            let mut left = self.met(shape, rule, action, asked);
            steps.take(1 + left.len() as u64)?;
            left.retain(|at| !without.contains(&(*at as usize)));
            let mut walk = Walk {
                policy: self.policy,
                items: &self.items,
                shape,
                times: &mut self.times,
                rule,
                asked,
                none: HashSet::new(),
            };
            if walk.is_found(0, left, steps)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Prepared {
    fn of(tables: Tables, items: &Items) -> Option<Self> {
        let (_, all) = rests(items, &tables);
        let words = items.list.len().div_ceil(64);
        let bytes: usize = tables.axes.iter().map(|table| table.classes.len() * words * 8).sum();
        if bytes > MAX_BYTES {
            return None;
        }
        let rows = std::array::from_fn(|axis| Rows::of(&tables.axes[axis], words));
        Some(Self { tables, all, rows })
    }
}

impl Rows {
    fn of(table: &Table, words: usize) -> Self {
        let (mut bits, mut any) = (vec![0; table.classes.len() * words], vec![0; words]);
        for (at, (list, all)) in table.lists.iter().zip(&table.all).enumerate() {
            let bit = 1_u64 << (at % 64);
            if *all || !list.is_empty() {
                any[at / 64] |= bit;
            }
            let mut set = |class: usize| bits[class * words + at / 64] |= bit;
            if *all {
                (0..table.classes.len()).for_each(&mut set);
            } else {
                list.iter().filter_map(|class| table.classes.binary_search(class).ok()).for_each(&mut set);
            }
        }
        Self { words, bits, any }
    }

    /// The items that are about one of these classes.
    fn union(&self, table: &Table, classes: &[u32]) -> Vec<u64> {
        let mut union = vec![0; self.words];
        for at in classes.iter().filter_map(|class| table.classes.binary_search(class).ok()) {
            let row = &self.bits[at * self.words..][..self.words];
            union.iter_mut().zip(row).for_each(|(all, bits)| *all |= bits);
        }
        union
    }
}

/// The way through the classes that one rule is about, for one action.
struct Walk<'a, 'b> {
    policy: &'a Policy,
    items: &'b Items,
    shape: &'b Prepared,
    times: &'b mut Times<'a>,
    rule: usize,
    asked: Asked,
    /// Where nothing was found: by axis, with these items left.
    none: HashSet<(usize, Vec<u32>)>,
}

impl Walk<'_, '_> {
    fn is_found(&mut self, axis: usize, left: Vec<u32>, steps: &mut Steps) -> Result<bool, DiffError> {
        steps.take(1 + left.len() as u64)?;
        let closes = |at: &u32| {
            let item = &self.items.list[*at as usize];
            let closes = match item.what {
                What::Allow => true,
                What::Forbid => item.open == [Moment::Outside(Vec::new())],
                What::Limit | What::Marker(_) => false,
            };
            closes && self.shape.all[axis][*at as usize]
        };
        if left.iter().any(closes) {
            return Ok(false);
        }
        // Nothing is in the way of whatever the rule is about from here on.
        if axis == AXES || left.is_empty() {
            return self.is_open(&left, steps);
        }
        if self.none.contains(&(axis, left.clone())) {
            return Ok(false);
        }
        for branch in self.branches(axis, &left, steps)? {
            if self.is_found(axis + 1, branch, steps)? {
                return Ok(true);
            }
        }
        self.none.insert((axis, left));
        Ok(false)
    }

    /// What is left of the items in each class of the rule's; fewest first.
    fn branches(&self, axis: usize, left: &[u32], steps: &mut Steps) -> Result<Vec<Vec<u32>>, DiffError> {
        let table = &self.shape.tables.axes[axis];
        let own = (!table.all[self.rule]).then(|| table.lists[self.rule].as_slice());
        let (mut always, mut pairs) = (Vec::new(), Vec::new());
        for at in left {
            match table.all[*at as usize] {
                true => always.push(*at),
                false => pairs.extend(table.lists[*at as usize].iter().map(|class| (*class, *at))),
            }
        }
        steps.take(pairs.len() as u64)?;
        if let Some(own) = own {
            pairs.retain(|(class, _)| own.binary_search(class).is_ok());
        }
        pairs.sort_unstable();
        let mut found: HashSet<Vec<u32>> = HashSet::new();
        let mut touched = 0;
        for run in pairs.chunk_by(|a, b| a.0 == b.0) {
            touched += 1;
            let mut branch = always.clone();
            branch.extend(run.iter().map(|(_, at)| *at));
            branch.sort_unstable();
            found.insert(branch);
        }
        if touched < own.map_or(table.classes.len(), <[u32]>::len) {
            found.insert(always);
        }
        let mut found: Vec<Vec<u32>> = found.into_iter().collect();
        found.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        Ok(found)
    }

    /// Is there a time, and an amount, at which these let the rule decide, or allow?
    fn is_open(&mut self, left: &[u32], steps: &mut Steps) -> Result<bool, DiffError> {
        let mut moments: Vec<Moment> = Vec::new();
        let mut rules: Vec<&Rule> = Vec::new();
        let own = (self.asked == Asked::Allows).then_some(self.rule as u32);
        for at in own.iter().chain(left) {
            let item = &self.items.list[*at as usize];
            moments.extend(item.open.iter().cloned());
            match item.source {
                Source::Rule(rule) if item.what != What::Forbid => rules.extend(self.policy.rules.get(rule)),
                _ => {}
            }
        }
        if own.is_some() && is_nil(rules) {
            return Ok(false);
        }
        if moments.is_empty() {
            return Ok(true);
        }
        let open = self.times.set(moments);
        Ok(self.times.compare([Some(open), None], steps)?[When::OnlyOld as usize].is_some())
    }
}

/// Do these together let nothing through, whatever the time?
fn is_nil(rules: Vec<&Rule>) -> bool {
    let bound = Bound { side: Side::Old, rules, markers: Vec::new(), seats: Seats::Enough };
    bound.is_never() || bound.cap().is_zero()
}
