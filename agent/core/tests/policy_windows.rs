//! No sequence of requests ever puts a rolling window over its cap, wherever the window begins.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use bursar_core::amount::Amount;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::key::PublicKey;
use bursar_core::policy::{Counters, DenialCode, Permit, Policy, Question, Span, Verdict, judge};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use proptest::prelude::*;

/// 2026-10-23T00:00:00Z.
const START: i64 = 1_792_713_600_000;
/// RFC 8032, section 7.1.
const SHOP: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const HOUR: i64 = 3_600_000;

fn policy(cap: u64, window: i64) -> Policy {
    let head = format!("version = 1\n[assets.EUR]\ndecimals = 0\n[recipients.shop]\naddress = \"{SHOP}\"\n");
    let budget = format!("budget = {{ amount = \"{cap} EUR\", rolling = \"{}s\" }}\n", window / 1000);
    Policy::parse(&format!("{head}[[allow]]\nname = \"r\"\n{budget}")).unwrap()
}

fn permit(policy: &Policy, amount: u64, now: Timestamp) -> Permit {
    let shop: PublicKey = SHOP.parse().unwrap();
    let intent = Intent {
        action: Action::Pay,
        ledger: LedgerId([1; 32]),
        from: shop,
        to: Some(shop),
        value: Some(Value { asset: "EUR".parse().unwrap(), amount: Amount::from(amount) }),
        fee: None,
        selector: None,
        created: now,
        valid_until: now,
    };
    let (account, caller) = ("a0".parse().unwrap(), "anna".parse().unwrap());
    let question = Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now };
    match judge(policy, &question) {
        Verdict::Allow(permit) => permit,
        Verdict::Deny(denial) => panic!("{denial}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Payments are recorded at some time after their reservation, in any order, some never;
    /// the window is then looked at from every payment on.
    #[test]
    fn no_true_window_is_ever_over_its_cap(
        window in prop_oneof![Just(60_000_i64), Just(61_003), 60_000..2 * HOUR],
        cap in 1..200_u64,
        steps in proptest::collection::vec((0..3000_i64, 1..80_u64, 0..5000_i64, 0..3000_i64, 0..8_usize), 1..200),
    ) {
        let window = window / 1000 * 1000;
        let policy = policy(cap, window);
        let (mut counters, mut now) = (Counters::default(), START);
        let mut open: Vec<(Permit, i64, u64, i64, i64)> = Vec::new();
        let mut recorded: Vec<(i64, u64)> = Vec::new();
        for (after, amount, delay, slack, fate) in steps {
            now += after;
            let time = Timestamp::from_millis(now).unwrap();
            // Those whose turn has come are recorded at a time that is known only roughly; a few
            // never are.
            let (due, later): (Vec<_>, Vec<_>) = open.into_iter().partition(|(.., at, _)| *at <= now);
            open = later;
            for (permit, reserved, amount, at, slack) in due {
                if slack % 7 == 0 {
                    counters.release(permit.draws());
                    continue;
                }
                let earliest = Timestamp::from_millis(reserved.max(at - slack)).unwrap();
                counters.settle(
                    permit.draws(),
                    Span { earliest, latest: Timestamp::from_millis(at + slack / 3).unwrap() },
                );
                recorded.push((at, amount));
            }
            let permit = permit(&policy, amount, time);
            // Room comes back at most 1/256 of the window late.
            let counted: u64 = recorded.iter().filter(|(at, _)| now < at + 1000 + window + window / 256)
                .map(|(_, amount)| amount).sum();
            let held: u64 = open.iter().map(|(_, _, amount, ..)| amount).sum();
            match counters.reserve(&permit, &Default::default(), time) {
                Ok(()) => open.push((permit, now, amount, now + delay * fate as i64, slack)),
                Err(unmet) => {
                    let denial = unmet.denial().unwrap();
                    prop_assert_eq!(denial.code, DenialCode::Budget);
                    prop_assert!(counted + held + amount > cap, "there was room: {}", denial);
                }
            }
        }
        recorded.extend(open.iter().map(|(_, _, amount, at, _)| (*at, *amount)));
        for (start, _) in &recorded {
            let sum: u64 = recorded.iter().filter(|(at, _)| (*start..start + window).contains(at))
                .map(|(_, amount)| amount).sum();
            prop_assert!(sum <= cap, "{sum} over {cap} from {start}");
        }
    }
}
