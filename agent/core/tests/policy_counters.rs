//! Budgets over their life: held, recorded, given back, replayed, looked at.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use bursar_core::amount::Amount;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::name::Name;
use bursar_core::policy::{
    Counters, Denial, DenialCode, Draw, Permit, Policy, Question, Span, Verdict, explain, judge,
};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;

const SHOP: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn nobody() -> std::collections::BTreeSet<Name> {
    std::collections::BTreeSet::new()
}

fn policy(rules: &str) -> Policy {
    Policy::parse(&format!(
        "version = 1\n[assets.EUR]\ndecimals = 2\n[recipients.Shop]\naddress = \"{SHOP}\"\ncategories = [\"food\", \"drink\"]\n{rules}"
    ))
    .unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn then(earliest: &str, latest: &str) -> Span {
    Span { earliest: at(earliest), latest: at(latest) }
}

fn intent(amount: Amount) -> Intent {
    Intent {
        action: Action::Pay,
        ledger: LedgerId([0; 32]),
        from: SHOP.parse().unwrap(),
        to: Some(SHOP.parse().unwrap()),
        value: Some(Value { asset: "EUR".parse().unwrap(), amount }),
        fee: None,
        selector: None,
        created: at("2026-11-22T09:30:00Z"),
        valid_until: at("2026-11-22T09:35:00Z"),
    }
}

fn permit(policy: &Policy, amount: Amount) -> Permit {
    let (account, caller): (Name, Name) = ("petty-cash".parse().unwrap(), "anna".parse().unwrap());
    let intent = intent(amount);
    let now = at("2026-11-22T09:30:00Z");
    match judge(
        policy,
        &Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now },
    ) {
        Verdict::Allow(permit) => permit,
        Verdict::Deny(denial) => panic!("{denial}"),
    }
}

fn room(counters: &Counters, draw: &Draw, now: &str) -> String {
    let left = counters.left(draw, at(now));
    format!("{} of {}, {} left", left.used, left.cap, left.left)
}

const WEEK: &str = "[[allow]]\nname = \"r\"\nbudget = { amount = \"1.00 EUR\", rolling = \"7d\" }\n";
const MONTH: &str = "[[allow]]\nname = \"r\"\nbudget = { amount = \"1.00 EUR\", calendar = \"month\" }\n";

#[test]
fn exactly_the_cap_fits() {
    let policy = policy(WEEK);
    let now = at("2026-11-22T09:30:00Z");
    let mut counters = Counters::default();
    assert_eq!(
        counters
            .reserve(&permit(&policy, Amount::from(101)), &nobody(), now)
            .unwrap_err()
            .denial()
            .unwrap()
            .code,
        DenialCode::Budget
    );
    counters.reserve(&permit(&policy, Amount::from(100)), &nobody(), now).unwrap();
    let denial =
        counters.reserve(&permit(&policy, Amount::from(1)), &nobody(), now).unwrap_err().denial().unwrap();
    assert_eq!(
        denial.message,
        "rule \"r\": 1.00 EUR in any 7 days; 1.00 EUR are used, 0.00 EUR are left, asked 0.01 EUR"
    );
}

#[test]
fn what_is_held_counts_for_ever_and_what_is_released_not_at_all() {
    let policy = policy(MONTH);
    let mut counters = Counters::default();
    let held = permit(&policy, Amount::from(70));
    counters.reserve(&held, &nobody(), at("2026-11-22T09:30:00Z")).unwrap();
    assert_eq!(
        room(&counters, &held.draws()[0], "2031-01-01T00:00:00Z"),
        "0.70 EUR of 1.00 EUR, 0.30 EUR left"
    );
    let released = permit(&policy, Amount::from(30));
    counters.reserve(&released, &nobody(), at("2026-11-22T09:30:00Z")).unwrap();
    counters.release(released.draws());
    counters.release(held.draws());
    assert_eq!(
        room(&counters, &held.draws()[0], "2026-11-22T09:30:00Z"),
        "0.00 EUR of 1.00 EUR, 1.00 EUR left"
    );
}

#[test]
fn a_denied_permit_holds_nothing_of_any_budget() {
    let policy = policy(&format!("{WEEK}[[limit]]\nname = \"l\"\ncount = {{ max = 1, rolling = \"1h\" }}\n"));
    let now = at("2026-11-22T09:30:00Z");
    let mut counters = Counters::default();
    counters.reserve(&permit(&policy, Amount::from(10)), &nobody(), now).unwrap();
    let second = permit(&policy, Amount::from(10));
    let denial: Denial = counters.reserve(&second, &nobody(), now).unwrap_err().denial().unwrap();
    assert_eq!((denial.code, denial.rule.unwrap().as_str()), (DenialCode::Count, "l"));
    assert_eq!(
        room(&counters, &second.draws()[0], "2026-11-22T09:30:00Z"),
        "0.10 EUR of 1.00 EUR, 0.90 EUR left"
    );
    assert_eq!(
        room(&counters, &second.draws()[1], "2026-11-22T09:30:00Z"),
        "1 payment of 1 payment, 0 payments left"
    );
}

#[test]
fn a_month_counts_what_may_have_been_recorded_in_it() {
    let policy = policy(MONTH);
    let mut counters = Counters::default();
    let payment = permit(&policy, Amount::from(100));
    counters.reserve(&payment, &nobody(), at("2026-11-30T23:00:00Z")).unwrap();
    counters.settle(payment.draws(), then("2026-11-30T23:59:00Z", "2026-12-01T00:01:00Z"));
    for (now, room_left) in [
        ("2026-11-30T23:59:59Z", "0.00"),
        ("2026-12-31T23:59:59.999Z", "0.00"),
        ("2027-01-01T00:00:00Z", "1.00"),
    ] {
        let left = counters.left(&payment.draws()[0], at(now)).left.to_string();
        assert_eq!(left, format!("{room_left} EUR"), "{now}");
    }
}

#[test]
fn a_time_in_the_future_counts_now_and_a_clock_that_steps_back_frees_nothing() {
    for rule in [WEEK, MONTH] {
        let policy = policy(rule);
        let mut counters = Counters::default();
        let payment = permit(&policy, Amount::from(100));
        counters.reserve(&payment, &nobody(), at("2026-11-22T09:30:00Z")).unwrap();
        counters.settle(payment.draws(), then("2027-02-03T00:00:00Z", "2027-02-03T00:00:00Z"));
        assert!(counters.reserve(&payment, &nobody(), at("2026-11-22T09:31:00Z")).is_err());
        assert!(counters.reserve(&payment, &nobody(), at("2027-02-09T23:00:00Z")).is_err());
        counters.reserve(&payment, &nobody(), at("2027-03-01T00:00:00Z")).unwrap();
        counters.settle(payment.draws(), then("2027-03-01T00:00:00Z", "2027-03-01T00:00:00Z"));
        // An earlier now is taken for the latest seen, in which the payment counts.
        assert!(counters.reserve(&payment, &nobody(), at("2026-11-01T00:00:00Z")).is_err());
    }
}

#[test]
fn a_replay_of_the_records_leaves_the_same_room() {
    let policy = policy(
        "[[allow]]\nname = \"r\"\nbudget = { amount = \"9.00 EUR\", per = \"category\", rolling = \"1h\" }\ncount = { max = 9, per = \"requester\", calendar = \"week\", zone = \"Asia/Tokyo\" }\n",
    );
    let (mut live, mut replayed) = (Counters::default(), Counters::default());
    let payment = permit(&policy, Amount::from(100));
    assert_eq!(payment.draws().len(), 3);
    let json = serde_json::to_string(payment.draws()).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"[{"budget":"r","per":"category","key":"food","rolling_ms":3600000,"asset":"EUR","decimals":2,"amount":"100","cap":"900"},"#,
            r#"{"budget":"r","per":"category","key":"drink","rolling_ms":3600000,"asset":"EUR","decimals":2,"amount":"100","cap":"900"},"#,
            r#"{"budget":"r","per":"requester","key":"anna","calendar":"week","zone":"Asia/Tokyo","max":9}]"#
        )
    );
    let recorded: Vec<Draw> = serde_json::from_str(&json).unwrap();
    for minute in 0..5 {
        let now = at("2026-11-22T09:30:00Z").plus_millis(minute * 60_000);
        live.reserve(&payment, &nobody(), now).unwrap();
        replayed.hold(&recorded);
        match minute {
            0 => {
                live.release(payment.draws());
                replayed.release(&recorded);
            }
            4 => {}
            _ => {
                let span = Span { earliest: now, latest: now.plus_millis(500) };
                live.settle(payment.draws(), span);
                replayed.settle(&recorded, span);
            }
        }
    }
    for now in
        ["2026-11-22T09:35:00Z", "2026-11-22T10:32:00Z", "2026-11-22T14:59:59Z", "2026-11-22T15:00:00Z"]
    {
        for draw in payment.draws() {
            assert_eq!(live.left(draw, at(now)), replayed.left(draw, at(now)), "{now}");
        }
    }
    // Three recorded and one held; Tokyo's week ends on Sunday at 15:00Z.
    let per_requester = &payment.draws()[2];
    assert_eq!(
        room(&live, per_requester, "2026-11-22T14:59:59Z"),
        "4 payments of 9 payments, 5 payments left"
    );
    assert_eq!(
        room(&live, per_requester, "2026-11-22T15:00:00Z"),
        "1 payment of 9 payments, 8 payments left"
    );
}

#[test]
fn what_was_spent_follows_the_name_of_the_budget_to_another_cap() {
    let mut counters = Counters::default();
    let now = at("2026-11-22T09:30:00Z");
    counters.reserve(&permit(&policy(WEEK), Amount::from(60)), &nobody(), now).unwrap();
    let raised = policy(&WEEK.replace("1.00", "2.00"));
    assert_eq!(
        room(&counters, &permit(&raised, Amount::from(1)).draws()[0], "2026-11-22T09:30:00Z"),
        "0.60 EUR of 2.00 EUR, 1.40 EUR left"
    );
    let lowered = policy(&WEEK.replace("1.00", "0.50"));
    let payment = permit(&lowered, Amount::from(1));
    assert_eq!(
        room(&counters, &payment.draws()[0], "2026-11-22T09:30:00Z"),
        "0.60 EUR of 0.50 EUR, 0.00 EUR left"
    );
    assert!(counters.reserve(&payment, &nobody(), now).is_err());
}

#[test]
fn sums_overflow_into_a_denial() {
    // 2^256 - 1 cents.
    let most = "1157920892373161954235709850086879078532699846656405640394575840079131296399.35";
    let policy = policy(&format!(
        "[[allow]]\nname = \"r\"\nbudget = {{ amount = \"{most} EUR\", rolling = \"7d\" }}\n"
    ));
    let now = at("2026-11-22T09:30:00Z");
    let mut counters = Counters::default();
    let payment = permit(&policy, Amount::MAX);
    counters.reserve(&payment, &nobody(), now).unwrap();
    assert_eq!(
        counters
            .reserve(&permit(&policy, Amount::from(1)), &nobody(), now)
            .unwrap_err()
            .denial()
            .unwrap()
            .code,
        DenialCode::Overflow
    );
    // A replay cannot refuse: it stays full instead of starting again at nothing.
    counters.hold(payment.draws());
    counters.release(payment.draws());
    assert!(counters.reserve(&permit(&policy, Amount::from(1)), &nobody(), now).is_err());
}

#[test]
fn explaining_changes_nothing_and_agrees() {
    let policy = policy(&format!("{WEEK}[[allow]]\nname = \"second\"\naccounts = [\"other\"]\n"));
    let now = at("2026-11-22T09:30:00Z");
    let mut counters = Counters::default();
    counters.reserve(&permit(&policy, Amount::from(60)), &nobody(), now).unwrap();
    let (account, caller): (Name, Name) = ("petty-cash".parse().unwrap(), "anna".parse().unwrap());
    let intent = intent(Amount::from(50));
    let question = Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now };
    let explanation = explain(&policy, &question, &counters, &nobody());
    assert_eq!(explanation, explain(&policy, &question, &counters, &nobody()));
    assert!(!explanation.allowed);
    assert_eq!(explanation.rule.unwrap().as_str(), "r");
    assert_eq!(explanation.denial.unwrap().code, DenialCode::Budget);
    let [first, second] = explanation.rules.as_slice() else { panic!() };
    assert!(first.applies && !first.conditions[0].holds);
    assert_eq!(first.conditions[0].left.as_ref().unwrap().left.to_string(), "0.40 EUR");
    assert_eq!(second.because, ["is for the accounts other; this one is petty-cash"]);
    let standings = counters.standings(&policy, now);
    assert_eq!(
        serde_json::to_string(&standings).unwrap(),
        r#"[{"budget":"r","condition":"1.00 EUR in any 7 days","used":"0.60 EUR","cap":"1.00 EUR","left":"0.40 EUR","percent":60}]"#
    );
}
