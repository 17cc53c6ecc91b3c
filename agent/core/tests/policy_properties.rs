//! The policy against a slow evaluator that is obviously right.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod reference;

use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{
    Counters, Draw, Explanation, Past as Recorded, Policy, Span, Unmet, Verdict, explain, judge,
};
use bursar_core::time::Timestamp;
use proptest::prelude::*;
use reference::ask::{Ask, Fate, ask};
use reference::evaluator::{Late, Past, What, Word, counts_under, possible, rules, word};
use reference::spec::{Bundle, bundle};
use reference::text::text;
use reference::world::{START, key};

/// How often rules name roles when none should: a chance of zero is none to the generator.
const ROLELESS: f64 = 1e-9;

/// A book in memory: what went through, in the words of the product and of the reference.
struct Book {
    policy: Policy,
    counters: Counters,
    now: i64,
    past: Vec<Entry>,
}

struct Entry {
    past: Past,
    /// Is it recorded by now?
    recorded: bool,
    /// When it was allowed: what it drew, in the words of the product and of the reference.
    drew: Vec<Draw>,
    counted: Vec<(usize, What)>,
    /// What it draws from the policy in force.
    draws: Vec<Draw>,
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

impl Book {
    fn new(policy: Policy) -> Self {
        Self { policy, counters: Counters::default(), now: START, past: Vec::new() }
    }

    /// Lets time pass: what is due is recorded.
    fn wait(&mut self, millis: i64) {
        self.now += millis;
        for entry in self.past.iter_mut().filter(|entry| !entry.recorded && entry.past.at <= self.now) {
            entry.recorded = true;
            record(&mut self.counters, &entry.past, &entry.draws);
        }
    }

    /// What the product says, and which rule decided.
    fn ask(&mut self, bundle: &Bundle, ask: &Ask) -> (Word, Option<Name>, Explanation) {
        let (intent, by) = (ask.intent(self.now), ask.names());
        let question = ask.question(&intent, &by);
        let explained = explain(&self.policy, &question, &self.counters, &ask.votes());
        let permit = match judge(&self.policy, &question) {
            Verdict::Deny(_) => return (Word::Deny, None, explained),
            Verdict::Allow(permit) => permit,
        };
        let rule = Some(permit.rule().clone());
        match self.counters.reserve(&permit, &ask.votes(), at(self.now)) {
            Err(Unmet::Denied(_)) => return (Word::Deny, rule, explained),
            Err(Unmet::Waiting(_)) => return (Word::Wait, rule, explained),
            Ok(()) => {}
        }
        // What is recorded is what a replay counts.
        let json = serde_json::to_string(permit.draws()).unwrap();
        let draws: Vec<Draw> = serde_json::from_str(&json).unwrap();
        assert_eq!(draws, permit.draws());
        let recorded = match ask.fate {
            Fate::Released => {
                self.counters.release(permit.draws());
                return (Word::Allow, rule, explained);
            }
            Fate::Held => i64::MAX,
            Fate::Recorded(later) => self.now + later,
        };
        let counted = counts_under(bundle, ask);
        let past = Past { ask: ask.clone(), at: recorded, under: counted.clone() };
        self.past.push(Entry { past, recorded: false, drew: draws.clone(), counted, draws });
        self.wait(0);
        (Word::Allow, rule, explained)
    }

    /// Puts another policy in force; the counters are made from the records.
    fn change(&mut self, bundle: &Bundle, policy: Policy) {
        self.policy = policy;
        self.counters = Counters::default();
        for Entry { past, recorded, drew, counted, draws } in &mut self.past {
            let (intent, (account, caller)) = (past.ask.intent(START), past.ask.names());
            let was = Recorded { intent: &intent, account: &account, caller: &caller, drew };
            *draws = self.policy.draws_of_past(&was);
            self.counters.hold(draws);
            if *recorded {
                record(&mut self.counters, past, draws);
            }
            past.under = counts_under(bundle, &past.ask);
            past.under.extend(counted.iter());
        }
    }

    /// The verdict of the reference: the best, and with windows that close late.
    fn reference(&self, bundle: &Bundle, ask: &Ask) -> (Word, Word) {
        let past: Vec<Past> = self.past.iter().map(|entry| entry.past.clone()).collect();
        let word = |late| word(bundle, ask, &past, self.now, late);
        (word(Late::Never), word(Late::Always))
    }
}

fn record(counters: &mut Counters, past: &Past, draws: &[Draw]) {
    let time = at(past.at);
    counters.settle(draws, Span { earliest: time, latest: time });
    let to: Option<PublicKey> = past.ask.to.map(key);
    to.into_iter().for_each(|to| counters.learn(&past.ask.names().0, to));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn allows_what_the_reference_allows(
        bundle in bundle(0.2),
        asks in proptest::collection::vec(ask(), 1..40),
    ) {
        let read = Policy::parse(&text(&bundle));
        prop_assert_eq!(read.is_ok(), possible(&bundle), "{:?}\n{}", read.err(), text(&bundle));
        let Ok(policy) = read else { return Ok(()) };
        let mut book = Book::new(policy);
        for ask in asks {
            book.wait(ask.after);
            let (least, most) = book.reference(&bundle, &ask);
            let (word, rule, explained) = book.ask(&bundle, &ask);
            prop_assert!(
                least <= word && word <= most,
                "{:?} not {:?}: {:#?}\n{:?}\n{}", word, least, explained, ask, text(&bundle)
            );
            if let Some(rule) = rule {
                prop_assert_eq!(rule.as_str(), format!("r{}", rules(&bundle, &ask).unwrap()[0].name));
            }
            let told = match (explained.allowed, explained.denial) {
                (true, None) => Word::Allow,
                (false, Some(_)) => Word::Deny,
                _ => Word::Wait,
            };
            prop_assert_eq!(told, word, "{:?}\n{}", ask, text(&bundle));
            prop_assert_eq!(word == Word::Wait, !explained.approvals.is_empty());
        }
    }

    /// What was spent follows a budget's name, and new windows are filled from history: the counters
    /// that a changed policy is judged with never hold less than what truly went through.
    #[test]
    fn a_change_of_the_policy_forgets_nothing(
        (roles, bundles) in prop_oneof![Just(ROLELESS), Just(0.3)].prop_flat_map(|roles| {
            (Just(roles), proptest::collection::vec(bundle(roles).prop_filter("quorums", possible), 2..4))
        }),
        asks in proptest::collection::vec(ask(), 2..60),
    ) {
        let policy = |bundle| Policy::parse(&text(bundle)).unwrap();
        let mut book = Book::new(policy(&bundles[0]));
        let part = asks.len().div_ceil(bundles.len());
        for (turn, (bundle, asks)) in bundles.iter().zip(asks.chunks(part)).enumerate() {
            if turn > 0 {
                book.change(bundle, policy(bundle));
            }
            for ask in asks {
                book.wait(ask.after);
                let (least, most) = book.reference(bundle, ask);
                let (word, _, explained) = book.ask(bundle, ask);
                prop_assert!(least <= word, "{:#?}\n{:?}\n{}", explained, ask, text(bundle));
                // Who asked long ago had roles that nobody remembers: then too much may count.
                prop_assert!(
                    word <= most || (turn > 0 && roles > ROLELESS),
                    "{:?} not {:?}: {:#?}\n{:?}\n{}", word, most, explained, ask, text(bundle)
                );
            }
        }
    }
}
