//! Budgets in calendar weeks and years, and one for each category: verdicts.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use crate::intent::{Action, Intent, LedgerId, Value};
use crate::policy::{Counters, Policy, Question, Span, Unmet, Verdict, judge};
use crate::role::Roles;
use crate::time::Timestamp;

const HEAD: &str = r#"
version = 1
[assets.EUR]
decimals = 2
[recipients.Market]
address = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
categories = ["food"]
[recipients.Bar]
address = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
categories = ["food", "drink"]
[recipients.Club]
address = "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
categories = ["drink"]
[recipients.Friend]
address = "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e"
[recipients.Uncle]
address = "ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"
[[allow]]
name = "a"
"#;

/// A book in memory; each payment is recorded at once.
struct Book(Policy, Counters);

impl Book {
    fn of(lines: &str) -> Self {
        Self(Policy::parse(&format!("{HEAD}{lines}\n")).unwrap(), Counters::default())
    }

    /// Is it paid?
    fn pays(&mut self, to: &str, amount: u64, now: &str) -> bool {
        let Self(policy, counters) = self;
        let now: Timestamp = now.parse().unwrap();
        let to = policy.recipient(to).unwrap().address;
        let intent = Intent {
            action: Action::Pay,
            ledger: LedgerId([7; 32]),
            from: to,
            to: Some(to),
            value: Some(Value { asset: "EUR".parse().unwrap(), amount: amount.into() }),
            fee: None,
            selector: None,
            created: now,
            valid_until: now,
        };
        let (account, caller) = ("cash".parse().unwrap(), "anna".parse().unwrap());
        let question =
            Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now };
        let Verdict::Allow(permit) = judge(policy, &question) else { panic!("{now}") };
        match counters.reserve(&permit, &BTreeSet::new(), now) {
            Err(Unmet::Denied(_)) => false,
            Err(unmet) => panic!("{unmet:?}"),
            Ok(()) => {
                counters.settle(permit.draws(), Span { earliest: now, latest: now });
                true
            }
        }
    }
}

/// Whether what was paid at the first time counts at the second. 2026-11-23 is a Monday.
#[test]
fn calendar_weeks_and_years() {
    for (window, first, second, counts) in [
        // A week begins on Monday, and ends with Sunday.
        ("week", "2026-11-16T00:00:00Z", "2026-11-22T23:59:59.999Z", true),
        ("week", "2026-11-22T23:59:59.999Z", "2026-11-23T00:00:00Z", false),
        ("week", "2026-11-23T00:00:00Z", "2026-11-29T23:59:59.999Z", true),
        // Across the turn of the year: Monday 2026-12-28 to Sunday 2027-01-03.
        ("week", "2026-12-28T00:00:00Z", "2027-01-03T23:59:59.999Z", true),
        ("week", "2026-12-31T12:00:00Z", "2027-01-04T00:00:00Z", false),
        // Berlin is an hour ahead in winter: its Monday begins on Sunday at 23:00 UTC.
        ("week\", zone = \"Europe/Berlin", "2026-11-22T22:59:59.999Z", "2026-11-22T23:00:00Z", false),
        ("week", "2026-11-22T22:59:59.999Z", "2026-11-22T23:00:00Z", true),
        // A week of 169 hours, in which the clocks go back, and one of 167.
        ("week\", zone = \"Europe/Berlin", "2026-10-18T22:00:00Z", "2026-10-25T22:59:59.999Z", true),
        ("week\", zone = \"Europe/Berlin", "2026-10-18T21:59:59.999Z", "2026-10-18T22:00:00Z", false),
        ("week\", zone = \"Europe/Berlin", "2026-10-25T22:59:59.999Z", "2026-10-25T23:00:00Z", false),
        ("week\", zone = \"Europe/Berlin", "2026-03-22T23:00:00Z", "2026-03-29T21:59:59.999Z", true),
        ("week\", zone = \"Europe/Berlin", "2026-03-29T21:59:59.999Z", "2026-03-29T22:00:00Z", false),
        // Nepal is 5:45 ahead.
        ("week\", zone = \"Asia/Kathmandu", "2026-11-22T18:14:59.999Z", "2026-11-22T18:15:00Z", false),
        ("week\", zone = \"Asia/Kathmandu", "2026-11-22T18:15:00Z", "2026-11-29T18:14:59.999Z", true),
        ("year", "2026-01-01T00:00:00Z", "2026-12-31T23:59:59.999Z", true),
        ("year", "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z", false),
        ("year\", zone = \"Europe/Berlin", "2026-12-31T22:59:59.999Z", "2026-12-31T23:00:00Z", false),
        ("year\", zone = \"America/New_York", "2026-12-31T23:59:59Z", "2027-01-01T04:59:59.999Z", true),
        ("year\", zone = \"America/New_York", "2027-01-01T04:59:59.999Z", "2027-01-01T05:00:00Z", false),
        // A leap year, and the one after it.
        ("year", "2028-02-29T12:00:00Z", "2028-12-31T23:59:59.999Z", true),
        ("year", "2028-02-29T12:00:00Z", "2029-01-01T00:00:00Z", false),
    ] {
        let mut book = Book::of(&format!("budget = {{ amount = \"5.00 EUR\", calendar = \"{window}\" }}"));
        assert!(book.pays("Market", 500, first), "{window} {first}");
        assert_eq!(book.pays("Market", 1, second), !counts, "{window} {first} {second}");
    }
}

#[test]
fn one_for_each_category() {
    let mut book = Book::of("budget = { amount = \"5.00 EUR\", per = \"category\", rolling = \"1d\" }");
    for (to, amount, hour, paid) in [
        ("Market", 300, 1, true),
        // A bar draws from both its categories; food has 2.00 left, drink 5.00.
        ("Bar", 201, 2, false),
        ("Bar", 200, 2, true),
        ("Market", 1, 3, false),
        ("Bar", 1, 3, false),
        ("Club", 301, 3, false),
        ("Club", 300, 3, true),
        ("Club", 1, 4, false),
        // Those without a category share one.
        ("Friend", 300, 4, true),
        ("Uncle", 201, 5, false),
        ("Uncle", 200, 5, true),
    ] {
        let now = format!("2026-11-22T{hour:02}:00:00Z");
        assert_eq!(book.pays(to, amount, &now), paid, "{to} {amount} {now}");
    }
    // A day later, and a slice of the window, what the market got counts no longer; what the bar got does.
    assert!(!book.pays("Market", 301, "2026-11-23T01:10:00Z"));
    assert!(book.pays("Market", 300, "2026-11-23T01:10:00Z"));
}
