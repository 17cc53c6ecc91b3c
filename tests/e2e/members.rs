//! A group that shares a caller's name: each member has keys of their own, and is told from the others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bursar::book::draft::{Circumstances, Draft};
use bursar::book::{Book, Decision, Options, Unfinished, read};
use bursar::caller::{Identity, Role, Roles, User};
use bursar::clock::{Tolerance, Watch, wall};
use bursar_core::intent::LedgerId;
use bursar_core::policy::Policy;
use bursar_tests::person::people;
use bursar_tests::policy::{SUPPLIES, bundle, recipient};
use bursar_tests::programs;
use bursar_tests::world::World;

/// The book of a home, without token, agent or socket: any user may ask.
struct Desk {
    book: Book,
    policy: Arc<Policy>,
    nonce: u8,
}

const fn member(uid: u32) -> Option<User> {
    Some(User { uid, shares: true })
}

const fn alone(uid: u32) -> Option<User> {
    Some(User { uid, shares: false })
}

impl Desk {
    fn open(home: &Path, nonce: u8) -> Self {
        let policy = Arc::new(Policy::parse(&bundle(&(people() + SUPPLIES))).unwrap());
        let forever = Tolerance { running: Duration::MAX, restarted: Duration::MAX };
        let book = Book::open(Options {
            home: home.to_owned(),
            id: None,
            policy: Some(policy.clone()),
            requesters: None,
            watch: Arc::new(Watch::new(forever)),
            progress: |_| (),
        });
        Self { book: book.unwrap(), policy, nonce }
    }

    /// The spend that the answer is about, and whether it was there before.
    async fn ask(&mut self, user: Option<User>, key: &str, amount: &str) -> (u64, bool) {
        self.nonce += 1;
        let around = Circumstances {
            from: recipient(9),
            ledger: LedgerId([9; 32]),
            nonce: [self.nonce; 16],
            now: wall(),
            valid_for: 900_000,
            patience: 900_000,
        };
        let roles = Roles::of(&[Role::Requester]);
        let caller = Identity { name: "clerks".parse().unwrap(), roles, user };
        let request = format!(r#"{{"from":"expenses","to":"Fresh Market","amount":"{amount} EUR"}}"#);
        let request = serde_json::from_str(&request).unwrap();
        let draft = Draft::new(&self.policy, caller, key.parse().unwrap(), request, around).unwrap();
        match self.book.reserve(draft).await.unwrap() {
            Decision::Reserved(reserved) => (reserved.spend(), false),
            Decision::Unfinished(Unfinished::Reserved(reserved)) => (reserved.spend(), true),
            Decision::Answered(spend) => (spend.id, false),
            Decision::Conflict(spend) => (spend, true),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn nobody_is_answered_with_the_payment_of_another_member() {
    let world = World::new(programs!(), &bundle(&(people() + SUPPLIES)));
    let mut desk = Desk::open(&world.home(), 0);
    assert_eq!(desk.ask(member(1001), "k", "1.00").await, (1, false));
    assert_eq!(desk.ask(member(1002), "k", "1.00").await, (2, false), "not told that it is paid");
    assert_eq!(desk.ask(member(1001), "k", "1.00").await, (1, true));
    assert_eq!(desk.ask(member(1002), "k", "2.00").await, (2, true), "a conflict with their own");
    // Of the first books, whose members nobody told apart: better the old answer than paid twice.
    assert_eq!(desk.ask(None, "old", "1.00").await, (3, false));
    assert_eq!(desk.ask(member(1001), "old", "1.00").await, (3, true));
    // Of one user who once had the name alone.
    assert_eq!(desk.ask(alone(1001), "own", "1.00").await, (4, false));
    assert_eq!(desk.ask(member(1001), "own", "1.00").await, (4, true));
    assert_eq!(desk.ask(member(1002), "own", "1.00").await, (5, false));
    // A person on this machine and on another is one.
    assert_eq!(desk.ask(None, "own", "1.00").await, (4, true));

    // One that waits, and who asked for it.
    assert_eq!(desk.ask(member(1002), "large", "60.00").await, (6, false));
    let inbox =
        desk.book.inbox(bursar::book::inbox::Part { after: None, limit: 100, of: None }).await.unwrap();
    let payment = &inbox.payments[0];
    assert_eq!((payment.user, payment.item.uid), (member(1002), Some(1002)));
    assert_eq!(payment.item.requester.as_ref(), Some(&payment.caller));
    drop(desk);

    // A restart reads all of it again, and compares it with what the records say.
    let mut desk = Desk::open(&world.home(), 100);
    for (user, key, spend) in [
        (member(1001), "k", 1),
        (member(1002), "k", 2),
        (member(1001), "old", 3),
        (member(1001), "own", 4),
        (member(1002), "own", 5),
    ] {
        assert_eq!(desk.ask(user, key, "1.00").await, (spend, true), "{user:?} {key}");
    }
    assert_eq!(desk.ask(member(1003), "k", "1.00").await, (7, false));
    drop(desk);
    let book = read::open(&world.home()).unwrap();
    let users: Vec<_> = (1..=7).map(|id| read::spend(&book, id).unwrap().unwrap().user).collect();
    let expected = [member(1001), member(1002), None, alone(1001), member(1002), member(1002), member(1003)];
    assert_eq!(users, expected);
    let members: Vec<_> = read::members(&book).unwrap().into_iter().map(|(_, user)| user.uid).collect();
    assert_eq!(members, [1001, 1002, 1003]);
    let shown = world.run(&["show", "2"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("clerks (uid 1002)"), "{shown:?}");
}
