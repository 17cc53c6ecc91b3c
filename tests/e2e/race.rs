//! Many at once: a budget with room for ten (fault 18), one key for many (fault 17).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Barrier;

use bursar_tests::files;
use bursar_tests::policy::{BUDGET, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::Value;

/// Asks for payments at the same moment, each on its own connection; status and body of each.
fn at_once(world: &bursar_tests::daemon::Daemon, asks: &[(String, &str)]) -> Vec<(u16, Value)> {
    let start = Barrier::new(asks.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = asks
            .iter()
            .map(|(key, amount)| {
                scope.spawn(|| {
                    let mut api = world.api();
                    start.wait();
                    let answer = api.marked(key, "Fresh Market", amount).unwrap();
                    (answer.status, answer.json())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn of_a_hundred_requests_for_a_budget_with_room_for_ten_exactly_ten_are_paid() {
    let world = World::new(programs!(), &bundle(BUDGET));
    let agent = world.serve();
    let asks: Vec<_> = (0..100).map(|n| (format!("key {n}"), "10.00 EUR")).collect();
    let answers = at_once(&agent, &asks);
    let paid: Vec<_> = asks
        .iter()
        .zip(&answers)
        .filter(|(_, (status, _))| *status == 201)
        .map(|((key, _), _)| key.as_str())
        .collect();
    let denied = answers.iter().filter(|(status, says)| *status == 403 && says["code"] == "budget").count();
    assert_eq!((paid.len(), denied), (10, 90));
    let entries = files::entries(&world.home());
    let mut on_ledger: Vec<_> = entries.iter().map(files::Entry::memo).collect();
    let mut paid = paid;
    on_ledger.sort_unstable();
    paid.sort_unstable();
    assert_eq!(on_ledger, paid, "the ledger has what was answered, and nothing else");
    assert_eq!(entries.iter().map(files::Entry::units).sum::<u64>(), 10_000);
    // After a crash the same again: ten answers, ninety denials, ten entries.
    agent.kill();
    let agent = world.serve();
    assert_eq!(at_once(&agent, &asks), answers);
    assert_eq!(files::entries(&world.home()), entries);
    let (_, ledger) = agent.api().get("/v1/ledger");
    assert!(ledger["balances"].as_array().unwrap().iter().any(|b| b["amount"] == "900.00"), "{ledger}");
}

#[test]
fn one_key_asked_forty_times_at_once_is_paid_once() {
    let world = World::new(programs!(), &bundle(BUDGET));
    let agent = world.serve();
    let asks: Vec<_> = (0..40).map(|_| ("one".to_owned(), "10.00 EUR")).collect();
    let answers = at_once(&agent, &asks);
    assert_eq!(answers[0].0, 201);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(files::entries(&world.home()).len(), 1);
    // The same key for something else, forty times: never paid, and always the same refusal.
    let asks: Vec<_> = (0..40).map(|_| ("one".to_owned(), "10.01 EUR")).collect();
    for (status, says) in at_once(&agent, &asks) {
        assert_eq!((status, says["type"].as_str()), (409, Some("urn:bursar:problem:idempotency-conflict")));
        assert_eq!(says["spend"], 1);
    }
    assert_eq!(files::entries(&world.home()).len(), 1);
}

/// Whichever of two requests comes first under a key, the other is a conflict.
#[test]
fn two_requests_race_for_one_key() {
    let world = World::new(programs!(), &bundle(BUDGET));
    let agent = world.serve();
    let asks: Vec<_> =
        (0..40).map(|n| ("one".to_owned(), if n % 2 == 0 { "1.00 EUR" } else { "2.00 EUR" })).collect();
    let answers = at_once(&agent, &asks);
    let paid: Vec<_> = answers.iter().filter(|(status, _)| *status == 201).collect();
    let conflicts = answers.iter().filter(|(status, _)| *status == 409).count();
    assert_eq!((paid.len(), conflicts), (20, 20));
    assert!(paid.iter().all(|answer| *answer == paid[0]));
    assert_eq!(files::entries(&world.home()).len(), 1);
}
