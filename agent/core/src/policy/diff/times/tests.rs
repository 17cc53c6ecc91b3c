//! When bundles are open, against every minute of a year and a half.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::policy::diff::MAX_STEPS;
use crate::policy::raw;

const SINCE: &str = "2026-10-21T00:00:00Z";
/// Berlin, New York and Gaza change their clocks on different days; Gaza a day before Berlin.
const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Gaza"];

fn hours(text: &str) -> Hours {
    Hours::parse(toml::from_str::<raw::Hours>(text).unwrap(), &(0..0)).unwrap_or_else(|_| panic!("{text}"))
}

fn lifetime(text: &str) -> Lifetime {
    Lifetime::parse(toml::from_str(text).unwrap()).unwrap_or_else(|_| panic!("{text}"))
}

/// Hours and lifetime of a rule, and whether it forbids.
type Rule = (Option<Hours>, Option<Lifetime>, bool);

fn set<'a>(times: &mut Times<'a>, rules: &'a [Rule]) -> Open {
    let mut moments = Vec::new();
    for (hours, lifetime, forbids) in rules {
        let conditions = times.conditions(hours.as_ref(), lifetime.as_ref());
        match forbids {
            true => moments.push(Moment::Outside(conditions)),
            false => moments.extend(conditions.into_iter().map(Moment::Inside)),
        }
    }
    times.set(moments)
}

fn is_open(rules: &[Rule], now: Timestamp) -> bool {
    rules.iter().all(|(hours, lifetime, forbids)| {
        let clock = &mut Clock::at(now);
        let on = hours.as_ref().is_none_or(|hours| hours.open(&clock.local(hours.zone())))
            && lifetime.as_ref().is_none_or(|lifetime| lifetime.holds(now));
        on != *forbids
    })
}

fn kind(old: &[Rule], new: &[Rule], now: Timestamp) -> Option<When> {
    match (is_open(old, now), is_open(new, now)) {
        (true, true) => Some(When::Both),
        (true, false) => Some(When::OnlyOld),
        (false, true) => Some(When::OnlyNew),
        (false, false) => None,
    }
}

fn compare(old: &[Rule], new: &[Rule], since: &str) -> Found {
    let mut times = Times::since(since.parse().unwrap());
    let open = [Some(set(&mut times, old)), Some(set(&mut times, new))];
    times.compare(open, &mut Steps(MAX_STEPS)).unwrap()
}

fn rule() -> impl Strategy<Value = Rule> {
    let minute = || select(&["00:00", "00:01", "01:00", "01:01", "02:00", "02:30", "03:00", "23:59"][..]);
    let days = select(&["", "days = [\"sun\"]\n", "days = [\"sat\", \"mon\"]\n"][..]);
    let hours =
        (minute(), minute(), days, select(&ZONES[..])).prop_filter_map("empty", |(from, to, days, zone)| {
            (from != to).then(|| hours(&format!("from = \"{from}\"\nto = \"{to}\"\n{days}zone = \"{zone}\"")))
        });
    let edge = || select(&["2026-10-24", "2026-10-25", "2026-11-01", "2027-03-27T23:01:00Z"][..]);
    let valid =
        (edge(), edge()).prop_map(|(from, until)| lifetime(&format!("from = {from}\nuntil = {until}")));
    let forbids = proptest::bool::weighted(0.3);
    (proptest::option::weighted(0.9, hours), proptest::option::weighted(0.2, valid), forbids)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_comes_at_any_minute(
        old in proptest::collection::vec(rule(), 0..3),
        new in proptest::collection::vec(rule(), 0..3),
    ) {
        let found = compare(&old, &new, SINCE);
        let since: Timestamp = SINCE.parse().unwrap();
        for (when, at) in [When::Both, When::OnlyOld, When::OnlyNew].into_iter().zip(found) {
            if let Some(at) = at {
                prop_assert!(at >= since);
                prop_assert_eq!(kind(&old, &new, at), Some(when), "{}", at);
            }
        }
        // The days around every change of these clocks, and some between.
        let days = [0..14_i64, 128..168, 365..380];
        for minute in days.into_iter().flat_map(|days| days.start * 1440..days.end * 1440) {
            let now = since.plus_millis(minute * MINUTE);
            if let Some(when) = kind(&old, &new, now) {
                prop_assert!(found[when as usize].is_some(), "{:?} at {}: {:?} {:?}", when, now, old, new);
            }
        }
    }
}

#[test]
fn case_table() {
    let at = |text: &str| vec![(Some(hours(text)), None, false)];
    let berlin = at("from = \"08:00\"\nto = \"18:00\"\nzone = \"Europe/Berlin\"");
    let winter = at("from = \"07:00\"\nto = \"17:00\"");
    let found = compare(&berlin, &winter, "2026-11-01T00:00:00Z");
    // In winter they are the same hours; summer comes on 2027-03-28.
    assert_eq!(found[0], Some("2026-11-01T07:00:00Z".parse().unwrap()));
    assert_eq!(found[1], Some("2027-03-28T06:00:00Z".parse().unwrap()));
    assert_eq!(found[2], Some("2027-03-28T16:00:00Z".parse().unwrap()));

    // Tokyo has no summer time: the same hours all year round, in two spellings.
    let tokyo = at("from = \"09:00\"\nto = \"10:00\"\nzone = \"Asia/Tokyo\"");
    let utc = at("from = \"00:00\"\nto = \"01:00\"");
    assert!(matches!(compare(&tokyo, &utc, SINCE), [Some(_), None, None]));
    let whole = at("from = \"00:00\"\nto = \"24:00\"");
    assert!(matches!(compare(&whole, &[], SINCE), [Some(_), None, None]));

    // One minute of one day, Gaza's clocks being an hour behind for a day: 2026-10-24T00:00:00Z to
    // the 25th at 01:00:00Z, where Berlin still has summer time.
    let gaza = at("from = \"12:00\"\nto = \"12:01\"\nzone = \"Asia/Gaza\"");
    let same_then = at("from = \"12:00\"\nto = \"12:01\"\nzone = \"Europe/Berlin\"");
    let before = lifetime("until = 2026-10-26");
    let both = compare(&gaza, &[same_then, vec![(None, Some(before), false)]].concat(), SINCE);
    assert_eq!(both[0], Some("2026-10-24T10:00:00Z".parse().unwrap()));

    // What was over before is not looked at; what begins in the last year is.
    let past = vec![(None, Some(lifetime("until = 2026-10-20")), false)];
    assert_eq!(compare(&past, &past, SINCE), [None; 3]);
    let far = vec![(None, Some(lifetime("from = 9999-12-01")), false)];
    assert_eq!(compare(&far, &past, SINCE), [None, Some("9999-12-01T00:00:00Z".parse().unwrap()), None]);
}
