//! The book, which judges, holds and remembers, against the slow evaluator of the policy's own tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[path = "../core/tests/reference/mod.rs"]
mod reference;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bursar::book::draft::{Circumstances, Draft};
use bursar::book::view::{Position, State};
use bursar::book::{Book, Decision, Options, Outcome};
use bursar::caller::Identity;
use bursar::clock::{Tolerance, Watch, wall};
use bursar_core::intent::{Action, LedgerId};
use bursar_core::policy::Policy;
use bursar_core::role::Roles;
use proptest::prelude::*;
use reference::ask::{Ask, Fate, ask};
use reference::evaluator::{Late, Past, Word, counts_under, possible, word};
use reference::spec::{Bundle, bundle};
use reference::text::text;
use reference::world::key;

/// A book on disk, and what went through it in the words of the reference.
struct Desk {
    book: Book,
    policy: Arc<Policy>,
    past: Vec<Past>,
    asked: u64,
}

/// What the product says, and when at the earliest and at the latest it said so.
struct Said {
    word: Word,
    between: [i64; 2],
}

fn open(home: &Path, policy: &Arc<Policy>) -> Book {
    let forever = Tolerance { running: Duration::MAX, restarted: Duration::MAX };
    let watch = Arc::new(Watch::new(forever));
    let policy = Some(policy.clone());
    Book::open(Options { home: home.to_owned(), id: None, policy, requesters: None, watch, progress: |_| () })
        .unwrap()
}

impl Desk {
    async fn ask(&mut self, bundle: &Bundle, ask: &Ask) -> Said {
        let since = wall();
        let draft = self.draft(ask);
        let decision = self.book.reserve(draft).await.unwrap();
        let between = [since.millis(), wall().millis()];
        let reserved = match decision {
            Decision::Reserved(reserved) => reserved,
            Decision::Answered(spend) if spend.state == State::Waiting => {
                return Said { word: Word::Wait, between };
            }
            Decision::Answered(spend) if spend.state == State::Denied => {
                return Said { word: Word::Deny, between };
            }
            other => panic!("{other:?}"),
        };
        let at = match ask.fate {
            // By the ledger's time it was some hours ago.
            Fate::Recorded(before) => {
                let recorded = since.plus_millis(-before);
                let position = Position { position: self.asked, recorded };
                let digest = reserved.payload().digest();
                let settled = self.book.settle(reserved.spend(), digest, Outcome::Recorded(position));
                assert_eq!(settled.await.unwrap().state, State::Recorded);
                recorded.millis()
            }
            Fate::Held | Fate::Released => i64::MAX,
        };
        self.past.push(Past { ask: ask.clone(), at, under: counts_under(bundle, ask) });
        Said { word: Word::Allow, between }
    }

    fn draft(&mut self, ask: &Ask) -> Draft {
        self.asked += 1;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.asked.to_be_bytes());
        let around = Circumstances {
            from: key(ask.from),
            ledger: LedgerId([ask.ledger; 32]),
            nonce,
            now: wall(),
            valid_for: 900_000,
            patience: 900_000,
        };
        let (account, caller) = ask.names();
        let caller = Identity { name: caller, roles: Roles::of(&ask.roles), user: None };
        let (asset, amount) = ask.value.unwrap();
        let amount = self.policy.asset(asset).unwrap().format_number(amount.into());
        let action = if ask.action == Action::Issue { r#""action":"issue","# } else { "" };
        let request = format!(
            r#"{{{action}"from":"{account}","to":"{}","amount":"{amount} {asset}"}}"#,
            key(ask.to.unwrap()).address()
        );
        let request = serde_json::from_str(&request).unwrap();
        Draft::new(&self.policy, caller, self.asked.to_string().parse().unwrap(), request, around).unwrap()
    }
}

/// A payment, or an issue, of an asset that the policy has: what the book takes. Nobody has approved it.
fn payment() -> impl Strategy<Value = Ask> {
    ask().prop_filter_map("no payment", |ask| {
        let known =
            ask.to.is_some_and(|to| to != ask.from) && ask.value.is_some_and(|(asset, _)| asset != "USD");
        let action = if ask.action == Action::Issue { Action::Issue } else { Action::Pay };
        known.then_some(Ask { action, selector: None, fee: None, voters: Vec::new(), ..ask })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_book_allows_what_the_reference_allows(
        bundle in bundle(0.2).prop_filter("quorums", possible),
        asks in proptest::collection::vec(payment(), 1..30),
    ) {
        let folder = tempfile::tempdir().unwrap();
        Book::create(folder.path(), &"07".repeat(16)).unwrap();
        let policy = Arc::new(Policy::parse(&text(&bundle)).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let book = open(folder.path(), &policy);
        let mut desk = Desk { book, policy, past: Vec::new(), asked: 0 };
        for (number, ask) in asks.iter().enumerate() {
            if number == asks.len() / 2 {
                // What was counted is read from the records again.
                let Desk { book, policy, past, asked } = desk;
                drop(book);
                let book = open(folder.path(), &policy);
                desk = Desk { book, policy, past, asked };
            }
            let past = desk.past.clone();
            let said = runtime.block_on(desk.ask(&bundle, ask));
            let at = |now: i64| [Late::Never, Late::Always].map(|late| word(&bundle, ask, &past, now, late));
            // The minute may have turned in between.
            let words = said.between.map(at).concat();
            let (least, most) = (words.iter().min().unwrap(), words.iter().max().unwrap());
            prop_assert!(
                *least <= said.word && said.word <= *most,
                "{:?} not {:?} to {:?}: {:?}\n{}", said.word, least, most, ask, text(&bundle)
            );
        }
    }
}
