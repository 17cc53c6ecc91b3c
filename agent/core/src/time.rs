//! Points in time, as the core sees them: handed in by the shell, never read from a clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z, between the years 1970 and 9999.
///
/// Text is RFC 3339 in UTC, with `Z`; whole seconds are written without a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 9999-12-30T21:59:59.999Z: the last whole second that the calendar holds in every time zone.
const LAST: i64 = 253_402_207_199_999;

/// Why a text or number is not a [`Timestamp`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time; write it in UTC like 2026-11-22T09:30:00Z, year 1970 to 9999")]
pub struct TimeError(String);

impl Timestamp {
    /// The epoch.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// A time from milliseconds since the epoch; refuses what lies outside the range.
    pub fn from_millis(millis: i64) -> Result<Self, TimeError> {
        if (0..=LAST).contains(&millis) { Ok(Self(millis)) } else { Err(TimeError(format!("{millis} ms"))) }
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// The same instant without its fraction of a second; transactions carry whole seconds.
    #[must_use]
    pub fn whole_seconds(self) -> Self {
        Self(self.0 - self.0 % 1000)
    }

    /// This many milliseconds later, held at the ends of the range.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis).clamp(0, LAST))
    }

    /// The other way round; `None` outside the range.
    pub(crate) fn of_jiff(at: jiff::Timestamp) -> Option<Self> {
        Self::from_millis(at.as_millisecond()).ok()
    }

    /// The calendar's view of this instant, for windows and hours.
    pub fn to_jiff(self) -> jiff::Timestamp {
        // The range above lies well inside jiff's, so the fallback is never taken.
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.to_jiff();
        if self.0 % 1000 == 0 { write!(f, "{at:.0}") } else { write!(f, "{at:.3}") }
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError(text.to_owned());
        let parsed: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        let time = Self::from_millis(parsed.as_millisecond()).map_err(|_| wrong())?;
        // One spelling per instant: what is signed has to have exactly one text.
        if time.to_string() == text { Ok(time) } else { Err(wrong()) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn prints_and_reads_one_spelling() {
        // `date -u -d @1795339800` prints Sat Nov 22 09:30:00 UTC 2026 (checked by hand).
        let at = Timestamp::from_millis(1_795_339_800_000).unwrap();
        assert_eq!(at.to_string(), "2026-11-22T09:30:00Z");
        assert_eq!("2026-11-22T09:30:00Z".parse(), Ok(at));
        assert_eq!(at.plus_millis(5).to_string(), "2026-11-22T09:30:00.005Z");
        for wrong in
            ["2026-11-22T10:30:00+01:00", "2026-11-22 09:30:00Z", "2026-11-22T09:30:00.000Z", "now", ""]
        {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn stays_in_range() {
        assert!(Timestamp::from_millis(-1).is_err());
        assert!(Timestamp::from_millis(LAST + 1).is_err());
        assert_eq!(Timestamp(LAST).plus_millis(1), Timestamp(LAST));
        assert_eq!(Timestamp(LAST).to_string(), "9999-12-30T21:59:59.999Z");
    }
}
