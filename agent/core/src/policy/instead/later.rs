//! A later time.

use super::{Asked, Change, Instead, Outcome};
use crate::policy::draw::Draw;
use crate::policy::judge::{Clock, Facts, Question, draws_of, facts, purpose};
use crate::policy::rule::Rule;
use crate::time::Timestamp;

/// Most times that are looked at; hours that never open together would go on for ever.
const STEPS: usize = 1024;

/// The earliest later time with a good outcome.
///
/// Each step goes to the first time at which what fails now could hold, all of it: in between,
/// something of it fails. So no earlier time is passed over.
pub(super) fn earliest(asked: &Asked<'_>, good: impl Fn(&Outcome) -> bool) -> Option<Instead> {
    let at = |now| asked.outcome(&Question { now, ..*asked.question });
    let mut now = asked.counters.time(asked.question.now);
    for _ in 0..STEPS {
        now = next(asked, now).filter(|next| *next > now)?;
        let outcome = at(now);
        if good(&outcome) {
            // Whole seconds are easier to read, if it is allowed then.
            let rounded = now.plus_millis(999).whole_seconds();
            let whole = at(rounded);
            let (from, outcome) = if good(&whole) { (rounded, whole) } else { (now, outcome) };
            return Some(Instead { change: Change::Time { from }, approvals: outcome.approvals() });
        }
    }
    None
}

/// The first time after `now` at which the verdict could be another one.
fn next(asked: &Asked<'_>, now: Timestamp) -> Option<Timestamp> {
    let policy = asked.policy;
    let question = Question { now, ..*asked.question };
    let (facts, lookup) = facts(policy, &question).ok()?;
    let (index, mut clock) = (&policy.index, Clock::at(now));
    let mut waits = Waits { until: now, never: false, watched: None };
    if purpose(policy, &facts).is_err() {
        let bound = facts.asset.and_then(|asset| policy.purposes.get(asset.name()));
        waits.on(bound.and_then(|purpose| purpose.lifetime.as_ref()?.begins(now)));
    }
    for rule in lookup.matching(0..index.forbids).filter_map(|i| policy.rules.get(i)) {
        if rule.is_on(&mut clock) {
            let ends = rule.lifetime.as_ref().and_then(|lifetime| lifetime.ends());
            let closes = rule.hours.as_ref().and_then(|hours| hours.next(now, false));
            waits.on([ends, closes].into_iter().flatten().min());
        }
    }
    let first = lookup.matching(index.forbids..index.allows).next()?;
    let limits = lookup.matching(index.allows..index.rules);
    for rule in std::iter::once(first).chain(limits).filter_map(|i| policy.rules.get(i)) {
        waits.on_rule(rule, &facts, &mut clock, asked);
    }
    waits.next(now)
}

/// Until when something fails for certain.
struct Waits {
    until: Timestamp,
    /// Time alone does not make it good.
    never: bool,
    /// When a sum above which somebody has to approve next becomes smaller.
    watched: Option<Timestamp>,
}

impl Waits {
    fn on(&mut self, time: Option<Timestamp>) {
        match time {
            Some(time) => self.until = self.until.max(time),
            None => self.never = true,
        }
    }

    fn on_rule<'a>(&mut self, rule: &'a Rule, facts: &Facts<'_>, clock: &mut Clock<'a>, asked: &Asked<'_>) {
        let now = clock.now();
        if let Some(lifetime) = rule.lifetime.as_ref().filter(|lifetime| !lifetime.holds(now)) {
            self.on(lifetime.begins(now));
        }
        if let Some(hours) = &rule.hours
            && !hours.open(&clock.local(hours.zone()))
        {
            self.on(hours.next(now, true));
        }
        let mut draws: Vec<Draw> = Vec::new();
        draws_of(rule, facts, &mut draws);
        for draw in &draws {
            if !draw.denies() {
                let change = asked.counters.next_change(draw, now);
                self.watched = self.watched.into_iter().chain(change).min();
            } else if !asked.counters.has_room(draw, now) {
                self.on(asked.counters.room_from(draw, now));
            }
        }
    }

    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        match (self.never, self.until > now) {
            (true, _) => None,
            (false, true) => Some(self.until),
            // Nothing fails but approvals, if they do.
            (false, false) => self.watched,
        }
    }
}
