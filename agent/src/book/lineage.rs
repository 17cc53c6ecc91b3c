//! How the policy bundles came into force, one after the other, with the decisions by which they did:
//! for people who bring a copy of their own up to date, and verify every step.

use bursar_core::approval::HomeId;
use bursar_core::log::Hash;
use bursar_core::time::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::hex::Hex;
use super::record::{self, Record};
use super::replay::damaged;
use super::{in_force, read};
use crate::store::StoreError;

/// Most steps in one answer.
const MOST_STEPS: usize = 64;
/// After so many bytes of bundles and decisions the rest is for the next answer; a bundle that is
/// larger comes alone.
const MOST_BYTES: usize = 16 << 20;

/// A bundle that came into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    /// When.
    pub at: Timestamp,
    /// SHA-256 of its text.
    pub policy: Hash,
    /// Positions of the decisions on it.
    pub agreed: Vec<u64>,
}

/// Every bundle that came into force, in order. Follows from the records alone.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    lasting: Vec<Came>,
    emergency: Option<(Came, Timestamp)>,
}

/// A part of a lineage.
#[derive(Clone, Debug)]
pub struct Stretch {
    home: HomeId,
    in_force: Hash,
    steps: Vec<Came>,
    more: bool,
    emergency: Option<Came>,
}

/// What goes out: the bundles that came after one, up to the one in force.
#[derive(Debug, Serialize, Deserialize)]
pub struct Shown {
    /// The home whose policy it is.
    pub home: HomeId,
    /// SHA-256 of the bundle in force.
    pub policy: Hex<32>,
    /// The bundles, oldest first.
    pub steps: Vec<Step>,
    /// Are there others after these?
    pub more: bool,
    /// The one that is in force for a day in place of the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<Step>,
}

/// One bundle.
#[derive(Debug, Serialize, Deserialize)]
pub struct Step {
    /// When it came into force.
    pub at: Timestamp,
    /// Its text.
    pub bundle: String,
    /// The decisions on it, in the order in which they came: DSSE envelopes.
    pub agreements: Vec<Box<RawValue>>,
}

impl Lineage {
    /// Takes over a record, and where the decisions on its bundle are.
    pub fn take(&mut self, record: &record::InForce, agreed: Vec<u64>) {
        let came = Came { at: record.at, policy: record.policy.0, agreed };
        if let Some(until) = record.until {
            self.emergency = Some((came, until));
            return;
        }
        self.emergency = None;
        // After break-glass the one before is in force again, which is no step.
        if self.lasting.last().is_none_or(|last| last.policy != came.policy) {
            self.lasting.push(came);
        }
    }

    /// What came after this bundle, or the last one alone; `None` if this one was never in force for
    /// good.
    pub fn after(&self, home: HomeId, since: Option<&Hash>, now: Timestamp) -> Option<Stretch> {
        let first = match since {
            Some(since) => self.lasting.iter().rposition(|came| came.policy == *since)? + 1,
            None => self.lasting.len().checked_sub(1)?,
        };
        let rest = self.lasting.get(first..)?;
        let more = rest.len() > MOST_STEPS;
        let steps = rest.iter().take(MOST_STEPS).cloned().collect();
        let emergency = self.emergency.as_ref().filter(|(_, until)| now < *until).map(|(came, _)| came);
        let in_force = emergency.or(self.lasting.last())?.policy;
        Some(Stretch { home, in_force, steps, more, emergency: emergency.cloned() })
    }
}

/// Reads texts and decisions, as many as one answer holds.
pub fn shown(connection: &Connection, stretch: Stretch) -> Result<Shown, StoreError> {
    let Stretch { home, in_force, steps: all, mut more, emergency } = stretch;
    let (mut steps, mut bytes) = (Vec::with_capacity(all.len()), 0);
    for came in all {
        let step = step(connection, &came)?;
        bytes += step.bundle.len();
        bytes += step.agreements.iter().map(|envelope| envelope.get().len()).sum::<usize>();
        if bytes > MOST_BYTES && !steps.is_empty() {
            more = true;
            break;
        }
        steps.push(step);
    }
    // It follows the last one, which has to be known first.
    let emergency = emergency.filter(|_| !more);
    let break_glass = emergency.map(|came| step(connection, &came)).transpose()?;
    Ok(Shown { home, policy: Hex(in_force), steps, more, break_glass })
}

fn step(connection: &Connection, came: &Came) -> Result<Step, StoreError> {
    let agreement = |position: &u64| match read::record(connection, *position)? {
        Record::Agreed(agreed) => Ok(agreed.envelope),
        _ => Err(damaged(connection, format!("record {position}"), "it is no decision on a bundle")),
    };
    let agreements = came.agreed.iter().map(agreement).collect::<Result<_, _>>()?;
    Ok(Step { at: came.at, bundle: in_force::text(connection, &came.policy)?, agreements })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000).unwrap()
    }

    fn record(second: i64, policy: u8, until: Option<i64>) -> record::InForce {
        let until = until.map(at);
        let then = until.map(|_| Hex([1; 32]));
        record::InForce { at: at(second), policy: Hex([policy; 32]), proposal: None, until, then }
    }

    fn policies(lineage: &Lineage, since: Option<u8>, now: i64) -> Option<(Vec<u8>, u8, Option<u8>)> {
        let since = since.map(|since| [since; 32]);
        let stretch = lineage.after(Hex([0; 16]), since.as_ref(), at(now))?;
        let steps = stretch.steps.iter().map(|came| came.policy[0]).collect();
        Some((steps, stretch.in_force[0], stretch.emergency.map(|came| came.policy[0])))
    }

    #[test]
    fn break_glass_is_no_step() {
        let mut lineage = Lineage::default();
        assert_eq!(policies(&lineage, None, 0), None);
        lineage.take(&record(1, 1, None), vec![]);
        lineage.take(&record(2, 9, Some(100)), vec![4, 5]);
        assert_eq!(policies(&lineage, Some(1), 99), Some((vec![], 9, Some(9))));
        assert_eq!(policies(&lineage, Some(1), 100), Some((vec![], 1, None)), "its day is over");
        assert_eq!(policies(&lineage, None, 99), Some((vec![1], 9, Some(9))));
        assert_eq!(policies(&lineage, Some(9), 99), None, "nothing follows it");
        lineage.take(&record(101, 1, None), vec![]);
        lineage.take(&record(102, 2, None), vec![7]);
        lineage.take(&record(103, 3, None), vec![8, 9]);
        assert_eq!(policies(&lineage, Some(1), 104), Some((vec![2, 3], 3, None)));
        assert_eq!(policies(&lineage, Some(3), 104), Some((vec![], 3, None)));
        assert_eq!(policies(&lineage, Some(4), 104), None);
    }

    #[test]
    fn an_answer_has_so_many_steps() {
        let mut lineage = Lineage::default();
        (0..=u8::try_from(MOST_STEPS).unwrap() + 1)
            .for_each(|n| lineage.take(&record(i64::from(n), n, None), vec![]));
        let first = lineage.after(Hex([0; 16]), Some(&[0; 32]), at(999)).unwrap();
        assert_eq!((first.steps.len(), first.more), (MOST_STEPS, true));
        let next = lineage.after(Hex([0; 16]), Some(&first.steps[MOST_STEPS - 1].policy), at(999)).unwrap();
        assert_eq!((next.steps.len(), next.more), (1, false));
    }
}
