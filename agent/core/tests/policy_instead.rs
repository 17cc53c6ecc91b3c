//! What is offered instead of a denied payment would be allowed, and nothing smaller.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fmt::Write;

use bursar_core::amount::Amount;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{
    Change, Counters, Instead, Policy, Question, Span, Unmet, Verdict, explain, instead, judge,
};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// 2026-10-23T00:00:00Z, a Friday; Berlin's clocks fall back two days later.
const START: i64 = 1_792_713_600_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const SHOP: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// A rule's conditions; the account, if it is about one.
fn rule() -> impl Strategy<Value = String> {
    let account = proptest::option::weighted(0.6, subsequence(&["a0", "a1"][..], 1..=2));
    let callers = proptest::option::weighted(0.3, Just("callers = [\"ben\"]"));
    let cap = proptest::option::weighted(0.4, 1..60_u64);
    let window = prop_oneof![
        (1..=30_i64).prop_map(|hours| format!("rolling = \"{hours}h\"")),
        Just("calendar = \"day\", zone = \"Europe/Berlin\"".to_owned()),
    ];
    let budget = proptest::option::weighted(0.5, (1..120_u64, window));
    let count = proptest::option::weighted(0.3, (1..4_u64, 1..30_i64));
    let spacing = proptest::option::weighted(0.2, 1..20_i64);
    let days = subsequence(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"][..], 1..=7);
    let zone = select(&["UTC", "Europe/Berlin"][..]);
    let hours = proptest::option::weighted(0.3, (0..23_i64, 1..=24_i64, days, zone));
    let valid = proptest::option::weighted(0.2, (0..6_i64, 0..9_i64));
    let above = proptest::option::weighted(0.2, 1..80_u64);
    (account, callers, cap, budget, count, spacing, hours, valid, above).prop_map(
        |(account, callers, cap, budget, count, spacing, hours, valid, above)| {
            let mut text = "assets = [\"EUR\"]\n".to_owned();
            account.into_iter().for_each(|names| writeln!(text, "accounts = {names:?}").unwrap());
            callers.into_iter().for_each(|line| writeln!(text, "{line}").unwrap());
            cap.into_iter().for_each(|cap| writeln!(text, "per_payment = \"{cap} EUR\"").unwrap());
            if let Some((cap, window)) = budget {
                writeln!(text, "budget = {{ amount = \"{cap} EUR\", {window} }}").unwrap();
            }
            if let Some((max, hours)) = count {
                writeln!(text, "count = {{ max = {max}, rolling = \"{hours}h\" }}").unwrap();
            }
            spacing.into_iter().for_each(|h| writeln!(text, "spacing = {{ at_least = \"{h}h\" }}").unwrap());
            if let Some((from, to, days, zone)) = hours.filter(|(from, to, ..)| from != to) {
                writeln!(
                    text,
                    "hours = {{ from = \"{from:02}:00\", to = \"{to:02}:00\", days = {days:?}, zone = \"{zone}\" }}"
                )
                .unwrap();
            }
            if let Some((from, days)) = valid {
                let (from, until) = (23 + from, 23 + from + days);
                let date = |day: i64| if day > 31 { format!("2026-11-{:02}", day - 31) } else { format!("2026-10-{day}") };
                writeln!(text, "valid = {{ from = {}, until = {} }}", date(from), date(until)).unwrap();
            }
            if let Some(above) = above {
                writeln!(text, "approvals = [{{ need = 1, from = \"chloe\", above = \"{above} EUR\" }}]").unwrap();
            }
            text
        },
    )
}

fn bundle() -> impl Strategy<Value = String> {
    let forbid = proptest::option::weighted(0.3, (0..23_i64, 1..=24_i64));
    let rules =
        proptest::collection::vec((prop_oneof![2 => Just("allow"), 1 => Just("limit")], rule()), 1..5);
    (rules, forbid).prop_map(|(rules, forbid)| {
        let mut text = format!(
            "version = 1\n[assets.EUR]\ndecimals = 0\n[recipients.Shop]\naddress = \"{SHOP}\"\n[approvers.chloe]\n\
             key = \"ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c\"\n"
        );
        if let Some((from, to)) = forbid.filter(|(from, to)| from != to) {
            writeln!(
                text,
                "[[forbid]]\nname = \"f\"\naccounts = [\"a1\"]\nhours = {{ from = \"{from:02}:00\", to = \"{to:02}:00\" }}"
            )
            .unwrap();
        }
        for (i, (kind, lines)) in rules.into_iter().enumerate() {
            writeln!(text, "[[{kind}]]\nname = \"r{i}\"\n{lines}").unwrap();
        }
        text
    })
}

#[derive(Clone, Copy, Debug)]
struct Payment {
    account: &'static str,
    caller: &'static str,
    amount: u64,
    at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Allowed,
    Waiting,
    Denied,
}

struct World<'a> {
    policy: &'a Policy,
    counters: Counters,
}

impl World<'_> {
    fn with<R>(&self, payment: Payment, then: impl FnOnce(&Question<'_>) -> R) -> R {
        let now = Timestamp::from_millis(payment.at).unwrap();
        let intent = Intent {
            action: Action::Pay,
            ledger: LedgerId([1; 32]),
            from: PublicKey::P256([2; 33]),
            to: Some(SHOP.parse().unwrap()),
            value: Some(Value { asset: "EUR".parse().unwrap(), amount: Amount::from(payment.amount) }),
            fee: None,
            selector: None,
            created: now,
            valid_until: now,
        };
        let (account, caller): (Name, Name) =
            (payment.account.parse().unwrap(), payment.caller.parse().unwrap());
        then(&Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now })
    }

    /// The verdict, from the two functions that decide.
    fn word(&self, payment: Payment) -> Word {
        self.with(payment, |question| match judge(self.policy, question) {
            Verdict::Deny(_) => Word::Denied,
            Verdict::Allow(permit) => match self.counters.check(&permit, &BTreeSet::new(), question.now) {
                Ok(()) => Word::Allowed,
                Err(Unmet::Waiting(_)) => Word::Waiting,
                Err(Unmet::Denied(_)) => Word::Denied,
            },
        })
    }

    fn pay(&mut self, payment: Payment, held: bool) {
        let permit = self.with(payment, |question| match judge(self.policy, question) {
            Verdict::Allow(permit) => Some(permit),
            Verdict::Deny(_) => None,
        });
        let now = Timestamp::from_millis(payment.at).unwrap();
        let Some(permit) = permit else { return };
        let reserved = self.counters.reserve(&permit, &BTreeSet::new(), now).is_ok();
        if reserved && !held {
            self.counters.settle(permit.draws(), Span { earliest: now, latest: now });
        }
    }
}

/// Is it as good as what was wished for? What is denied may wait; what waits may not.
fn good(before: Word, after: Word) -> bool {
    match before {
        Word::Denied => after != Word::Denied,
        Word::Waiting | Word::Allowed => after == Word::Allowed,
    }
}

fn check(world: &World<'_>, payment: Payment, found: &[Instead]) -> Result<(), TestCaseError> {
    let before = world.word(payment);
    if before == Word::Allowed {
        prop_assert_eq!(found, &[][..]);
        return Ok(());
    }
    let says = |instead: &Instead| if instead.approvals.is_empty() { Word::Allowed } else { Word::Waiting };
    let (mut most, mut from) = (0, None);
    for instead in found {
        let changed = match &instead.change {
            Change::Amount { at_most } => {
                let amount: u64 = at_most.strip_suffix(" EUR").unwrap().parse().unwrap();
                most = most.max(amount);
                let more = world.word(Payment { amount: amount + 1, ..payment });
                prop_assert!(more != says(instead), "{amount} is not the largest");
                Payment { amount, ..payment }
            }
            Change::Time { from: at } => {
                from = Some(at.millis());
                Payment { at: at.millis(), ..payment }
            }
            Change::Account { accounts } => {
                let account = ["a0", "a1"].into_iter().find(|name| *name == accounts[0].as_str()).unwrap();
                Payment { account, ..payment }
            }
            Change::Caller { callers } => {
                prop_assert_eq!(callers[0].as_str(), "ben");
                Payment { caller: "ben", ..payment }
            }
            Change::Approval => payment,
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        prop_assert_eq!(world.word(changed), says(instead), "{}", instead);
        let better = good(before, says(instead)) || instead.change == Change::Approval;
        prop_assert!(better, "{instead} is no better");
    }
    // Every smaller amount that is larger than the one that is offered is no better.
    let better = (most + 1..payment.amount)
        .find(|amount| good(before, world.word(Payment { amount: *amount, ..payment })));
    prop_assert_eq!(better, None, "an amount over {}", most);
    // Neither is any earlier time: every five minutes at first, then every hour; and without an
    // offer, any time.
    let near = (1..24 * 12).map(|step| payment.at + step * 5 * MINUTE);
    let far = (24..24 * 16).map(|hours| payment.at + hours * HOUR);
    let better = near
        .chain(far)
        .filter(|at| from.is_none_or(|from| *at < from - 1000))
        .find(|at| good(before, world.word(Payment { at: *at, ..payment })));
    prop_assert_eq!(better.map(|at| at - START), None, "a time before {:?}", from.map(|from| from - START));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn every_offer_holds_and_none_is_smaller(
        text in bundle(),
        past in proptest::collection::vec((0..2_usize, 1..40_u64, 0..9 * HOUR, proptest::bool::weighted(0.05)), 0..12),
        account in select(&["a0", "a1"][..]),
        caller in select(&["anna", "ben"][..]),
        amount in 1..120_u64,
        after in 0..DAY,
    ) {
        let policy = Policy::parse(&text).unwrap();
        let mut world = World { policy: &policy, counters: Counters::default() };
        let mut at = START;
        for (account, amount, after, held) in past {
            at += after;
            world.pay(Payment { account: ["a0", "a1"][account], caller: "ben", amount, at }, held);
        }
        let payment = Payment { account, caller, amount, at: at + after };
        let (found, explained) = world.with(payment, |question| {
            let voters = BTreeSet::new();
            (
                instead(&policy, question, &world.counters, &voters),
                explain(&policy, question, &world.counters, &voters),
            )
        });
        prop_assert_eq!(&explained.instead, &found);
        if let Err(error) = check(&world, payment, &found) {
            let words: Vec<_> = found.iter().map(ToString::to_string).collect();
            return Err(TestCaseError::fail(format!("{error}\n{words:?}\n{payment:?}\n{text}")));
        }
    }
}
