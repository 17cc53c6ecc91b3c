//! When hours next open or close.

use jiff::ToSpan;

use super::{Hours, WallClock};
use crate::time::Timestamp;

/// A week, and one more: a day on which clocks skip the opening is not the only one.
const DAYS: i32 = 15;

impl Hours {
    /// The first moment after `now` at which they are open, or closed; within two weeks.
    ///
    /// They open and close when the clock on the wall shows `from` or `to`, or when it goes
    /// forward or back.
    pub(in crate::policy) fn next(&self, now: Timestamp, open: bool) -> Option<Timestamp> {
        let today = self.zone.local(now).date();
        let edges = (-1..=DAYS).filter_map(|days| today.checked_add(days.days()).ok()).flat_map(|date| {
            let midnight = date.to_datetime(jiff::civil::Time::midnight());
            [self.from, self.to]
                .into_iter()
                .filter_map(move |edge| midnight.checked_add(edge.0.minutes()).ok())
        });
        let edges = edges.flat_map(|edge| self.zone.moments(edge));
        edges
            .chain(self.zone.next_change(now))
            .filter(|at| *at > now && self.open(&WallClock::of(self.zone.local(*at))) == open)
            .min()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn open(hours: &Hours, at: Timestamp) -> bool {
        hours.open(&WallClock::of(hours.zone.local(at)))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        /// Minute by minute, around the days on which clocks change.
        #[test]
        fn is_the_first_minute_that_is_so(
            zone in proptest::sample::select(&["UTC", "Europe/Berlin", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe"][..]),
            (from, to) in (0..96_i64, 0..=96_i64).prop_filter("not empty", |(from, to)| from != to),
            days in proptest::sample::subsequence(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"][..], 0..=7),
            start in prop_oneof![Just("2026-03-26T00:00:00Z"), Just("2026-10-21T00:00:00Z"), Just("2026-04-02T00:00:00Z")],
            after in 0..7 * 24 * 60_i64,
            wanted in any::<bool>(),
        ) {
            let clock = |quarters: i64| format!("{:02}:{:02}", quarters / 4, quarters % 4 * 15);
            let text = format!("from = {:?}\nto = {:?}\ndays = {days:?}\nzone = {zone:?}", clock(from), clock(to));
            let Ok(hours) = Hours::parse(toml::from_str(&text).unwrap(), &(0..0)) else { return Ok(()) };
            let now = start.parse::<Timestamp>().unwrap().plus_millis(after * MINUTE);
            let expected = (1..=9 * 24 * 60)
                .map(|minutes| now.plus_millis(minutes * MINUTE))
                .find(|at| open(&hours, *at) == wanted);
            // From inside, the first minute that is so is no edge: whoever asks is outside.
            if open(&hours, now) != wanted {
                let found = hours.next(now, wanted);
                prop_assert!(found == expected || expected.is_none(), "{text} {now}: {found:?} {expected:?}");
            }
        }
    }
}
