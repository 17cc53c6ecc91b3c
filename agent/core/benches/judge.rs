//! How long `judge`, `reserve` and reading a policy take.
//!
//! `cargo bench -p bursar-core --bench judge`
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a benchmark may stop")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::hint::black_box;

use bursar_core::amount::Amount;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{Answer, Counters, Permit, Policy, Question, Replay, Said, Span, Verdict, judge};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use divan::Bencher;

fn main() {
    divan::main();
}

const NOW: i64 = 1_795_339_800_000;

fn key(seed: usize) -> PublicKey {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(seed as u64).to_be_bytes());
    let key = ed25519_dalek::SigningKey::from_bytes(&bytes).verifying_key();
    PublicKey::ed25519(key.to_bytes()).unwrap()
}

/// What the rules have in common with the payment from account-0.
#[derive(Clone, Copy, Debug)]
enum Match {
    /// No rule but the last.
    Last,
    /// No rule at all.
    None,
    /// Every rule, all of them allows.
    Allows,
    /// Every rule: one allow, the rest limits with an amount per payment.
    Limits,
    /// Every rule: one allow, the rest limits with an amount per payment and hours.
    Hours,
}

fn text(rules: usize, recipients: usize, matching: Match) -> String {
    let mut text = "version = 1\n[assets.EUR]\ndecimals = 2\n".to_owned();
    for i in 0..recipients {
        writeln!(text, "[recipients.shop-{i}]\naddress = \"{}\"\ncategories = [\"c{}\"]", key(i), i % 100)
            .unwrap();
    }
    for i in 0..rules {
        let (kind, account) = match matching {
            Match::Last if i + 1 == rules => ("allow", 0),
            Match::Last | Match::None => ("allow", i + 1),
            Match::Allows => ("allow", 0),
            Match::Limits | Match::Hours if i + 1 == rules => ("allow", 0),
            Match::Limits | Match::Hours => ("limit", 0),
        };
        writeln!(
            text,
            "[[{kind}]]\nname = \"r{i}\"\naccounts = [\"account-{account}\"]\ncategories = [\"c0\", \"c{}\"]\nper_payment = \"50.00 EUR\"",
            i % 100
        )
        .unwrap();
        if matches!(matching, Match::Hours) {
            writeln!(text, "hours = {{ from = \"00:00\", to = \"23:59\", zone = \"Europe/Berlin\" }}")
                .unwrap();
        }
        if kind == "allow" {
            writeln!(text, "budget = {{ amount = \"1000000000000.00 EUR\", rolling = \"7d\" }}").unwrap();
        }
    }
    text
}

struct Asked {
    policy: Policy,
    intents: Vec<Intent>,
    account: Name,
    caller: Name,
}

impl Asked {
    fn new(rules: usize, recipients: usize, matching: Match) -> Self {
        let policy = Policy::parse(&text(rules, recipients, matching)).unwrap();
        let now = Timestamp::from_millis(NOW).unwrap();
        let payable: Vec<PublicKey> = policy
            .recipients()
            .filter(|recipient| recipient.categories.iter().any(|c| c.as_str() == "c0"))
            .map(|recipient| recipient.address)
            .collect();
        // Spread over the recipients, so that no lookup finds its line in the cache.
        let intents = (0..1000)
            .map(|i| Intent {
                action: Action::Pay,
                ledger: LedgerId([0; 32]),
                from: key(0),
                to: Some(payable[i * 7919 % payable.len()]),
                value: Some(Value { asset: "EUR".parse().unwrap(), amount: Amount::from(1000) }),
                fee: None,
                selector: None,
                created: now,
                valid_until: now,
            })
            .collect();
        Self { policy, intents, account: "account-0".parse().unwrap(), caller: "anna".parse().unwrap() }
    }

    fn ask(&self, i: usize) -> Verdict {
        let now = Timestamp::from_millis(NOW).unwrap();
        let intent = &self.intents[i % self.intents.len()];
        judge(
            &self.policy,
            &Question { intent, account: &self.account, caller: &self.caller, roles: Roles::NONE, now },
        )
    }

    fn permit(&self) -> Permit {
        match self.ask(0) {
            Verdict::Allow(permit) => permit,
            Verdict::Deny(denial) => panic!("{denial}"),
        }
    }
}

#[divan::bench(args = [
    (10, 1, Match::Last), (1000, 1, Match::Last), (1000, 1, Match::Allows), (1000, 1, Match::Limits),
    (1000, 1, Match::Hours), (1000, 1, Match::None), (10, 100_000, Match::Last),
    (1000, 100_000, Match::Last), (1000, 100_000, Match::Allows), (1000, 100_000, Match::None),
    (10_000, 100_000, Match::Last),
])]
fn judge_rules_recipients(bencher: Bencher, (rules, recipients, matching): (usize, usize, Match)) {
    let asked = Asked::new(rules, recipients, matching);
    let allowed = matches!(asked.ask(0), Verdict::Allow(_));
    assert_eq!(allowed, !matches!(matching, Match::None));
    let mut i = 0;
    bencher.bench_local(|| {
        i += 1;
        asked.ask(black_box(i))
    });
}

#[divan::bench(args = [1_000, 1_000_000, 10_000_000])]
fn reserve_and_settle_after_past_payments(bencher: Bencher, past: i64) {
    let asked = Asked::new(10, 1, Match::Last);
    let permit = asked.permit();
    let mut counters = Counters::default();
    let at = |i: i64| Timestamp::from_millis(NOW + i * 600).unwrap();
    for i in 0..past {
        counters.hold(permit.draws());
        counters.settle(permit.draws(), Span { earliest: at(i), latest: at(i) });
        if i % 1000 == 0 {
            counters.advance(at(i));
        }
    }
    let mut i = past;
    bencher.bench_local(|| {
        i += 1;
        counters.reserve(black_box(&permit), &BTreeSet::new(), at(i)).unwrap();
        counters.settle(permit.draws(), Span { earliest: at(i), latest: at(i) });
    });
}

/// As the book tells it: asked, recorded, a thousand under way.
#[divan::bench(args = [(10, Match::Last), (1000, Match::Last)], sample_count = 3)]
fn replay_a_million_payments(bencher: Bencher, (rules, matching): (usize, Match)) {
    let asked = Asked::new(rules, 1000, matching);
    let at = |i: i64| Timestamp::from_millis(NOW + i * 600).unwrap();
    bencher.bench_local(|| {
        let mut replay = Replay::new(&asked.policy);
        for i in 0..1_000_000_i64 {
            let question = Question {
                intent: &asked.intents[i as usize % asked.intents.len()],
                account: &asked.account,
                caller: &asked.caller,
                roles: Roles::NONE,
                now: at(i),
            };
            let then = Said { verdict: Answer::Allowed, rule: None, why: None };
            replay.asked(i as u64, &question, &BTreeSet::new(), then);
            if i >= 1000 {
                replay.settled(i as u64 - 1000, Span { earliest: at(i - 1000), latest: at(i) });
            }
        }
        assert_eq!(replay.flips(), 0);
        replay
    });
}

#[divan::bench(args = [(10, 100), (1000, 1000), (1000, 100_000), (10_000, 1000)], sample_count = 5)]
fn parse(bencher: Bencher, (rules, recipients): (usize, usize)) {
    let text = text(rules, recipients, Match::Last);
    bencher.counter(divan::counter::BytesCount::of_str(&text)).bench(|| Policy::parse(&text).unwrap());
}

#[divan::bench(args = [(1000, 1000), (10_000, 100_000)], sample_count = 3)]
fn warnings(bencher: Bencher, (rules, recipients): (usize, usize)) {
    let policy = Policy::parse(&text(rules, recipients, Match::Allows)).unwrap();
    bencher.bench(|| policy.warnings());
}
