//! Time zones of the bundled IANA database, never the system's.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Timestamp;

/// A time zone by its IANA name, like `Europe/Berlin`; compared by name.
#[derive(Clone)]
pub struct Zone(TimeZone);

/// The bundled database has no such zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time zone; write an IANA name like \"Europe/Berlin\" or \"UTC\"")]
pub struct ZoneError(String);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone(TimeZone::UTC);

    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What calendar and clock on the wall show.
    pub(super) fn local(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at.to_jiff())
    }

    /// The moments at which clocks on the wall show this, two where they go back; in a gap, those
    /// that the clock before and after it would mean.
    pub(super) fn moments(&self, at: DateTime) -> impl Iterator<Item = Timestamp> {
        let at = self.0.to_ambiguous_timestamp(at);
        [at.earlier(), at.later()].into_iter().flatten().filter_map(Timestamp::of_jiff)
    }

    /// When clocks on the wall next go forward or back.
    pub(super) fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        self.0.following(after.to_jiff()).next().and_then(|change| Timestamp::of_jiff(change.timestamp()))
    }

    /// The moments after this one at which clocks change, in ms since the epoch, in order.
    pub(super) fn changes_after(&self, at: Timestamp) -> impl Iterator<Item = i64> + '_ {
        self.0.following(at.to_jiff()).map(|change| change.timestamp().as_millisecond())
    }

    /// How far local time is ahead of UTC, in ms.
    pub(super) fn ahead(&self, at: Timestamp) -> i64 {
        i64::from(self.0.to_offset(at.to_jiff()).seconds()) * 1000
    }

    /// The first moment of a date, in ms since the epoch: the first moment after the gap where
    /// clocks skip midnight.
    pub(super) fn start_of(&self, date: Date) -> i64 {
        let midnight = self.0.to_ambiguous_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
        midnight.compatible().map_or(i64::MAX, jiff::Timestamp::as_millisecond)
    }

    /// As [`start_of`](Self::start_of), the later one where clocks show midnight twice.
    pub(super) fn last_start_of(&self, date: Date) -> i64 {
        let midnight = self.0.to_ambiguous_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
        midnight.later().map_or(i64::MAX, jiff::Timestamp::as_millisecond)
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        match TimeZoneDatabase::bundled().get(text) {
            Ok(zone) if !zone.is_unknown() && zone.iana_name() == Some(text) => Ok(Self(zone)),
            _ => Err(ZoneError(text.chars().take(100).collect())),
        }
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        // Names of one zone mostly are one piece of memory: the database keeps each once.
        std::ptr::eq(self.name(), other.name()) || self.name() == other.name()
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}
