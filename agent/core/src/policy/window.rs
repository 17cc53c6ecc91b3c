//! Windows of time over which budgets and counts add up.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use serde::{Deserialize, Deserializer, Serialize};

use super::zone::Zone;
use crate::time::Timestamp;

/// A stretch of time over which payments add up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// Any stretch of this length.
    Rolling(Rolling),
    /// A day, week, month or year of the calendar.
    Calendar {
        /// Which of them.
        unit: CalendarUnit,
        /// Whose midnight divides them.
        zone: Zone,
    },
}

/// The length of a rolling window in ms, from one minute to 366 days.
///
/// As text a number and one unit: `7d`, `24h`, `30m`, `90s`. A day is always 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Rolling(i64);

/// A period of the calendar; weeks begin on Monday (ISO 8601).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum CalendarUnit {
    Day,
    Week,
    Month,
    Year,
}

/// Not the length of a window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the length of a window; write it like \"7d\", \"24h\", \"30m\" or \"90s\", from 60s to 366d"
)]
pub struct RollingError(String);

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Slices of a rolling window: what was spent is given back at most 1/256 of the window late.
const SLICES: i64 = 256;

impl Rolling {
    /// A length in ms.
    pub fn from_millis(millis: i64) -> Result<Self, RollingError> {
        if (MINUTE..=366 * DAY).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(RollingError(format!("{millis} ms")))
        }
    }

    /// Its length in ms.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// When what was recorded at `at` has left every window that it could share with a later
    /// payment: never before `at + length`, and less than length/256 + 1 ms after it.
    fn counts_until(self, at: Timestamp) -> i64 {
        let slice = self.0 / SLICES + 1;
        (at.millis() / slice + 1) * slice - 1 + self.0
    }
}

impl Window {
    /// The first moment, in ms since the epoch, at which a payment recorded at `at` counts no
    /// longer.
    pub(super) fn counts_until(&self, at: Timestamp) -> i64 {
        match self {
            Self::Rolling(length) => length.counts_until(at),
            Self::Calendar { unit, zone } => unit.end(at, zone),
        }
    }
}

impl Window {
    /// How long it is, in words: `7 days`, `a calendar month`.
    pub(super) fn length(&self) -> String {
        match self {
            Self::Rolling(length) => length.to_string(),
            Self::Calendar { unit, .. } => format!("a calendar {unit}"),
        }
    }
}

impl CalendarUnit {
    /// The first moment after the period that holds `at`, in ms since the epoch.
    fn end(self, at: Timestamp, zone: &Zone) -> i64 {
        let today = zone.local(at).date();
        let next = match self {
            Self::Day => today.tomorrow(),
            Self::Week => today.checked_add((7 - today.weekday().to_monday_zero_offset()).days()),
            Self::Month => today.first_of_month().checked_add(1.month()),
            Self::Year => today.first_of_year().checked_add(1.year()),
        };
        // The calendar ends with the year 9999: what is spent in its last period stays spent.
        let Ok(next) = next else { return i64::MAX };
        let end = zone.start_of(next);
        // Clocks that fall back across midnight show the old day again after the new one began.
        if end > at.millis() { end } else { zone.last_start_of(next).max(at.millis() + 1) }
    }
}

impl FromStr for Rolling {
    type Err = RollingError;

    fn from_str(text: &str) -> Result<Self, RollingError> {
        let wrong = || RollingError(text.chars().take(100).collect());
        let unit = match text.bytes().last() {
            Some(b'd') => DAY,
            Some(b'h') => HOUR,
            Some(b'm') => MINUTE,
            Some(b's') => SECOND,
            _ => return Err(wrong()),
        };
        let digits = &text[..text.len() - 1];
        // 31,622,400 seconds are 366 days: nothing longer has a chance.
        let canonical =
            digits.len() <= 8 && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        let number: i64 = if canonical { digits.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
        Self::from_millis(number * unit).map_err(|_| wrong())
    }
}

impl<'de> Deserialize<'de> for Rolling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}

impl fmt::Display for Rolling {
    /// `7 days`, `24 hours`: the largest unit of which it is a multiple of two or more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")];
        let (unit, name) = units
            .into_iter()
            .find(|(unit, _)| self.0 % unit == 0 && self.0 > *unit)
            .unwrap_or((SECOND, "seconds"));
        write!(f, "{} {name}", self.0 / unit)
    }
}

impl fmt::Display for CalendarUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rolling(length) => write!(f, "in any {length}"),
            Self::Calendar { unit, zone } => write!(f, "in a calendar {unit} ({zone})"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn lengths() {
        for (text, millis, words) in [
            ("7d", 604_800_000, "7 days"),
            ("1d", 86_400_000, "24 hours"),
            ("24h", 86_400_000, "24 hours"),
            ("1h", 3_600_000, "60 minutes"),
            ("90m", 5_400_000, "90 minutes"),
            ("60s", 60_000, "60 seconds"),
            ("366d", 31_622_400_000, "366 days"),
        ] {
            let length: Rolling = text.parse().unwrap();
            assert_eq!((length.millis(), length.to_string().as_str()), (millis, words), "{text}");
        }
        for text in
            ["", "d", "7", "59s", "367d", "07d", "-7d", "1.5h", "7 d", "7D", "99999999999d", "é", "7дd"]
        {
            assert!(text.parse::<Rolling>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rolling_window_lets_go_at_its_end_or_a_slice_later() {
        for text in ["60s", "24h", "7d", "366d"] {
            let length: Rolling = text.parse().unwrap();
            for millis in [0, 1, 233, 234, 235, 1_795_339_800_000, 1_795_339_923_457] {
                let free = length.counts_until(Timestamp::from_millis(millis).unwrap());
                let late = free - (millis + length.millis());
                assert!((0..=length.millis() / 256).contains(&late), "{text} {millis}: {late}");
            }
        }
    }

    #[test]
    fn calendar_periods_end_at_local_midnight_also_when_clocks_change() {
        use CalendarUnit::{Day, Month, Week, Year};
        // Offsets by hand: Berlin is UTC+1, and UTC+2 from 2026-03-29 01:00Z to 2026-10-25 01:00Z.
        for (unit, zone, now, end) in [
            (Day, "UTC", "2026-11-22T23:59:59.999Z", "2026-11-23T00:00:00Z"),
            (Day, "Europe/Berlin", "2026-11-22T22:59:59.999Z", "2026-11-22T23:00:00Z"),
            (Day, "Europe/Berlin", "2026-11-22T23:00:00Z", "2026-11-23T23:00:00Z"),
            // 23 hours and 25 hours long.
            (Day, "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            (Day, "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            (Week, "Europe/Berlin", "2026-11-22T22:59:59Z", "2026-11-22T23:00:00Z"),
            (Week, "Europe/Berlin", "2026-11-22T23:00:00Z", "2026-11-29T23:00:00Z"),
            (Month, "Europe/Berlin", "2026-10-31T22:00:00Z", "2026-10-31T23:00:00Z"),
            (Month, "UTC", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (Month, "UTC", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
            (Year, "Europe/Berlin", "2026-12-31T22:59:59Z", "2026-12-31T23:00:00Z"),
            (Year, "America/New_York", "2026-12-31T23:00:00Z", "2027-01-01T05:00:00Z"),
            // Beirut skips midnight: 2026-03-29 begins at 01:00 local, UTC+3.
            (Day, "Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-28T22:00:00Z"),
            // Santiago falls back from 24:00 to 23:00: 2026-04-04 lasts 25 hours, ending UTC-4.
            (Day, "America/Santiago", "2026-04-04T12:00:00Z", "2026-04-05T04:00:00Z"),
            // Samoa had no 2011-12-30 at all.
            (Day, "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z"),
        ] {
            let window = Window::Calendar { unit, zone: zone.parse().unwrap() };
            assert_eq!(window.counts_until(at(now)), at(end).millis(), "{unit} {zone} {now}");
        }
    }

    #[test]
    fn a_period_never_ends_before_the_payment_in_it() {
        // St. John's fell back at 00:01 to 23:01 of the day before, 2006-10-29 02:31Z.
        let window = Window::Calendar { unit: CalendarUnit::Day, zone: "America/St_Johns".parse().unwrap() };
        let second_evening = at("2006-10-29T03:00:00Z");
        assert_eq!(window.counts_until(second_evening), at("2006-10-29T03:30:00Z").millis());
        let last = at("9999-12-30T21:59:59Z");
        let year = Window::Calendar { unit: CalendarUnit::Year, zone: Zone::UTC };
        assert_eq!(year.counts_until(last), i64::MAX);
    }
}
