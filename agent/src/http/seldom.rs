//! Lines of the log that anybody can cause, written seldom enough that nobody fills the disk with them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// At most one line in this time.
const EVERY: Duration = Duration::from_secs(1);

/// When the last line was written, and how many were left out since.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// Is a line to be written now? Then with how many were left out since the last one.
    pub(super) fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, left_out) = *state;
        if last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            state.1 = left_out.saturating_add(1);
            return None;
        }
        *state = (Some(now), 0);
        Some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_second_and_says_how_many_were_left_out() {
        let (seldom, begun) = (Seldom::default(), Instant::now());
        let admitted =
            [0, 1, 999, 1000, 1001, 2500].map(|ms| seldom.admit(begun + Duration::from_millis(ms)));
        assert_eq!(admitted, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
