//! What is left when all classes of a payment are known: its amount, its fee and the time.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::Pair;
use super::error::{DiffError, Steps};
use super::item::{Items, Marker, Side, Source, What};
use super::search::by_side;
use super::seats::Seats;
use super::terms::Bound;
use super::times::{Found, Moment, Open, Times, When};
use crate::amount::{Amount, Asset};

/// How the new bundle differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Denied before, allowed now.
    NewlyAllowed,
    /// Allowed before, denied now.
    NewlyDenied,
    /// Allowed by both, under other budgets, quorums or the like.
    OtherTerms,
}

/// Amounts that differ in one way, at times and with fees that do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leaf {
    pub way: Way,
    /// When which bundle is open, and the conditions of both.
    pub when: (When, [Option<Open>; 2]),
    /// The least and the most in minor units.
    pub amounts: (Amount, Amount),
    /// What the amounts are in, unless they are all there are.
    pub asset: Option<Asset>,
    pub fees: Vec<Fee>,
    /// The allow rules that decide, by their position.
    pub rules: [Option<usize>; 2],
    pub terms: [Vec<String>; 2],
}

/// No fee, or one of these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fee {
    None,
    /// The least and the most in minor units.
    Of(Asset, Amount, Amount),
}

/// Every leaf once.
pub(super) struct Leaves<'a> {
    pair: Pair<'a>,
    pub times: Times<'a>,
    pub list: Vec<Leaf>,
    ids: HashMap<Leaf, u32>,
}

/// One bundle, where it allows anything.
struct Allowing<'a> {
    rule: usize,
    open: Open,
    cap: Amount,
    fee: Option<(&'a Asset, Amount)>,
    bound: Bound<'a>,
}

/// What is the same for all amounts and fees of one leaf.
type Sides<'s, 'a> = [Option<&'s Allowing<'a>>; 2];

impl<'a> Leaves<'a> {
    pub(super) fn new(pair: Pair<'a>, times: Times<'a>) -> Self {
        Self { pair, times, list: Vec::new(), ids: HashMap::new() }
    }

    /// The differences between what is left of both bundles.
    pub(super) fn of(
        &mut self,
        items: &Items,
        left: &[u32],
        steps: &mut Steps,
    ) -> Result<Vec<u32>, DiffError> {
        let markers: Vec<Marker> = left
            .iter()
            .filter_map(|at| match items.list[*at as usize].what {
                What::Marker(marker) => Some(marker),
                _ => None,
            })
            .collect();
        let [old, new] = by_side(items, left);
        let old = self.allowing(items, Side::Old, &old, &markers);
        let new = self.allowing(items, Side::New, &new, &markers);
        let sides: Sides<'_, 'a> = [old.as_ref(), new.as_ref()];
        let open = sides.map(|side| side.map(|side| side.open));
        let mut leaves = Vec::new();
        if let [Some(old), Some(new)] = sides {
            leaves.extend(both_open(old, new, open, steps)?);
            if leaves.is_empty() && old.open == new.open {
                return Ok(Vec::new());
            }
        }
        let found = self.times.compare(open, steps)?;
        leaves.retain(|_| found[When::Both as usize].is_some());
        leaves.extend(one_open(sides, open, &found));
        Ok(leaves.into_iter().map(|leaf| self.id(leaf)).collect())
    }

    fn id(&mut self, leaf: Leaf) -> u32 {
        let next = self.list.len() as u32;
        let id = *self.ids.entry(leaf.clone()).or_insert(next);
        if id == next {
            self.list.push(leaf);
        }
        id
    }

    fn allowing(
        &mut self,
        items: &Items,
        side: Side,
        left: &[u32],
        markers: &[Marker],
    ) -> Option<Allowing<'a>> {
        let policy = self.pair[side as usize];
        let mut moments: Vec<Moment> = Vec::new();
        let (mut allow, mut limits, mut seats) = (None, Vec::new(), Seats::Enough);
        for item in left.iter().map(|at| &items.list[*at as usize]) {
            let rule = match item.source {
                Source::Rule(at) => Some(at),
                _ => None,
            };
            match item.what {
                What::Allow if allow.is_some() => continue,
                What::Allow => allow = rule,
                What::Limit => limits.extend(rule),
                What::Forbid | What::Marker(_) => {}
            }
            moments.extend(item.open.iter().cloned());
            seats = seats.min(item.seats);
        }
        let allow = allow?;
        let rules = std::iter::once(allow).chain(limits).filter_map(|at| policy.rules.get(at)).collect();
        let bound = Bound { side, rules, markers: markers.to_vec(), seats };
        if bound.is_never() {
            return None;
        }
        Some(Allowing {
            rule: allow,
            open: self.times.set(moments),
            cap: bound.cap(),
            fee: bound.fee(),
            bound,
        })
    }
}

impl Allowing<'_> {
    fn allows_fee(&self, fee: &Fee) -> bool {
        match (fee, self.fee) {
            (Fee::None, _) => true,
            (Fee::Of(..), None) => false,
            (Fee::Of(asset, _, most), Some((own, cap))) => asset.name() == own.name() && *most <= cap,
        }
    }
}

/// The least amount of a payment; a fee may be nothing as well.
const LEAST: u64 = 1;

fn after(amount: Amount) -> Option<Amount> {
    amount.checked_add(Amount::from(1))
}

/// Stretches of amounts from the least one on, each up to one of these.
fn stretches(least: Amount, ends: BTreeSet<Amount>) -> Vec<(Amount, Amount)> {
    let mut least = Some(least);
    let mut found = Vec::new();
    for most in ends {
        if let Some(from) = least.filter(|from| *from <= most) {
            found.push((from, most));
            least = after(most);
        }
    }
    found
}

/// No fee, and the fees that either allows, as far as the same one does.
fn fees(sides: Sides<'_, '_>) -> Vec<Fee> {
    let caps: Vec<(&Asset, Amount)> = sides.into_iter().flatten().filter_map(|side| side.fee).collect();
    let mut assets: Vec<&Asset> = Vec::new();
    for (asset, _) in &caps {
        if !assets.iter().any(|known| known.name() == asset.name()) {
            assets.push(asset);
        }
    }
    let mut found = vec![Fee::None];
    for asset in assets {
        let own = caps.iter().filter(|(other, _)| other.name() == asset.name()).map(|(_, cap)| *cap);
        let stretches = stretches(Amount::ZERO, own.collect()).into_iter();
        found.extend(stretches.map(|(least, most)| Fee::Of(asset.clone(), least, most)));
    }
    found
}

/// What differs at times at which both bundles are open.
fn both_open<'a>(
    old: &Allowing<'a>,
    new: &Allowing<'a>,
    open: [Option<Open>; 2],
    steps: &mut Steps,
) -> Result<Vec<Leaf>, DiffError> {
    let mut ends: BTreeSet<Amount> = [old.cap, new.cap, Amount::MAX].into();
    ends.extend(old.bound.steps().into_iter().chain(new.bound.steps()));
    let fees = fees([Some(old), Some(new)]);
    let mut found: Vec<(Way, Vec<Fee>, (Amount, Amount))> = Vec::new();
    for (least, most) in stretches(Amount::from(LEAST), ends) {
        steps.take((old.bound.rules.len() + new.bound.rules.len() + fees.len()) as u64)?;
        let within = [most <= old.cap, most <= new.cap];
        if within == [false; 2] {
            continue;
        }
        let differ = within == [true; 2] && old.bound.terms(least) != new.bound.terms(least);
        let mut ways: Vec<(Way, Vec<Fee>)> = Vec::new();
        for fee in &fees {
            let way = match (within[0] && old.allows_fee(fee), within[1] && new.allows_fee(fee)) {
                (false, true) => Way::NewlyAllowed,
                (true, false) => Way::NewlyDenied,
                (true, true) if differ => Way::OtherTerms,
                _ => continue,
            };
            match ways.iter_mut().find(|(known, _)| *known == way) {
                Some((_, fees)) => fees.push(fee.clone()),
                None => ways.push((way, vec![fee.clone()])),
            }
        }
        for (way, fees) in ways {
            let before = found
                .iter_mut()
                .find(|(known, with, (_, end))| *known == way && *with == fees && after(*end) == Some(least));
            match before {
                Some((_, _, (_, end))) => *end = most,
                None => found.push((way, fees, (least, most))),
            }
        }
    }
    let sides = [Some(old), Some(new)];
    Ok(found
        .into_iter()
        .map(|(way, fees, amounts)| leaf(way, sides, (When::Both, open), amounts, fees))
        .collect())
}

/// What differs at times at which one bundle is open and the other is not.
fn one_open(sides: Sides<'_, '_>, open: [Option<Open>; 2], found: &Found) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    for (at, when, way) in [(0, When::OnlyOld, Way::NewlyDenied), (1, When::OnlyNew, Way::NewlyAllowed)] {
        let (Some(side), Some(_)) = (sides[at], found[when as usize]) else { continue };
        let mut only: Sides<'_, '_> = [None; 2];
        only[at] = Some(side);
        for amounts in stretches(Amount::from(LEAST), [side.cap].into()) {
            leaves.push(leaf(way, only, (when, open), amounts, fees(only)));
        }
    }
    leaves
}

fn leaf(
    way: Way,
    sides: Sides<'_, '_>,
    when: (When, [Option<Open>; 2]),
    amounts: (Amount, Amount),
    fees: Vec<Fee>,
) -> Leaf {
    let allows = match way {
        Way::NewlyAllowed => [false, true],
        Way::NewlyDenied => [true, false],
        Way::OtherTerms => [true, true],
    };
    let allowing = [0, 1].map(|at| sides[at].filter(|_| allows[at]));
    let bounded = amounts != (Amount::from(LEAST), Amount::MAX);
    let asset = sides.iter().flatten().find_map(|side| side.bound.asset()).filter(|_| bounded);
    Leaf {
        way,
        when,
        amounts,
        asset: asset.cloned(),
        fees,
        rules: allowing.map(|side| side.map(|side| side.rule)),
        terms: allowing.map(|side| side.map(|side| side.bound.words()).unwrap_or_default()),
    }
}
