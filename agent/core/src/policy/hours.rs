//! Condition: only at certain hours of certain days.

mod next;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::civil::{DateTime, Weekday};
use serde::{Deserialize, Deserializer};

use super::denial::{Denial, DenialCode};
use super::error::Fault;
use super::raw;
use super::zone::Zone;
use crate::name::Name;
use crate::time::Timestamp;

/// Hours by the clock on the wall of one zone.
///
/// From `from` on and before `to`. Where `from` is later than `to` they run over midnight, and
/// belong to the day on which they begin. When clocks fall back, the repeated hour is inside both
/// times; when they go forward, the skipped hour never comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hours {
    from: ClockTime,
    to: ClockTime,
    days: Days,
    zone: Zone,
}

/// Minutes since midnight, `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClockTime(i16);

/// What the clock and the calendar on the wall show.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    time: ClockTime,
    today: Weekday,
    yesterday: Weekday,
}

impl WallClock {
    pub(super) fn of(local: DateTime) -> Self {
        let today = local.weekday();
        let time = ClockTime(i16::from(local.hour()) * 60 + i16::from(local.minute()));
        Self { time, today, yesterday: today.wrapping_sub(1) }
    }
}

/// A time of day that is none.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a time of day; write it like \"08:00\", from \"00:00\" to \"24:00\"")]
pub(super) struct ClockTimeError(String);

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Days of the week, Monday first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Days([bool; 7]);

const MIDNIGHT: ClockTime = ClockTime(0);
const DAY_END: ClockTime = ClockTime(24 * 60);
const WEEK: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Hours {
    pub(super) fn parse(raw: raw::Hours, at: &Range<usize>) -> Result<Self, Fault> {
        let (from, to) = (raw.from.unwrap_or(MIDNIGHT), raw.to.unwrap_or(DAY_END));
        if from == to || from == DAY_END {
            return Err(Fault::new(
                at,
                "these hours are empty or the whole day; write from = \"00:00\" and to = \"24:00\" for the whole day",
            ));
        }
        let days = raw.days.map_or(Days([true; 7]), |days| {
            let mut set = [false; 7];
            days.into_iter().for_each(|day| set[day as usize] = true);
            Days(set)
        });
        Ok(Self { from, to, days, zone: raw.zone.unwrap_or(Zone::UTC) })
    }

    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The minutes since local midnight at which they may open or close, on whatever days.
    pub(super) fn edges(&self) -> [i16; 2] {
        [self.from.0, self.to.0]
    }

    /// Is there no day on which they open?
    pub(super) fn never(&self) -> bool {
        self.days == Days([false; 7])
    }

    /// Are they open when the clock on the wall shows this?
    pub(super) fn open(&self, clock: &WallClock) -> bool {
        let WallClock { time, today, yesterday } = *clock;
        if self.from < self.to {
            self.days.hold(today) && self.from <= time && time < self.to
        } else {
            (self.days.hold(today) && self.from <= time) || (self.days.hold(yesterday) && time < self.to)
        }
    }

    pub(super) fn denial(&self, rule: &Name, now: Timestamp) -> Denial {
        let WallClock { time, today, .. } = WallClock::of(self.zone.local(now));
        let today = WEEK[day_number(today)];
        Denial::by(DenialCode::Hours, rule, format_args!("{self} only; it is {today} {time}"))
    }
}

fn day_number(day: Weekday) -> usize {
    // 0 to 6 by definition.
    day.to_monday_zero_offset().unsigned_abs().into()
}

impl Days {
    fn hold(self, day: Weekday) -> bool {
        self.0[day_number(day)]
    }
}

impl FromStr for ClockTime {
    type Err = ClockTimeError;

    fn from_str(text: &str) -> Result<Self, ClockTimeError> {
        let wrong = || ClockTimeError(text.chars().take(100).collect());
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
        if !digits(hour) || !digits(minute) {
            return Err(wrong());
        }
        let (hour, minute): (i16, i16) =
            (hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?);
        let time = ClockTime(hour * 60 + minute);
        if minute < 60 && time <= DAY_END { Ok(time) } else { Err(wrong()) }
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for Days {
    /// `Monday to Friday`, `Saturday, Sunday`, `no day`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open: Vec<usize> = (0..7).filter(|&day| self.0[day]).collect();
        match open.as_slice() {
            [] => f.write_str("no day"),
            [first, .., last] if open.len() > 2 && last - first + 1 == open.len() => {
                write!(f, "{} to {}", WEEK[*first], WEEK[*last])
            }
            days => f.write_str(&days.iter().map(|&day| WEEK[day]).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl fmt::Display for Hours {
    /// `Monday to Friday 08:00-18:00 Europe/Berlin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != Days([true; 7]) {
            write!(f, "{} ", self.days)?;
        }
        write!(f, "{}-{} {}", self.from, self.to, self.zone)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hours(text: &str) -> Hours {
        Hours::parse(toml::from_str(text).unwrap(), &(0..0)).unwrap_or_else(|_| panic!("{text}"))
    }

    fn open(hours: &Hours, now: &str) -> bool {
        hours.open(&WallClock::of(hours.zone.local(now.parse().unwrap())))
    }

    #[test]
    fn case_table() {
        let office = "from = \"08:00\"\nto = \"18:00\"\ndays = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]\nzone = \"Europe/Berlin\"";
        let night = "from = \"22:00\"\nto = \"06:00\"\ndays = [\"fri\"]";
        let late = "from = \"20:00\"\nto = \"24:00\"";
        let weekend = "days = [\"sat\", \"sun\"]";
        // 2026-11-20 is a Friday.
        for (text, now, expected) in [
            (office, "2026-11-20T06:59:59.999Z", false),
            (office, "2026-11-20T07:00:00Z", true),
            (office, "2026-11-20T16:59:59.999Z", true),
            (office, "2026-11-20T17:00:00Z", false),
            (office, "2026-11-21T10:00:00Z", false),
            // Monday in Berlin, where it is two hours later in summer.
            (office, "2026-07-06T06:00:00Z", true),
            (office, "2026-07-06T05:59:59Z", false),
            // Over midnight: Friday's night ends on Saturday, and Thursday's is no Friday's.
            (night, "2026-11-20T05:59:00Z", false),
            (night, "2026-11-20T21:59:59Z", false),
            (night, "2026-11-20T22:00:00Z", true),
            (night, "2026-11-21T05:59:59Z", true),
            (night, "2026-11-21T06:00:00Z", false),
            (night, "2026-11-21T22:00:00Z", false),
            (late, "2026-11-20T19:59:59Z", false),
            (late, "2026-11-20T23:59:59.999Z", true),
            (late, "2026-11-21T00:00:00Z", false),
            (weekend, "2026-11-20T23:59:59Z", false),
            (weekend, "2026-11-21T00:00:00Z", true),
            (weekend, "2026-11-22T23:59:59Z", true),
            ("days = []", "2026-11-20T12:00:00Z", false),
        ] {
            assert_eq!(open(&hours(text), now), expected, "{text} at {now}");
        }
    }

    #[test]
    fn both_changes_of_the_clocks() {
        // Berlin 2026: 02:00 becomes 03:00 on March 29 at 01:00Z; 03:00 becomes 02:00 on
        // October 25 at 01:00Z, so that 02:30 comes twice.
        let small = hours("from = \"02:00\"\nto = \"03:00\"\nzone = \"Europe/Berlin\"");
        for (now, expected) in [
            ("2026-03-29T00:59:59Z", false),
            ("2026-03-29T01:00:00Z", false),
            ("2026-10-24T23:59:59Z", false),
            ("2026-10-25T00:00:00Z", true),
            ("2026-10-25T00:59:59Z", true),
            ("2026-10-25T01:00:00Z", true),
            ("2026-10-25T01:59:59Z", true),
            ("2026-10-25T02:00:00Z", false),
        ] {
            assert_eq!(open(&small, now), expected, "{now}");
        }
    }

    #[test]
    fn says_when() {
        for (text, words) in [
            ("days = [\"wed\", \"mon\"]\nto = \"12:00\"", "Monday, Wednesday 00:00-12:00 UTC"),
            ("days = [\"sat\", \"sun\"]", "Saturday, Sunday 00:00-24:00 UTC"),
            ("days = [\"thu\", \"fri\", \"sat\"]\nfrom = \"09:30\"", "Thursday to Saturday 09:30-24:00 UTC"),
            ("from = \"22:00\"\nto = \"00:00\"", "22:00-00:00 UTC"),
        ] {
            assert_eq!(hours(text).to_string(), words);
        }
        for text in ["24:01", "25:00", "12:60", "8:00", "08:00:00", "", ":", "0a:00", "+8:00", "\u{661}8:00"]
        {
            assert!(text.parse::<ClockTime>().is_err(), "{text}");
        }
    }
}
