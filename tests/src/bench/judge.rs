//! How long the policy takes to judge one payment.

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bursar_core::amount::Amount;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{Policy, Question, Verdict, judge};
use bursar_core::time::Timestamp;

use crate::report::Judge;
use crate::stats::median;

/// Recipients of every bundle.
const RECIPIENTS: usize = 100_000;
/// Payments between two looks at the clock.
const BATCH: usize = 10_000;

/// Measures each bundle.
pub fn measure() -> Vec<Judge> {
    eprintln!("judge: {RECIPIENTS} recipients");
    let keys: Vec<_> = (0..RECIPIENTS).map(key).collect();
    let allow = |account: &str| format!("[[allow]]\naccounts = [\"{account}\"]\n");
    let last =
        |rules: usize| (0..rules).map(|n| allow(if n + 1 == rules { "own" } else { "other" })).collect();
    let limits = (1..1000).map(|_| "[[limit]]\n".to_owned()).chain([allow("own")]).collect();
    let all = (0..1000).map(|_| allow("own")).collect();
    [
        ("only the last matches", last(10)),
        ("only the last matches", last(1000)),
        ("all match, each could allow", all),
        ("all match, one allow and 999 limits", limits),
    ]
    .into_iter()
    .map(|(matching, rules): (_, Vec<String>)| {
        let nanos = time(&policy(&keys, &rules), &keys);
        Judge { rules: rules.len(), recipients: RECIPIENTS, matching, nanos }
    })
    .collect()
}

/// A valid key: its private key is the number.
fn key(number: usize) -> PublicKey {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    PublicKey::ed25519(public.to_bytes()).expect("a valid key")
}

/// Every rule has an amount per payment, and every allow a rolling budget.
fn policy(keys: &[PublicKey], rules: &[String]) -> Policy {
    let mut text = "version = 1\n[assets.EUR]\ndecimals = 2\n".to_owned();
    for (number, key) in keys.iter().enumerate() {
        let _ = writeln!(
            text,
            "[recipients.\"shop {number}\"]\naddress = \"{key}\"\ncategories = [\"kind {}\"]",
            number % 50
        );
    }
    for (number, rule) in rules.iter().enumerate() {
        let _ = write!(text, "{rule}name = \"rule {number}\"\nper_payment = \"{}.00 EUR\"\n", 50 + number);
        if rule.starts_with("[[allow]]") {
            text += "budget = { amount = \"1000000.00 EUR\", rolling = \"7d\" }\n";
        }
    }
    Policy::parse(&text).expect("a policy")
}

/// The median of nanoseconds over batches of payments to recipients all over the bundle.
fn time(policy: &Policy, keys: &[PublicKey]) -> f64 {
    let now: Timestamp = "2026-11-22T09:30:00Z".parse().expect("a time");
    let (account, caller): (Name, Name) = ("own".parse().expect("a name"), "anna".parse().expect("a name"));
    let intent = |n: usize| Intent {
        action: Action::Pay,
        ledger: LedgerId([0; 32]),
        from: keys[0],
        // A prime step, so that no payment finds the recipient of the one before in the cache.
        to: Some(keys[1 + n * 7919 % (keys.len() - 1)]),
        value: Some(Value { asset: "EUR".parse().expect("a name"), amount: Amount::from(1250_u64) }),
        fee: None,
        selector: None,
        created: now,
        valid_until: now.plus_millis(900_000),
    };
    let intents: Vec<_> = (0..BATCH).map(intent).collect();
    let mut batches = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(500) {
        let batch = Instant::now();
        for intent in &intents {
            let question = Question {
                intent,
                account: &account,
                caller: &caller,
                roles: bursar_core::role::Roles::NONE,
                now,
            };
            assert!(matches!(judge(black_box(policy), black_box(&question)), Verdict::Allow(_)));
        }
        batches.push(batch.elapsed().as_secs_f64() * 1e9 / BATCH as f64);
    }
    median(batches)
}
