//! kill -9 of the real process at every commit and at every named point (faults 1 to 4).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use bursar_tests::daemon::Started;
use bursar_tests::files::{self, Entry};
use bursar_tests::policy::bundle;
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::Value;

/// 100.00 EUR in any seven days.
const RULE: &str = r#"
[[allow]]
name = "groceries"
accounts = ["expenses"]
categories = ["supermarket"]
budget = { amount = "100.00 EUR", rolling = "7d" }
"#;

/// How far a payment got before the process was killed, by the book and by the ledger.
type Fate = (&'static str, bool);

fn kind(record: &Value) -> &str {
    record.as_object().and_then(|members| members.keys().next()).map_or("", String::as_str)
}

/// What the book holds of a payment: the records about it, by their kind.
fn history(records: &[Value], key: &str) -> Vec<String> {
    let decision = records.iter().find(|record| record[kind(record)]["key"] == key);
    let Some(decision) = decision else { return Vec::new() };
    let spend = &decision[kind(decision)]["spend"];
    let about = records.iter().filter(|record| record[kind(record)]["spend"] == *spend);
    about.map(|record| kind(record).to_owned()).collect()
}

fn on_ledger(entries: &[Entry], key: &str) -> usize {
    entries.iter().filter(|entry| entry.memo() == key).count()
}

fn fate(world: &World, key: &str) -> Fate {
    let history = history(&files::records(&world.home()), key);
    let last = match history.last().map(String::as_str) {
        None => "nothing",
        Some("allowed") => "reserved",
        Some("signed") => "signed",
        Some("recorded") => "recorded",
        Some("denied") => "denied",
        Some(other) => panic!("{key} ended with {other}"),
    };
    (last, on_ledger(&files::entries(&world.home()), key) == 1)
}

/// Starts with these crash points, asks for one payment; true if the process answered it.
fn answered(world: &World, points: &str, key: &str, to: &str) -> Option<u16> {
    let mut command = world.command(&["serve"]);
    command.env("FAILPOINTS", points);
    let Started::Ready(agent) = world.start(command) else { return None };
    let answer = agent.try_api().and_then(|mut api| api.marked(key, to, "0.50 EUR"));
    match answer {
        Ok(answer) => {
            // What was answered before it was written down is written down before this is answered.
            let _ = agent.try_api().and_then(|mut api| api.send("GET", "/readyz", "", b""));
            agent.kill();
            Some(answer.status)
        }
        Err(_) => {
            use std::os::unix::process::ExitStatusExt;
            assert_eq!(agent.wait().signal(), Some(9), "it died of something else");
            None
        }
    }
}

/// Kills the process at its 1st, 2nd, 3rd … commit, just before or just after it, from the start
/// of the process to behind the answer, and each time restarts and asks again with the same key.
/// Other commits come between those of a payment at times, so it goes round until it has seen a
/// kill at each stage that is `wanted`.
fn at_every_commit(world: &World, point: &str, to: &str, expected: u16, wanted: &[Fate]) {
    let mut seen = BTreeSet::new();
    for round in 0..6 {
        let (mut commit, mut answers) = (if round == 0 && expected == 201 { 0 } else { 6 }, 0);
        // Three answers in a row: the kill comes too late to stop the payment.
        while answers < 3 {
            let key = format!("{point} {to} {round} {commit}");
            match answered(world, &format!("{point}={commit}*off->return"), &key, to) {
                None => answers = 0,
                Some(status) => {
                    assert_eq!(status, expected);
                    answers += 1;
                }
            }
            seen.insert(recovered(world, &key, to, expected));
            commit += 1;
            assert!(commit < 60, "the payment never gets through");
        }
        if wanted.iter().all(|fate| seen.contains(fate)) {
            return;
        }
    }
    panic!("killed at {seen:?} only, not at all of {wanted:?}");
}

/// What the kill left, after it has been shown that the next start makes it good.
fn recovered(world: &World, key: &str, to: &str, expected: u16) -> Fate {
    let (book, ledger) = fate(world, key);
    assert!(
        !ledger || ["signed", "recorded"].contains(&book),
        "{key}: on the ledger, but {book} in the book"
    );
    let agent = world.serve();
    let mut api = agent.api();
    let first = api.marked(key, to, "0.50 EUR").unwrap();
    assert_eq!(first.status, expected, "{key} after {book}: {first:?}");
    assert_eq!(api.marked(key, to, "0.50 EUR").unwrap().json(), first.json());
    assert!(agent.stop().success());
    let entries = files::entries(&world.home());
    assert_eq!(on_ledger(&entries, key), usize::from(expected == 201), "{key} after {book}");
    (book, ledger)
}

/// What is left of the budget is exactly what was not paid, to the cent.
fn budget_is_exact(world: &World) {
    let paid: u64 = files::entries(&world.home()).iter().map(Entry::units).sum();
    let agent = world.serve();
    let mut api = agent.api();
    let euro = |units: u64| format!("{}.{:02} EUR", units / 100, units % 100);
    assert_eq!(api.marked("over", "Fresh Market", &euro(10_001 - paid)).unwrap().status, 403);
    assert_eq!(api.marked("rest", "Fresh Market", &euro(10_000 - paid)).unwrap().status, 201);
    assert_eq!(api.marked("more", "Fresh Market", "0.01 EUR").unwrap().status, 403);
    let (_, ledger) = api.get("/v1/ledger");
    let balances = ledger["balances"].as_array().unwrap();
    assert!(balances.iter().any(|balance| balance["amount"] == "900.00"), "{ledger}");
    assert!(agent.stop().success());
}

#[test]
fn an_allowed_payment_is_paid_once_wherever_the_process_dies_before_a_commit() {
    let world = World::new(programs!(), &bundle(RULE));
    let wanted = [("nothing", false), ("reserved", false), ("signed", false), ("signed", true)];
    at_every_commit(&world, "store-before-commit", "Fresh Market", 201, &wanted);
    budget_is_exact(&world);
}

#[test]
fn an_allowed_payment_is_paid_once_wherever_the_process_dies_after_a_commit() {
    let world = World::new(programs!(), &bundle(RULE));
    let wanted =
        [("nothing", false), ("reserved", false), ("signed", false), ("signed", true), ("recorded", true)];
    at_every_commit(&world, "store-after-commit", "Fresh Market", 201, &wanted);
    budget_is_exact(&world);
}

#[test]
fn a_denied_payment_stays_denied_wherever_the_process_dies() {
    let world = World::new(programs!(), &bundle(RULE));
    at_every_commit(&world, "store-before-commit", "Grand Casino", 403, &[("nothing", false)]);
    at_every_commit(
        &world,
        "store-after-commit",
        "Grand Casino",
        403,
        &[("nothing", false), ("denied", false)],
    );
    assert!(files::entries(&world.home()).is_empty());
    budget_is_exact(&world);
}

#[test]
fn a_payment_is_finished_from_every_named_point_and_the_same_bytes_are_signed_again() {
    let world = World::new(programs!(), &bundle(RULE));
    for (point, left) in [
        ("reserved", ("reserved", false)),
        ("signed", ("reserved", false)),
        ("kept", ("signed", false)),
        ("forwarded", ("signed", true)),
    ] {
        let agent = world.serve_until(point);
        assert!(agent.api().marked(point, "Fresh Market", "0.50 EUR").is_err(), "{point}");
        assert!(!agent.wait().success());
        assert_eq!(fate(&world, point), left);
        let records = files::records(&world.home());
        let allowed = records.iter().find(|record| record["allowed"]["key"] == point).unwrap();
        let nonce = allowed["allowed"]["transfer"]["nonce"].clone();
        assert!(nonce.is_string(), "{allowed}");

        // The next start goes on with it, and dies at the same place; from "kept" on it passes by.
        if point != "kept" {
            let mut command = world.command(&["serve"]);
            command.env("FAILPOINTS", format!("{point}=return"));
            assert!(matches!(world.start(command), Started::Ended(..)), "{point}: nothing was resumed");
            assert_eq!(fate(&world, point), left, "twice at {point}");
        }

        let agent = world.serve();
        // Finished by the start itself, before anybody asks.
        assert_eq!(agent.api().get("/readyz").0, 200);
        assert_eq!(fate(&world, point), ("recorded", true));
        let answer = agent.api().marked(point, "Fresh Market", "0.50 EUR").unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        let entries = files::entries(&world.home());
        let paid: Vec<_> = entries.iter().filter(|entry| entry.memo() == point).collect();
        assert_eq!(paid.len(), 1);
        assert_eq!(paid[0].payload["nonce"], nonce, "the payment was built again");
        assert!(agent.stop().success());
    }
    budget_is_exact(&world);
}

#[test]
fn a_denied_payment_reaches_no_point_behind_the_decision() {
    let world = World::new(programs!(), &bundle(RULE));
    let points = "reserved=return;signed=return;kept=return;forwarded=return";
    assert_eq!(answered(&world, points, "denied", "Grand Casino"), Some(403));
    assert_eq!(answered(&world, points, "allowed", "Fresh Market"), None, "the points are not armed");
}
