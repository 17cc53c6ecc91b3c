//! Many people and many payments at once: one signature each, and no quorum is raced past.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Barrier;

use bursar_core::approval::Vote;
use bursar_tests::daemon::Daemon;
use bursar_tests::files;
use bursar_tests::person::{managers, people};
use bursar_tests::policy::{SUPPLIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

/// Does all of this at the same moment; the status of each.
fn at_once<T: Sync>(
    agent: &Daemon,
    what: &[T],
    ask: impl Fn(&mut bursar_tests::api::Api, &T) -> u16 + Sync,
) -> Vec<u16> {
    let start = Barrier::new(what.len());
    std::thread::scope(|scope| {
        let one = |one| {
            let (start, ask) = (&start, &ask);
            scope.spawn(move || {
                let mut api = agent.api();
                start.wait();
                ask(&mut api, one)
            })
        };
        let threads: Vec<_> = what.iter().map(one).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn count(statuses: &[u16]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    statuses.iter().for_each(|status| *counts.entry(*status).or_default() += 1);
    counts
}

fn kinds(world: &World, kind: &str) -> usize {
    files::records(&world.home()).iter().filter(|record| record.get(kind).is_some()).count()
}

/// Two managers vote in the same moment, the last one twice, and whoever asked asks again.
#[test]
fn votes_race_for_the_last_place_and_it_is_signed_once() {
    enum Move {
        Vote(Box<Vote>),
        Ask(usize),
    }
    let rules = SUPPLIES.replace("100.00 EUR", "1000.00 EUR");
    let world = World::new(programs!(), &bundle(&(people() + &rules)));
    let agent = world.serve();
    let [anna, ben, chloe, _] = managers();
    for n in 0..8 {
        let mut api = agent.api();
        let (status, asked) = api.pay(&format!("k{n}"), "expenses", "Fresh Market", "51.00 EUR");
        assert_eq!(status, 202, "{asked}");
        let item = api.waiting(n + 1).item;
        assert_eq!(api.vote(&anna.approve(&item)).0, 202);
        let (bens, chloes) = (ben.approve(&item), chloe.approve(&item));
        let vote = |vote: &Vote| Move::Vote(Box::new(vote.clone()));
        let moves = [vote(&bens), vote(&chloes), vote(&chloes), Move::Ask(n as usize), Move::Ask(n as usize)];
        let statuses = at_once(&agent, &moves, |api, one| match one {
            Move::Vote(vote) => api.vote(vote).0,
            Move::Ask(n) => api.pay(&format!("k{n}"), "expenses", "Fresh Market", "51.00 EUR").0,
        });
        let votes = count(&statuses[..3]);
        assert_eq!(votes, [(201, 1), (409, 2)].into(), "one completes it, for the others it is over");
        assert!(statuses[3..].iter().all(|status| [201, 202].contains(status)), "{statuses:?}");
        assert_eq!(api.pay(&format!("k{n}"), "expenses", "Fresh Market", "51.00 EUR").0, 201);
    }
    assert_eq!((kinds(&world, "allowed"), kinds(&world, "signed"), kinds(&world, "recorded")), (8, 8, 8));
    assert_eq!(files::entries(&world.home()).len(), 8);
    assert!(agent.stop().success());
    assert!(world.run(&["audit", "verify"]).status.success());
}

/// 100 requests of 10.00 for a budget of 100.00, of which up to 50.00 need nobody: five are paid, the
/// others wait; approved all at once, five more are paid, and what the budget does not have is denied.
#[test]
fn a_hundred_race_and_only_those_below_the_quorum_are_paid() {
    let world = World::new(programs!(), &bundle(&(people() + SUPPLIES)));
    let agent = world.serve();
    let keys: Vec<usize> = (0..100).collect();
    let ask = |api: &mut bursar_tests::api::Api, n: &usize| {
        api.pay(&n.to_string(), "expenses", "Fresh Market", "10.00 EUR").0
    };
    assert_eq!(count(&at_once(&agent, &keys, ask)), [(201, 5), (202, 95)].into());
    assert_eq!(files::entries(&world.home()).len(), 5);
    let items: Vec<_> = agent.api().inbox().payments.into_iter().map(|payment| payment.item).collect();
    let [anna, ben, ..] = managers();
    let verdict = bursar_core::approval::Verdict::Approve;
    let first = at_once(&agent, &anna.ballot(items.clone(), verdict), |api, vote| api.vote(vote).0);
    assert_eq!(count(&first), [(202, 95)].into());
    let last = at_once(&agent, &ben.ballot(items, verdict), |api, vote| api.vote(vote).0);
    assert_eq!(count(&last), [(201, 5), (403, 90)].into());
    assert_eq!(files::entries(&world.home()).iter().map(files::Entry::units).sum::<u64>(), 10_000);
    // After a crash the same answers.
    agent.kill();
    let agent = world.serve();
    assert_eq!(count(&at_once(&agent, &keys, ask)), [(201, 10), (403, 90)].into());
    assert_eq!(files::entries(&world.home()).len(), 10);
}
