//! Whether and when two sets of conditions on the time hold together, or one without the other.
//!
//! Exact over every moment from a given one to the end of the calendar. Between two changes of any
//! clock every week is like the one before; and from the last edge of a lifetime and the last change
//! that the time zone database lists one by one, the Gregorian calendar repeats itself every 400
//! years (146,097 days, a whole number of weeks). So one week of each kind is looked at, at each
//! minute at which something opens or closes.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::error::{DiffError, Steps};
use crate::policy::hours::Hours;
use crate::policy::judge::Clock;
use crate::policy::lifetime::Lifetime;
use crate::policy::zone::Zone;
use crate::time::Timestamp;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
const WEEK: i64 = 7 * DAY;
/// 400 years of the Gregorian calendar.
const CYCLE: i64 = 146_097 * DAY;
/// From 2101 on the database has rules instead of single changes.
const BY_RULE: i64 = 4_133_980_800_000;
/// 1970-01-05, the first Monday.
const MONDAY: i64 = 4 * DAY;

/// One condition, of those that [`Times`] knows.
pub(super) type Condition = u32;

/// Something that has to be so at the time of a payment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Moment {
    /// This condition holds.
    Inside(Condition),
    /// Not all of these hold; of none, never.
    Outside(Vec<Condition>),
}

/// A set of moments that have to come together, of those that [`Times`] knows.
pub(super) type Open = u32;

/// When which bundle is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum When {
    Both,
    OnlyOld,
    OnlyNew,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Written<'a> {
    Hours(&'a Hours),
    /// By its edges; two spellings of them are one.
    Lifetime(Option<i64>, Option<i64>),
}

/// A condition in words: when it holds, and when it does not.
struct Said {
    inside: String,
    /// Before and after a lifetime; outside hours.
    outside: [Option<String>; 2],
}

/// Each from its first moment to before its last, in ms since the epoch.
type Stretches = Rc<[(i64, i64)]>;

/// Conditions and sets of them, each kept once, and what was found out about them.
pub(super) struct Times<'a> {
    since: Timestamp,
    conditions: Vec<(Written<'a>, Said)>,
    condition_ids: HashMap<Written<'a>, Condition>,
    sets: Vec<Rc<[Moment]>>,
    set_ids: HashMap<Rc<[Moment]>, Open>,
    found: HashMap<[Option<Open>; 2], Found>,
    stretches: HashMap<(Vec<String>, Vec<i64>), Stretches>,
}

/// The first moment of each kind that there is.
pub(super) type Found = [Option<Timestamp>; 3];

impl<'a> Times<'a> {
    pub(super) fn since(since: Timestamp) -> Self {
        Self {
            since,
            conditions: Vec::new(),
            condition_ids: HashMap::new(),
            sets: Vec::new(),
            set_ids: HashMap::new(),
            found: HashMap::new(),
            stretches: HashMap::new(),
        }
    }

    /// The conditions of a rule.
    pub(super) fn conditions(
        &mut self,
        hours: Option<&'a Hours>,
        lifetime: Option<&'a Lifetime>,
    ) -> Vec<Condition> {
        let hours = hours.map(|hours| {
            let said = Said { inside: hours.to_string(), outside: [Some(format!("outside {hours}")), None] };
            (Written::Hours(hours), said)
        });
        let lifetime = lifetime.map(|lifetime| {
            let (from, end) = lifetime.bounds();
            let said = Said { inside: lifetime.to_string(), outside: lifetime.outside() };
            (Written::Lifetime(from, end), said)
        });
        let mut ids: Vec<Condition> = hours
            .into_iter()
            .chain(lifetime)
            .map(|(written, words)| self.condition(written, words))
            .collect();
        ids.sort_unstable();
        ids
    }

    fn condition(&mut self, written: Written<'a>, words: Said) -> Condition {
        let next = self.conditions.len() as Condition;
        let id = *self.condition_ids.entry(written).or_insert(next);
        if id == next {
            self.conditions.push((written, words));
        }
        id
    }

    /// The set of these moments.
    pub(super) fn set(&mut self, mut moments: Vec<Moment>) -> Open {
        moments.sort_unstable();
        moments.dedup();
        let next = self.sets.len() as Open;
        match self.set_ids.get(moments.as_slice()) {
            Some(id) => *id,
            None => {
                let set: Rc<[Moment]> = moments.into();
                self.sets.push(set.clone());
                self.set_ids.insert(set, next);
                next
            }
        }
    }

    /// The moments that have to come together; none where it is open at any time.
    pub(super) fn moments(&self, open: Open) -> &[Moment] {
        &self.sets[open as usize]
    }

    /// A moment in words.
    pub(super) fn words(&self, moment: &Moment) -> String {
        match moment {
            Moment::Inside(id) => self.conditions[*id as usize].1.inside.clone(),
            Moment::Outside(ids) => {
                let outside = |id: &Condition| self.conditions[*id as usize].1.outside.iter().flatten();
                ids.iter().flat_map(outside).map(String::as_str).collect::<Vec<_>>().join(" or ")
            }
        }
    }

    /// When a moment does not come, while all of these do, in words; nothing where it comes then, too.
    pub(super) fn fails(&self, moment: &Moment, others: &[Moment]) -> Option<String> {
        let id = match moment {
            Moment::Inside(id) => id,
            Moment::Outside(ids) => {
                let inside = |id: &Condition| self.conditions[*id as usize].1.inside.as_str();
                return Some(ids.iter().map(inside).collect::<Vec<_>>().join(" and "));
            }
        };
        let (written, said) = &self.conditions[*id as usize];
        let [mut before, mut after] = said.outside.clone();
        if let Written::Lifetime(from, end) = written {
            for moment in others {
                let Moment::Inside(other) = moment else { continue };
                let Written::Lifetime(other_from, other_end) = self.conditions[*other as usize].0 else {
                    continue;
                };
                // Not while the other lives, which begins later, or ends sooner.
                before =
                    before.filter(|_| other_from.is_none_or(|other| from.is_some_and(|from| other < from)));
                after = after.filter(|_| other_end.is_none_or(|other| end.is_some_and(|end| end < other)));
            }
        }
        let words: Vec<String> = before.into_iter().chain(after).collect();
        (!words.is_empty()).then(|| words.join(" or "))
    }

    /// Is it open now?
    pub(super) fn is_open(&self, open: Open, clock: &mut Clock<'a>) -> bool {
        self.sets[open as usize].iter().all(|moment| match moment {
            Moment::Inside(id) => self.holds(*id, clock),
            Moment::Outside(ids) => !ids.iter().all(|id| self.holds(*id, clock)),
        })
    }

    fn holds(&self, id: Condition, clock: &mut Clock<'a>) -> bool {
        match self.conditions[id as usize].0 {
            Written::Hours(hours) => hours.open(&clock.local(hours.zone())),
            Written::Lifetime(from, end) => {
                let now = clock.now().millis();
                from.is_none_or(|from| from <= now) && end.is_none_or(|end| now < end)
            }
        }
    }

    /// When both are open, and when only one is; a side that never allows anything is none.
    pub(super) fn compare(&mut self, open: [Option<Open>; 2], steps: &mut Steps) -> Result<Found, DiffError> {
        if let Some(found) = self.found.get(&open) {
            return Ok(*found);
        }
        let found = self.search(open, steps)?;
        self.found.insert(open, found);
        Ok(found)
    }

    fn search(&mut self, open: [Option<Open>; 2], steps: &mut Steps) -> Result<Found, DiffError> {
        let used = self.used(open);
        let wanted = match open {
            [Some(old), Some(new)] if old == new => 1,
            [Some(_), Some(_)] => 3,
            _ => 1,
        };
        let mut found: Found = [None; 3];
        let mut missing = wanted;
        for (start, end) in self.stretches(&used, steps)?.iter() {
            for at in self.edges(&used, *start, *end) {
                steps.take(1 + used.len() as u64)?;
                let Ok(at) = Timestamp::from_millis(at) else { continue };
                let mut clock = Clock::at(at);
                let [old, new] = open.map(|set| set.is_some_and(|set| self.is_open(set, &mut clock)));
                let when = match (old, new) {
                    (true, true) => When::Both,
                    (true, false) => When::OnlyOld,
                    (false, true) => When::OnlyNew,
                    (false, false) => continue,
                };
                let first = &mut found[when as usize];
                if first.is_none() {
                    *first = Some(at);
                    missing -= 1;
                    if missing == 0 {
                        return Ok(found);
                    }
                }
            }
        }
        Ok(found)
    }

    /// The conditions that these sets rest on.
    fn used(&self, open: [Option<Open>; 2]) -> Vec<Written<'a>> {
        let moments = open.into_iter().flatten().flat_map(|set| self.sets[set as usize].iter());
        let ids: BTreeSet<Condition> = moments
            .flat_map(|moment| match moment {
                Moment::Inside(id) => std::slice::from_ref(id),
                Moment::Outside(ids) => ids.as_slice(),
            })
            .copied()
            .collect();
        ids.into_iter().map(|id| self.conditions[id as usize].0).collect()
    }

    /// Stretches of time, of a week or less, that show all there is to see.
    fn stretches(&mut self, used: &[Written<'a>], steps: &mut Steps) -> Result<Stretches, DiffError> {
        let mut zones: Vec<&Zone> = Vec::new();
        let mut edges: Vec<i64> = Vec::new();
        for written in used {
            match written {
                Written::Hours(hours) => zones.push(hours.zone()),
                Written::Lifetime(from, end) => edges.extend([*from, *end].into_iter().flatten()),
            }
        }
        zones.sort_unstable_by_key(|zone| zone.name());
        zones.dedup();
        edges.sort_unstable();
        edges.dedup();
        let key = (zones.iter().map(|zone| zone.name().to_owned()).collect(), edges);
        if let Some(known) = self.stretches.get(&key) {
            return Ok(known.clone());
        }
        let stretches: Stretches = stretches(self.since, &zones, &key.1, steps)?.into();
        self.stretches.insert(key, stretches.clone());
        Ok(stretches)
    }

    /// The moments of a stretch, in which no clock changes, at which something may open or close.
    fn edges(&self, used: &[Written<'a>], start: i64, end: i64) -> Vec<i64> {
        let mut at = vec![start];
        let Ok(from) = Timestamp::from_millis(start) else { return at };
        for written in used {
            let Written::Hours(hours) = written else { continue };
            let local = (start + hours.zone().ahead(from) - MONDAY).rem_euclid(WEEK);
            for (day, minutes) in (0..7).flat_map(|day| hours.edges().map(|edge| (day, i64::from(edge)))) {
                let after = (day * DAY + minutes * MINUTE - local).rem_euclid(WEEK);
                if start + after < end {
                    at.push(start + after);
                }
            }
        }
        at.sort_unstable();
        at.dedup();
        at
    }
}

fn stretches(
    since: Timestamp,
    zones: &[&Zone],
    edges: &[i64],
    steps: &mut Steps,
) -> Result<Vec<(i64, i64)>, DiffError> {
    let since_ms = since.millis();
    let last = edges.last().copied().unwrap_or(0).min(i64::MAX / 2);
    let horizon = since_ms.max(last).max(BY_RULE) + CYCLE;
    let horizon = horizon.min(since.plus_millis(i64::MAX).millis() + 1);
    let mut breaks: BTreeSet<i64> =
        edges.iter().copied().filter(|edge| *edge > since_ms && *edge < horizon).collect();
    breaks.insert(since_ms);
    for zone in zones {
        for change in zone.changes_after(since).take_while(|change| *change < horizon) {
            steps.take(1)?;
            breaks.insert(change);
        }
    }
    breaks.insert(horizon);
    let breaks: Vec<i64> = breaks.into_iter().collect();
    let (mut whole, mut short) = (HashSet::new(), HashSet::new());
    let mut found = Vec::new();
    for (start, end) in breaks.iter().zip(breaks.iter().skip(1)) {
        steps.take(1 + zones.len() as u64)?;
        let Ok(at) = Timestamp::from_millis(*start) else { continue };
        let lived = edges.partition_point(|edge| edge <= start);
        let key: (usize, Vec<i64>) = (lived, zones.iter().map(|zone| zone.ahead(at)).collect());
        if whole.contains(&key) {
            continue;
        }
        if end - start >= WEEK {
            whole.insert(key);
            found.push((*start, start + WEEK));
        } else if short.insert((key, start.rem_euclid(WEEK), end - start)) {
            found.push((*start, *end));
        }
    }
    Ok(found)
}
