//! A full disk (fault 11): a write that fails is no reservation, and nothing is signed on it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use bursar_tests::api::Answer;
use bursar_tests::daemon::Started;
use bursar_tests::files;
use bursar_tests::policy::bundle;
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::Value;

const RULE: &str = r#"
[[allow]]
name = "groceries"
accounts = ["expenses"]
categories = ["supermarket"]
budget = { amount = "500.00 EUR", rolling = "7d" }
"#;

/// The command with a limit on the size of every file that it writes, in blocks of 512 bytes: a
/// write beyond it fails with EFBIG, which SQLite treats as it does ENOSPC. Needs no privilege.
fn limited(command: &Command, blocks: u32) -> Command {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""))
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// Pays until the disk is full, goes on asking, and lets the next start make everything good.
/// Answers how the first payment that did not get through was answered.
fn fill(world: &World, round: usize, blocks: u32, done: impl Fn() -> Vec<String>) -> Answer {
    let before = done().len();
    let agent = world.ready(limited(&world.command(&["serve"]), blocks));
    let mut api = agent.api();
    let key = |n: usize| format!("round {round} payment {n}");
    let (mut asked, mut paid) = (0, Vec::new());
    let mut unpaid: Vec<(String, Answer)> = Vec::new();
    while unpaid.len() < 5 {
        assert!(asked < 200, "the disk never became full");
        let answer = api.marked(&key(asked), "Fresh Market", "0.10 EUR").unwrap();
        match answer.status {
            201 => paid.push(key(asked)),
            _ => unpaid.push((key(asked), answer)),
        }
        asked += 1;
    }
    // Before its files are looked at: it closes and opens them again for as long as the disk is full.
    agent.kill();
    for (key, answer) in &unpaid {
        let says = answer.json();
        match answer.status {
            // Not known, or known not to be: no reservation, or no signature.
            503 => {
                assert_eq!(answer.header("content-type"), Some("application/problem+json"));
                assert!(answer.header("retry-after").is_some());
                assert_eq!(says["type"], "urn:bursar:problem:unavailable");
                assert!(says["detail"].as_str().unwrap().contains("disk"), "{says}");
            }
            // Reserved and signed in the book; only the ledger has no room.
            202 => {
                assert_eq!(says["state"], "signed", "{says}");
                let signed =
                    files::records(&world.home()).into_iter().any(|r| r["signed"]["spend"] == says["id"]);
                assert!(signed, "{key}: the signature is not durable");
            }
            _ => panic!("{key}: {says}"),
        }
    }
    let now = done();
    assert!(paid.iter().all(|key| now.contains(key)), "what was answered is there");

    let agent = world.serve();
    let mut api = agent.api();
    for n in 0..asked {
        let answer = api.marked(&key(n), "Fresh Market", "0.10 EUR").unwrap();
        assert_eq!(answer.status, 201, "{}", answer.json());
    }
    assert_eq!(api.get("/readyz").0, 200);
    let mut now = done();
    assert_eq!(now.len(), before + asked, "one for each key");
    now.sort();
    now.dedup();
    assert_eq!(now.len(), before + asked, "none twice");
    assert!(agent.stop().success());
    unpaid.swap_remove(0).1
}

#[test]
fn with_a_full_disk_nothing_is_paid_without_a_durable_reservation_and_signature() {
    let world = World::new(programs!(), &bundle(RULE));
    let recorded = || files::entries(&world.home()).iter().map(|entry| entry.memo().to_owned()).collect();
    // The files themselves fit; their write-ahead logs grow into the limit, at another place each time.
    for (round, blocks) in [400, 421, 446, 475, 508].into_iter().enumerate() {
        fill(&world, round, blocks, recorded);
    }
}

/// Without a ledger it is always the book that is full.
#[test]
fn with_a_full_disk_nothing_is_handed_out_without_a_durable_reservation_and_signature() {
    let world = World::new(programs!(), &bundle(RULE));
    let id = "0".repeat(64);
    world.edit(
        "config.toml",
        "kind = \"embedded\"\ngenesis = \"genesis.json\"",
        &format!("kind = \"none\"\nid = \"{id}\""),
    );
    let signed = || {
        let records = files::records(&world.home());
        let key = |spend: &Value| {
            let allowed = records.iter().find(|record| record["allowed"]["spend"] == *spend).unwrap();
            allowed["allowed"]["key"].as_str().unwrap().to_owned()
        };
        records.iter().filter(|r| r.get("signed").is_some()).map(|r| key(&r["signed"]["spend"])).collect()
    };
    for (round, blocks) in [300, 317, 338, 363].into_iter().enumerate() {
        let refused = fill(&world, round, blocks, signed);
        assert_eq!(refused.status, 503, "{}", refused.json());
    }
}

#[test]
fn without_room_for_the_start_there_is_no_start() {
    let world = World::new(programs!(), &bundle(RULE));
    let Started::Ended(status, says) = world.start(limited(&world.command(&["serve"]), 2)) else {
        panic!("it started")
    };
    assert!(!status.success());
    assert!(says.contains("disk"), "{says}");
    world.serve();
}
