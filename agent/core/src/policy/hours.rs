//! Condition: only at certain hours of certain days.

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
#[derive(Clone, Debug)]
pub(super) struct Hours {
    from: ClockTime,
    to: ClockTime,
    days: Days,
    zone: Zone,
}

/// Minutes since midnight, `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClockTime(i16);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// Is there no day on which they open?
    pub(super) fn never(&self) -> bool {
        self.days == Days([false; 7])
    }

    /// Are they open when the clock on the wall shows this?
    pub(super) fn open(&self, local: DateTime) -> bool {
        let time = ClockTime(i16::from(local.hour()) * 60 + i16::from(local.minute()));
        let today = local.weekday();
        if self.from < self.to {
            self.days.hold(today) && self.from <= time && time < self.to
        } else {
            (self.days.hold(today) && self.from <= time)
                || (self.days.hold(today.wrapping_sub(1)) && time < self.to)
        }
    }

    pub(super) fn denial(&self, rule: &Name, now: Timestamp) -> Denial {
        let local = self.zone.local(now);
        let today = WEEK[day_number(local.weekday())];
        let time = format_args!("{today} {:02}:{:02}", local.hour(), local.minute()).to_string();
        Denial::by(DenialCode::Hours, rule, format_args!("{self} only; it is {time}"))
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
