//! The wall clock, watched: it may only move as time itself does.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bursar_core::time::Timestamp;

/// What was seen last, so that the next start can tell a jump from a pause.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sighting {
    /// The wall clock.
    pub wall: Timestamp,
    /// Milliseconds since the machine started, sleep included (`CLOCK_BOOTTIME`).
    pub uptime: i64,
    /// Which start of the machine that counts from (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
}

/// How far the wall clock may run ahead before it is doubted.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Against the machine's uptime, while it runs.
    pub running: Duration,
    /// Since the last sighting, over a restart of the machine.
    pub restarted: Duration,
}

/// The wall clock jumped forward.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the clock says {now}, {ahead} s more than can have passed since {last}; nothing is signed until you \
     set the clock right or run `bursar clock confirm`"
)]
pub struct Suspect {
    /// What the clock says.
    pub now: Timestamp,
    /// What it said last.
    pub last: Timestamp,
    /// Seconds too many.
    pub ahead: i64,
}

/// The agent's time: the wall clock, but it never goes back, and stands still while it is suspect.
///
/// Book and embedded ledger share one, so that a clock that jumps for a minute leaves no trace in
/// either.
#[derive(Debug)]
pub struct Watch {
    tolerance: Tolerance,
    boot: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    last: Option<Sighting>,
    time: Timestamp,
}

impl Watch {
    /// A watch that has not seen anything yet.
    pub fn new(tolerance: Tolerance) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            tolerance,
            boot: boot.trim().to_owned(),
            state: Mutex::new(State { last: None, time: Timestamp::EPOCH }),
        }
    }

    /// What an earlier run saw last, and the latest time that it wrote. What this run has seen itself counts more.
    pub fn remember(&self, last: Sighting, latest: Timestamp) {
        let mut state = self.state();
        state.last.get_or_insert(last);
        state.time = state.time.max(latest);
    }

    /// The time, unless the clock jumped.
    pub fn time(&self) -> Result<Timestamp, Suspect> {
        let seen = self.look();
        let mut state = self.state();
        if let Some(last) = &state.last {
            seen.check(last, self.tolerance)?;
        }
        state.time = state.time.max(seen.wall);
        state.last = Some(seen);
        Ok(state.time)
    }

    /// The time; while the clock is suspect, the last one that was not.
    pub fn steady(&self) -> Timestamp {
        self.time().unwrap_or_else(|_| self.state().time)
    }

    /// What was seen last, to be remembered by the next run.
    pub fn sighting(&self) -> Sighting {
        self.state().last.clone().unwrap_or_else(|| self.look())
    }

    /// Takes the clock as it is now for right.
    pub fn confirm(&self) -> Timestamp {
        let seen = self.look();
        let mut state = self.state();
        state.time = state.time.max(seen.wall);
        state.last = Some(seen);
        state.time
    }

    fn look(&self) -> Sighting {
        let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let uptime = uptime.tv_sec.saturating_mul(1000).saturating_add(uptime.tv_nsec / 1_000_000);
        Sighting { wall: wall(), uptime, boot: self.boot.clone() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Each change is one assignment after another; a panic between them leaves a valid state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sighting {
    /// Is `self` a time that can follow `last`? A clock that steps back is no suspect: nothing
    /// reopens, since the book never lets its own time go back.
    pub fn check(&self, last: &Sighting, tolerance: Tolerance) -> Result<(), Suspect> {
        let passed = self.wall.millis() - last.wall.millis();
        let allowed = if self.boot == last.boot {
            (self.uptime - last.uptime).saturating_add(millis(tolerance.running))
        } else {
            millis(tolerance.restarted)
        };
        if passed <= allowed {
            return Ok(());
        }
        Err(Suspect { now: self.wall, last: last.wall, ahead: (passed - allowed) / 1000 })
    }
}

/// The wall clock; before 1970 it is 1970.
pub fn wall() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::EPOCH.plus_millis(millis(since))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: i64, uptime: i64, boot: &str) -> Sighting {
        Sighting { wall: Timestamp::EPOCH.plus_millis(wall), uptime, boot: boot.to_owned() }
    }

    #[test]
    fn a_jump_leaves_no_trace() {
        let tolerance = Tolerance { running: Duration::from_secs(300), restarted: Duration::ZERO };
        let watch = Watch::new(tolerance);
        let now = watch.look();
        // As if the last sighting had been an hour ago by the wall clock, and just now by the uptime.
        let hour_ago = Sighting { wall: now.wall.plus_millis(-3_600_000), ..now.clone() };
        watch.remember(hour_ago.clone(), hour_ago.wall);
        assert!(watch.time().is_err());
        assert_eq!(watch.steady(), hour_ago.wall);
        assert_eq!(watch.sighting(), hour_ago);
        assert!(watch.confirm() >= now.wall);
        assert!(watch.time().is_ok());
        assert!(watch.steady() >= now.wall);
    }

    #[test]
    fn it_never_goes_back() {
        let watch = Watch::new(Tolerance { running: Duration::ZERO, restarted: Duration::ZERO });
        let now = watch.look();
        let ahead = now.wall.plus_millis(3_600_000);
        watch.remember(Sighting { wall: ahead, ..now }, ahead);
        assert_eq!(watch.time(), Ok(ahead));
    }

    #[test]
    fn case_table() {
        let tolerance =
            Tolerance { running: Duration::from_secs(300), restarted: Duration::from_secs(86_400) };
        let last = at(1_000_000, 50_000, "a");
        for (name, now, ok) in [
            ("time passed", at(1_060_000, 110_000, "a"), true),
            ("at the tolerance", at(1_300_000, 50_000, "a"), true),
            ("past the tolerance", at(1_300_001, 50_000, "a"), false),
            ("a long sleep", at(10_000_000, 9_050_000, "a"), true),
            ("stepped back", at(1_000, 60_000, "a"), true),
            ("off for a day", at(87_400_000, 5, "b"), true),
            ("off for longer", at(87_400_001, 5, "b"), false),
        ] {
            assert_eq!(now.check(&last, tolerance).is_ok(), ok, "{name}");
        }
    }
}
