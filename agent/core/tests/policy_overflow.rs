//! Sums beyond 2^256 - 1 minor units: denied, or taken for more than any amount.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::collections::BTreeSet;

use bursar_core::amount::Amount;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::name::Name;
use bursar_core::policy::{Counters, DenialCode, Permit, Policy, Question, Span, Unmet, Verdict, judge};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;

/// 2^256 - 1.
const MAX: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
/// RFC 8032, section 7.1.
const SHOP: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const BEN: &str = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";

fn policy(rule: &str) -> Policy {
    let head = format!(
        "version = 1\n[assets.EUR]\ndecimals = 0\n[recipients.shop]\naddress = \"{SHOP}\"\n[approvers.ben]\nkey = \"{BEN}\"\n"
    );
    Policy::parse(&format!("{head}[[allow]]\nname = \"a\"\n{rule}\n")).unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T09:30:00Z".parse().unwrap()
}

fn permit(policy: &Policy, amount: Amount) -> Permit {
    let intent = Intent {
        action: Action::Pay,
        ledger: LedgerId([1; 32]),
        from: BEN.parse().unwrap(),
        to: Some(SHOP.parse().unwrap()),
        value: Some(Value { asset: "EUR".parse().unwrap(), amount }),
        fee: None,
        selector: None,
        created: now(),
        valid_until: now(),
    };
    let (account, caller) = ("cash".parse().unwrap(), "anna".parse().unwrap());
    let question =
        Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now: now() };
    match judge(policy, &question) {
        Verdict::Allow(permit) => permit,
        Verdict::Deny(denial) => panic!("{denial}"),
    }
}

fn nobody() -> BTreeSet<Name> {
    BTreeSet::new()
}

fn settled() -> Span {
    Span { earliest: now(), latest: now() }
}

#[test]
fn an_amount_beyond_it_is_refused_by_the_parser() {
    let more = format!("{}6", &MAX[..MAX.len() - 1]);
    for rule in [
        format!("per_payment = \"{more} EUR\""),
        format!("first_payment = \"{more} EUR\""),
        format!("fee_cap = \"{more} EUR\""),
        format!("budget = {{ amount = \"{more} EUR\", rolling = \"1h\" }}"),
        format!("approvals = [{{ need = 1, from = \"ben\", above = \"{more} EUR\" }}]"),
    ] {
        let text = policy("").text().replace("name = \"a\"\n", &format!("name = \"a\"\n{rule}\n"));
        assert!(Policy::parse(&text).is_err(), "{rule}");
        assert!(Policy::parse(&text.replace(&more, MAX)).is_ok(), "{rule}");
    }
}

#[test]
fn a_budget_of_all_there_is_never_wraps() {
    let policy = policy(&format!("budget = {{ amount = \"{MAX} EUR\", rolling = \"1h\" }}"));
    let (all, one) = (permit(&policy, Amount::MAX), permit(&policy, Amount::from(1)));
    for settles in [false, true] {
        let mut counters = Counters::default();
        counters.reserve(&all, &nobody(), now()).unwrap();
        if settles {
            counters.settle(all.draws(), settled());
        }
        let denial = counters.reserve(&one, &nobody(), now()).unwrap_err().denial().unwrap();
        assert_eq!(denial.code, DenialCode::Overflow, "{denial}");
        // However much a replay of records adds, it stays full.
        counters.hold(all.draws());
        counters.hold(one.draws());
        let denial = counters.reserve(&one, &nobody(), now()).unwrap_err().denial().unwrap();
        assert_eq!(denial.code, DenialCode::Overflow, "{denial}");
    }
}

/// The sum that one requester sends to one recipient: beyond everything, so somebody is asked.
#[test]
fn a_sum_for_approvals_never_wraps() {
    let above = format!("\"{MAX} EUR\"");
    let policy = policy(&format!(
        "count = {{ max = 9, rolling = \"1h\" }}\napprovals = [{{ need = 1, from = \"ben\", above = {above} }}]"
    ));
    let all = permit(&policy, Amount::MAX);
    let one = permit(&policy, Amount::from(1));
    for settles in [false, true] {
        let mut counters = Counters::default();
        counters.reserve(&all, &nobody(), now()).expect("the amount itself needs nobody");
        if settles {
            counters.settle(all.draws(), settled());
        }
        assert!(matches!(counters.reserve(&one, &nobody(), now()), Err(Unmet::Waiting(_))));
        let ben = BTreeSet::from(["ben".parse().unwrap()]);
        counters.reserve(&one, &ben, now()).unwrap();
        counters.reserve(&all, &ben, now()).unwrap();
        assert!(matches!(counters.reserve(&one, &nobody(), now()), Err(Unmet::Waiting(_))));
    }
}

/// What counts payments does not care how large they are.
#[test]
fn counts_and_spacing_of_the_largest_payments() {
    let policy = policy("count = { max = 2, rolling = \"1h\" }\nspacing = { at_least = \"1m\" }");
    let all = permit(&policy, Amount::MAX);
    let mut counters = Counters::default();
    let at = |minutes: i64| now().plus_millis(minutes * 61_000);
    let code = |unmet: Unmet| unmet.denial().unwrap().code;
    for minute in [0, 1] {
        counters.reserve(&all, &nobody(), at(minute)).unwrap();
        assert_eq!(
            code(counters.reserve(&all, &nobody(), at(minute)).unwrap_err()),
            match minute {
                0 => DenialCode::Spacing,
                _ => DenialCode::Count,
            }
        );
        counters.settle(all.draws(), Span { earliest: at(minute), latest: at(minute) });
    }
    assert_eq!(code(counters.reserve(&all, &nobody(), at(2)).unwrap_err()), DenialCode::Count);
}
