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
/// The wall clock may run ahead of the machine's uptime by a tolerance, counted from one sighting
/// that stays the same for as long as the machine runs: many small steps forward are as suspect as
/// one large one. Behind a wall clock that stepped back, time goes on at half its pace until the
/// wall clock has caught up: hours still end, and windows free later, never earlier.
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
    /// What the wall clock is measured against.
    base: Option<Sighting>,
    time: Timestamp,
    /// The uptime up to which `time` has moved on.
    uptime: i64,
}

impl Watch {
    /// A watch that has not seen anything yet.
    pub fn new(tolerance: Tolerance) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let state = State { base: None, time: Timestamp::EPOCH, uptime: 0 };
        Self { tolerance, boot: boot.trim().to_owned(), state: Mutex::new(state) }
    }

    /// What an earlier run measured against, and the latest time that it wrote. What this run has seen itself counts more.
    pub fn remember(&self, base: Sighting, latest: Timestamp) {
        let seen = self.look();
        let mut state = self.state();
        if state.base.is_none() {
            state.base = Some(base);
            state.uptime = seen.uptime;
        }
        state.time = state.time.max(latest);
    }

    /// The time, unless the clock jumped forward.
    pub fn time(&self) -> Result<Timestamp, Suspect> {
        let seen = self.look();
        let mut state = self.state();
        if let Some(base) = &state.base {
            seen.check(base, self.tolerance)?;
        }
        Ok(state.tell(seen))
    }

    /// The time; while the clock is suspect, the last one that was not.
    pub fn steady(&self) -> Timestamp {
        self.time().unwrap_or_else(|_| self.state().time)
    }

    /// What the next run has to measure against.
    pub fn sighting(&self) -> Sighting {
        self.state().base.clone().unwrap_or_else(|| self.look())
    }

    /// Takes the clock as it is now for right.
    pub fn confirm(&self) -> Timestamp {
        let seen = self.look();
        let mut state = self.state();
        state.base = None;
        state.tell(seen)
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

impl State {
    /// Moves the time on to what was seen and found plausible.
    fn tell(&mut self, seen: Sighting) -> Timestamp {
        if seen.wall < self.time {
            let half = (seen.uptime - self.uptime).max(0) / 2;
            // Not to the uptime itself: many looks must not round their halves away.
            self.uptime += half * 2;
            self.time = self.time.plus_millis(half);
        } else {
            self.uptime = seen.uptime;
        }
        self.time = self.time.max(seen.wall);
        // One sighting for as long as the machine runs. A clock that stepped back comes back to it.
        if self.base.as_ref().is_none_or(|base| base.boot != seen.boot) {
            self.base = Some(seen);
        }
        self.time
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
    #![allow(clippy::unwrap_used)]
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
    fn small_steps_forward_do_not_add_up() {
        let tolerance = Tolerance { running: Duration::from_secs(300), restarted: Duration::ZERO };
        let base = at(1_000_000, 0, "a");
        let mut state = State { base: Some(base.clone()), time: base.wall, uptime: 0 };
        // Each look one second later by the uptime, and a minute later by the wall clock.
        let looks: Vec<_> = (1..10).map(|n| at(1_000_000 + n * 60_000, n * 1_000, "a")).collect();
        let accepted = looks.iter().filter(|seen| {
            let plausible = seen.check(state.base.as_ref().unwrap(), tolerance).is_ok();
            if plausible {
                state.tell((*seen).clone());
            }
            plausible
        });
        assert_eq!(accepted.count(), 5, "300 s ahead is where it ends");
        assert_eq!(state.base, Some(base));
    }

    #[test]
    fn behind_a_clock_that_stepped_back_time_goes_on_at_half_its_pace() {
        let mut state = State { base: None, time: Timestamp::EPOCH, uptime: 0 };
        state.tell(at(10_000_000, 0, "a"));
        let told = [(9_000_000, 0), (9_600_000, 600_000), (10_600_000, 1_600_000), (11_000_000, 2_000_000)]
            .map(|(wall, uptime)| state.tell(at(wall, uptime, "a")).millis());
        assert_eq!(told, [10_000_000, 10_300_000, 10_600_000, 11_000_000]);
    }

    #[test]
    fn it_never_goes_back() {
        let watch = Watch::new(Tolerance { running: Duration::ZERO, restarted: Duration::ZERO });
        let now = watch.look();
        let ahead = now.wall.plus_millis(3_600_000);
        watch.remember(Sighting { wall: ahead, ..now }, ahead);
        assert!(watch.time().is_ok_and(|time| time >= ahead && time < ahead.plus_millis(60_000)));
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
