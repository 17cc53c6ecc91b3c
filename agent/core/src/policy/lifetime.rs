//! Condition: only between two dates or moments.

use std::fmt;

use jiff::civil::Date;
use toml::Spanned;
use toml::value::Datetime;

use super::denial::{Denial, DenialCode};
use super::error::Fault;
use super::raw;
use super::zone::Zone;
use crate::name::Name;
use crate::time::Timestamp;

/// When a rule lives: from `from` on, both as date and as moment; until the end of the date
/// `until`, or before the moment `until`. Dates are those of one zone, UTC unless it is given.
#[derive(Clone, Debug)]
pub(super) struct Lifetime {
    from: Option<i64>,
    end: Option<i64>,
    written: String,
    /// What comes before it and what after it, in words.
    outside: [Option<String>; 2],
    dates: Option<Zone>,
}

enum Edge {
    Date(Date),
    Moment(i64),
}

impl Lifetime {
    pub(super) fn parse(raw: raw::Valid) -> Result<Self, Fault> {
        let zone = raw.zone.unwrap_or(Zone::UTC);
        let (from, until) = (edge(raw.from.as_ref())?, edge(raw.until.as_ref())?);
        let dates = [&from, &until].iter().any(|edge| matches!(edge, Some(Edge::Date(_))));
        let after = if matches!(until, Some(Edge::Date(_))) { "after" } else { "from" };
        let outside = [
            raw.from.as_ref().map(|from| format!("before {}", from.get_ref())),
            raw.until.as_ref().map(|until| format!("{after} {}", until.get_ref())),
        ];
        let words = [("from", raw.from), ("until", raw.until)];
        let written = words
            .into_iter()
            .filter_map(|(word, edge)| edge.map(|edge| format!("{word} {}", edge.get_ref())))
            .collect::<Vec<_>>()
            .join(" ");
        Ok(Self {
            from: from.map(|edge| match edge {
                Edge::Date(date) => zone.start_of(date),
                Edge::Moment(at) => at,
            }),
            end: until.map(|edge| match edge {
                // The last date of the calendar has no tomorrow: then there is no end.
                Edge::Date(date) => date.tomorrow().map_or(i64::MAX, |next| zone.start_of(next)),
                Edge::Moment(at) => at,
            }),
            written,
            outside,
            dates: dates.then_some(zone),
        })
    }

    pub(super) fn holds(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now.millis()) && self.end.is_none_or(|end| now.millis() < end)
    }

    /// The first moment after `now` at which it holds, if it does not hold now.
    pub(super) fn begins(&self, now: Timestamp) -> Option<Timestamp> {
        let from = self.from.filter(|from| *from > now.millis() && !self.never());
        from.and_then(|from| Timestamp::from_millis(from).ok())
    }

    /// The first moment after `now` at which it holds no longer, if it holds now.
    pub(super) fn ends(&self) -> Option<Timestamp> {
        self.end.and_then(|end| Timestamp::from_millis(end).ok())
    }

    /// The first moment, and the first after the last, in ms since the epoch; none where it is open.
    pub(super) fn bounds(&self) -> (Option<i64>, Option<i64>) {
        (self.from, self.end)
    }

    /// Is it over before it begins?
    pub(super) fn never(&self) -> bool {
        matches!((self.from, self.end), (Some(from), Some(end)) if from >= end)
    }

    /// What comes before it and what after it, in words: `before 2026-12-01`, `after 2027-11-30`.
    pub(super) fn outside(&self) -> [Option<String>; 2] {
        let zone = self.dates.as_ref().filter(|zone| **zone != Zone::UTC);
        let zone = zone.map(|zone| format!(" ({zone})")).unwrap_or_default();
        self.outside.clone().map(|part| part.map(|part| part + &zone))
    }

    pub(super) fn denial(&self, rule: &Name, now: Timestamp) -> Denial {
        let zone = self.dates.clone().unwrap_or(Zone::UTC);
        let at = zone.local(now);
        let time = format_args!("{} {:02}:{:02}", at.date(), at.hour(), at.minute()).to_string();
        Denial::by(DenialCode::Lifetime, rule, format_args!("{self} only; it is {time} ({zone})"))
    }
}

fn edge(value: Option<&Spanned<Datetime>>) -> Result<Option<Edge>, Fault> {
    let Some(value) = value else { return Ok(None) };
    let wrong = || {
        Fault::new(
            &value.span(),
            format_args!(
                "{} is neither a date like 2026-12-01 nor a moment with its offset like 2026-12-01T08:00:00+01:00",
                value.get_ref()
            ),
        )
    };
    let parsed = match value.get_ref() {
        Datetime { date: Some(_), time: Some(_), offset: Some(_) } => {
            let moment: jiff::Timestamp = value.get_ref().to_string().parse().map_err(|_| wrong())?;
            Edge::Moment(moment.as_millisecond())
        }
        Datetime { date: Some(_), time: None, offset: None } => {
            Edge::Date(value.get_ref().to_string().parse().map_err(|_| wrong())?)
        }
        _ => return Err(wrong()),
    };
    Ok(Some(parsed))
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.dates {
            Some(zone) if *zone != Zone::UTC => write!(f, "{} ({zone})", self.written),
            _ => f.write_str(&self.written),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lifetime(text: &str) -> Lifetime {
        Lifetime::parse(toml::from_str(text).unwrap()).unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn case_table() {
        let year = "from = 2026-12-01\nuntil = 2027-11-30";
        let berlin = "from = 2026-03-29\nuntil = 2026-10-25\nzone = \"Europe/Berlin\"";
        let moments = "from = 2026-12-01T08:00:00+01:00\nuntil = 2026-12-01 09:00:00.5Z";
        for (text, now, expected) in [
            (year, "2026-11-30T23:59:59.999Z", false),
            (year, "2026-12-01T00:00:00Z", true),
            // The last day belongs to it.
            (year, "2027-11-30T23:59:59.999Z", true),
            (year, "2027-12-01T00:00:00Z", false),
            // Both days on which Berlin's clocks change, 23 and 25 hours long.
            (berlin, "2026-03-28T22:59:59Z", false),
            (berlin, "2026-03-28T23:00:00Z", true),
            (berlin, "2026-10-25T22:59:59.999Z", true),
            (berlin, "2026-10-25T23:00:00Z", false),
            (moments, "2026-12-01T06:59:59.999Z", false),
            (moments, "2026-12-01T07:00:00Z", true),
            (moments, "2026-12-01T09:00:00.499Z", true),
            (moments, "2026-12-01T09:00:00.500Z", false),
            ("from = 2026-12-01", "9999-12-30T21:59:59Z", true),
            ("until = 9999-12-31", "9999-12-30T21:59:59Z", true),
            ("until = 1969-12-31", "1970-01-01T00:00:00Z", false),
            ("", "2026-12-01T00:00:00Z", true),
        ] {
            assert_eq!(lifetime(text).holds(now.parse().unwrap()), expected, "{text} at {now}");
        }
    }

    #[test]
    fn knows_when_it_is_over_before_it_begins() {
        for (text, never) in [
            ("from = 2026-12-01\nuntil = 2026-12-01", false),
            ("from = 2026-12-01\nuntil = 2026-11-30", true),
            ("from = 2026-12-01T08:00:00Z\nuntil = 2026-12-01T08:00:00Z", true),
            ("from = 2026-12-01", false),
        ] {
            assert_eq!(lifetime(text).never(), never, "{text}");
        }
    }

    #[test]
    fn says_when() {
        assert_eq!(
            lifetime("from = 2026-12-01\nuntil = 2027-11-30\nzone = \"Europe/Berlin\"").to_string(),
            "from 2026-12-01 until 2027-11-30 (Europe/Berlin)"
        );
        assert_eq!(lifetime("until = 2027-11-30T12:00:00Z").to_string(), "until 2027-11-30T12:00:00Z");
        let both = lifetime("from = 2026-12-01\nuntil = 2027-11-30\nzone = \"Europe/Berlin\"").outside();
        let berlin = ["before 2026-12-01 (Europe/Berlin)", "after 2027-11-30 (Europe/Berlin)"];
        assert_eq!(both, berlin.map(|text| Some(text.to_owned())));
        // The moment itself is outside already.
        let moment = lifetime("until = 2027-11-30T12:00:00Z").outside();
        assert_eq!(moment, [None, Some("from 2027-11-30T12:00:00Z".to_owned())]);
    }
}
