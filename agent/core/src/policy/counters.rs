//! How full the budgets are.

mod tally;

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Serialize;

use super::Policy;
use super::budget::{Budget, Counted, Per, Quantity};
use super::denial::{Denial, DenialCode};
use super::draw::Draw;
use super::judge::Permit;
use super::quorum::Wanted;
use super::window::Window;
use crate::amount::Amount;
use crate::key::PublicKey;
use crate::name::Name;
use crate::time::Timestamp;
use tally::Tally;

/// The state of all budgets, in memory; the records of decisions and settlements rebuild it.
///
/// A payment counts in every window from [`reserve`](Self::reserve) on, until it is
/// [settled](Self::settle), from when on it counts at its time, or [released](Self::release).
/// The cost of each operation does not depend on how many payments there were: a counter keeps
/// a running sum and at most about 258 slices. Time never goes back: an earlier `now` counts as
/// the latest one seen.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    tallies: HashMap<Slot, Tally>,
    /// Whom each account has paid before.
    known: HashSet<(Name, PublicKey)>,
    /// The latest `now` seen, in ms since the epoch.
    clock: i64,
    /// So many counters start the next search for empty ones.
    sweep_at: usize,
}

/// Why a permit is not enough by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// A budget, a spacing or a first payment: refused.
    Denied(Denial),
    /// Somebody has to approve first; while it waits, it holds nothing.
    Waiting(Vec<Wanted>),
}

impl Unmet {
    /// The refusal, if it is one.
    pub fn denial(self) -> Option<Denial> {
        match self {
            Self::Denied(denial) => Some(denial),
            Self::Waiting(_) => None,
        }
    }
}

/// When a ledger recorded a payment: at some time from the first to the last of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Span {
    /// Not before this time.
    pub earliest: Timestamp,
    /// Not after this time.
    pub latest: Timestamp,
}

/// How full one budget is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Spent or held.
    pub used: Quantity,
    /// The most that one window may hold.
    pub cap: Quantity,
    /// What is left.
    pub left: Quantity,
}

/// One budget of a policy, and how full it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its name, which is its rule's.
    pub budget: Name,
    /// What it is in words, like `200.00 EUR in any 7 days per recipient`.
    pub condition: String,
    /// Whose budget it is, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Name>,
    /// How full it is.
    #[serde(flatten)]
    pub left: Left,
    /// The same in hundredths of the cap, rounded down.
    pub percent: u8,
}

/// What a counter is kept under. The cap is not part of it: a new cap finds what was spent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Slot {
    budget: Name,
    per: Option<Per>,
    key: Option<Name>,
    also: Option<Name>,
    window: Window,
    counted: Counted,
}

/// Counters below which looking for empty ones is not worth it.
const SWEEP: usize = 1024;

impl Slot {
    fn of(budget: &Budget, key: Option<&Name>, also: Option<&Name>) -> Self {
        Self {
            budget: budget.name.clone(),
            per: budget.per,
            key: key.cloned(),
            also: also.cloned(),
            window: budget.window.clone(),
            counted: budget.counted(),
        }
    }

    fn of_draw(draw: &Draw) -> Self {
        Self::of(&draw.budget, draw.key.as_ref(), draw.also.as_ref())
    }
}

impl Counters {
    /// Would [`reserve`](Self::reserve) find nothing unmet? Changes nothing.
    ///
    /// What is refused comes before what waits: nobody is asked for what could not be paid.
    pub fn check(&self, permit: &Permit, voters: &BTreeSet<Name>, now: Timestamp) -> Result<(), Unmet> {
        self.unmet(permit, voters, self.clock.max(now.millis()))
    }

    /// Holds all that the permit draws if every budget has room for it and these voters, who have
    /// approved, are enough; and nothing otherwise.
    ///
    /// Judging and reserving have to be one atomic step: no other reservation in between.
    pub fn reserve(&mut self, permit: &Permit, voters: &BTreeSet<Name>, now: Timestamp) -> Result<(), Unmet> {
        self.clock = self.clock.max(now.millis());
        self.unmet(permit, voters, self.clock)?;
        for draw in permit.draws() {
            let tally = self.tallies.entry(Slot::of_draw(draw)).or_default();
            tally.advance(self.clock);
            tally.hold(draw.units);
        }
        self.sweep_if_due();
        Ok(())
    }

    /// From now on this account has paid that address before.
    pub fn learn(&mut self, account: &Name, to: PublicKey) {
        self.known.insert((account.clone(), to));
    }

    /// Has this account paid that address before?
    pub fn knows(&self, account: &Name, to: PublicKey) -> bool {
        self.known.contains(&(account.clone(), to))
    }

    /// Who has to approve still, whatever else is in the way; nobody when the quorum is reached. `Err`
    /// says that there are too few people who could.
    pub fn wanted(
        &self,
        permit: &Permit,
        voters: &BTreeSet<Name>,
        now: Timestamp,
    ) -> Result<Vec<Wanted>, Denial> {
        self.missing(permit, voters, self.clock.max(now.millis()))
    }

    fn unmet(&self, permit: &Permit, voters: &BTreeSet<Name>, now: i64) -> Result<(), Unmet> {
        for draw in permit.draws().iter().filter(|draw| draw.denies()) {
            self.check_draw(draw, now).map_err(Unmet::Denied)?;
        }
        let terms = &permit.terms;
        if terms.first.is_empty() && terms.asks.is_empty() {
            return Ok(());
        }
        let new = terms.to.as_ref().filter(|(_, to)| !self.knows(&terms.account, *to));
        for (rule, first) in &terms.first {
            if let Some((name, _)) = new.filter(|_| !first.0.holds(terms.amount)) {
                return Err(Unmet::Denied(first.denial(rule, name, terms.amount)));
            }
        }
        let waiting = self.missing(permit, voters, now).map_err(Unmet::Denied)?;
        if waiting.is_empty() { Ok(()) } else { Err(Unmet::Waiting(waiting)) }
    }

    fn missing(&self, permit: &Permit, voters: &BTreeSet<Name>, now: i64) -> Result<Vec<Wanted>, Denial> {
        let terms = &permit.terms;
        if terms.asks.is_empty() {
            return Ok(Vec::new());
        }
        let new = terms.to.as_ref().is_some_and(|(_, to)| !self.knows(&terms.account, *to));
        let mut waiting = Vec::new();
        for ask in &terms.asks {
            let sum = match ask.watch.and_then(|at| permit.draws().get(at)) {
                None => Some(terms.amount),
                Some(draw) => self.used(draw, now).and_then(|used| used.checked_add(draw.units)),
            };
            let wanted = ask.wanted(sum, new, &terms.requester, voters);
            waiting.extend(wanted.map_err(|why| Denial::by(DenialCode::Approval, &ask.rule, why))?);
        }
        Ok(waiting)
    }

    /// What would count with this draw; `None` on overflow.
    pub(super) fn sum_with(&self, draw: &Draw, now: Timestamp) -> Option<Amount> {
        let used = self.used(draw, self.clock.max(now.millis()));
        used.and_then(|used| used.checked_add(draw.units))
    }

    /// What counts in the budget from which this draws; `None` on overflow.
    fn used(&self, draw: &Draw, now: i64) -> Option<Amount> {
        self.tallies.get(&Slot::of_draw(draw)).map_or(Some(Amount::ZERO), |tally| tally.used(now))
    }

    /// Holds what a recorded decision drew, without asking again.
    pub fn hold(&mut self, draws: &[Draw]) {
        for draw in draws {
            self.tallies.entry(Slot::of_draw(draw)).or_default().hold(draw.units);
        }
        self.sweep_if_due();
    }

    /// What was held is recorded now: it counts at its time instead of always.
    ///
    /// A rolling window counts it at `latest`; a calendar window in every period up to the one
    /// that holds `latest`. A time that still lies in the future counts now as well.
    pub fn settle(&mut self, draws: &[Draw], span: Span) {
        let latest = span.latest.max(span.earliest);
        for draw in draws {
            let tally = self.tallies.entry(Slot::of_draw(draw)).or_default();
            tally.release(draw.units);
            tally.spend(draw.units, draw.budget.window.counts_until(latest));
            tally.advance(self.clock);
        }
        self.sweep_if_due();
    }

    /// What was held is proven never to be recorded: it is given back.
    pub fn release(&mut self, draws: &[Draw]) {
        for draw in draws {
            let slot = Slot::of_draw(draw);
            if let Some(tally) = self.tallies.get_mut(&slot) {
                tally.release(draw.units);
                if tally.is_empty() {
                    self.tallies.remove(&slot);
                }
            }
        }
    }

    /// Frees everything that has left its window at this time, and drops empty counters.
    ///
    /// [`reserve`](Self::reserve) does so by itself; a replay of a long history, which only
    /// holds and settles, calls it now and then with the time of the records to stay small.
    pub fn advance(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now.millis());
        self.sweep();
    }

    /// How full the budget is from which this draws.
    pub fn left(&self, draw: &Draw, now: Timestamp) -> Left {
        left(&draw.budget, self.used(draw, self.clock.max(now.millis())))
    }

    /// Would this draw alone find room?
    pub(super) fn has_room(&self, draw: &Draw, now: Timestamp) -> bool {
        self.check_draw(draw, self.clock.max(now.millis())).is_ok()
    }

    /// The later of this time and the latest one seen.
    pub(super) fn time(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(self.clock).map_or(now, |seen| now.max(seen))
    }

    /// From when on this draw would find room, if nothing else is drawn; `None` if never, as far
    /// as is known.
    pub(super) fn room_from(&self, draw: &Draw, now: Timestamp) -> Option<Timestamp> {
        let (cap, now) = (draw.budget.units(), self.time(now));
        match self.tallies.get(&Slot::of_draw(draw)) {
            Some(tally) => {
                tally.room_from(draw.units, cap, now.millis()).and_then(|at| Timestamp::from_millis(at).ok())
            }
            None => (draw.units <= cap).then_some(now),
        }
    }

    /// When something next leaves the window of the budget from which this draws.
    pub(super) fn next_change(&self, draw: &Draw, now: Timestamp) -> Option<Timestamp> {
        let tally = self.tallies.get(&Slot::of_draw(draw))?;
        tally.next_change(self.time(now).millis()).and_then(|at| Timestamp::from_millis(at).ok())
    }

    /// How full every budget of a policy is, in the order of its rules. Where each account,
    /// recipient, category or requester has its own, those that used some of it.
    ///
    /// Walks all counters: for people, not for payments.
    pub fn standings(&self, policy: &Policy, now: Timestamp) -> Vec<Standing> {
        let now = self.clock.max(now.millis());
        let mut keyed: HashMap<Slot, Vec<(&Name, &Tally)>> = HashMap::new();
        for (slot, tally) in &self.tallies {
            if let Some(key) = &slot.key {
                keyed.entry(Slot { key: None, ..slot.clone() }).or_default().push((key, tally));
            }
        }
        let mut standings = Vec::new();
        let budgets = policy.rules_in_order().flat_map(|rule| &rule.budgets);
        for budget in budgets.filter(|budget| budget.denies()) {
            let slot = Slot::of(budget, None, None);
            let shared = self.tallies.get(&slot);
            let mut row = |key: Option<&Name>, tally: Option<&Tally>| {
                let used = tally.map_or(Some(Amount::ZERO), |tally| tally.used(now));
                standings.push(Standing {
                    budget: budget.name.clone(),
                    condition: budget.to_string(),
                    key: key.cloned(),
                    left: left(budget, used),
                    percent: used.unwrap_or(Amount::MAX).percent_of(budget.units()),
                });
            };
            if budget.per.is_none() || shared.is_some() {
                row(None, shared);
            }
            let mut own = keyed.remove(&slot).unwrap_or_default();
            own.sort_by_key(|(key, _)| *key);
            own.into_iter().for_each(|(key, tally)| row(Some(key), Some(tally)));
        }
        standings
    }

    fn check_draw(&self, draw: &Draw, now: i64) -> Result<(), Denial> {
        let used = self.used(draw, now);
        let budget = &*draw.budget;
        match used.and_then(|used| used.checked_add(draw.units)) {
            Some(sum) if sum <= budget.units() => Ok(()),
            Some(_) if draw.code() == DenialCode::Spacing => Err(self.too_soon(draw, now)),
            Some(_) => Err(exceeded(draw, used)),
            None => Err(Denial::by(
                DenialCode::Overflow,
                &budget.name,
                format_args!("{budget}; with this payment the sum would exceed 2^256 - 1 minor units"),
            )),
        }
    }

    fn too_soon(&self, draw: &Draw, now: i64) -> Denial {
        let free = self.tallies.get(&Slot::of_draw(draw)).and_then(|tally| tally.free_from(now));
        let when = free.and_then(|at| Timestamp::from_millis(at).ok()).map_or_else(
            || "one is under way".to_owned(),
            |at| format!("the next may come at {}", at.plus_millis(999).whole_seconds()),
        );
        let of = draw.key.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
        Denial::by(DenialCode::Spacing, &draw.budget.name, format_args!("{}; {when}{of}", draw.budget))
    }

    fn sweep_if_due(&mut self) {
        if self.tallies.len() >= self.sweep_at.max(SWEEP) {
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        self.tallies.retain(|_, tally| {
            tally.advance(self.clock);
            !tally.is_empty()
        });
        // Doubling makes the walk a constant share of the insertions.
        self.sweep_at = self.tallies.len().saturating_mul(2);
    }
}

/// A sum that overflowed counts as full.
fn left(budget: &Budget, used: Option<Amount>) -> Left {
    let used = used.unwrap_or(Amount::MAX);
    let cap = budget.units();
    Left {
        used: budget.quantity(used),
        cap: budget.quantity(cap),
        left: budget.quantity(cap.checked_sub(used).unwrap_or(Amount::ZERO)),
    }
}

fn exceeded(draw: &Draw, used: Option<Amount>) -> Denial {
    let budget = &*draw.budget;
    let Left { used, left, .. } = left(budget, used);
    let by = draw.key.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
    let verb = |quantity: &Quantity| match quantity {
        Quantity::Count(one) if *one == Amount::from(1) => "is",
        _ => "are",
    };
    Denial::by(
        draw.code(),
        &budget.name,
        format_args!(
            "{budget}; {used} {} used{by}, {left} {} left, asked {}",
            verb(&used),
            verb(&left),
            draw.quantity()
        ),
    )
}
