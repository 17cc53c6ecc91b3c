//! Bundles as large as somebody likes: bounded, with a clear refusal, and payments go on beside them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};

use bursar_tests::person::{administrators, enact, people};
use bursar_tests::policy::version;
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::json;

const RULES: &str = r#"
[[allow]]
name = "groceries"
categories = ["supermarket"]
"#;

fn world() -> World {
    World::new(programs!(), &version(1, &(people() + RULES)))
}

/// This bundle with comments up to so many bytes.
fn padded(number: u64, bytes: usize) -> String {
    let mut text = version(number, &(people() + RULES));
    let line = format!("# {}\n", "x".repeat(997));
    text.reserve(bytes);
    while text.len() + line.len() <= bytes {
        text += &line;
    }
    let rest = bytes - text.len();
    text + &"#".repeat(rest)
}

#[test]
fn ten_megabytes_come_into_force() {
    let world = world();
    let agent = world.serve();
    let text = padded(2, 10 << 20);
    enact(&mut agent.api(), &text);
    let mut api = agent.api();
    assert_eq!(api.send("GET", "/v1/policy/bundle", "", b"").unwrap().body, text.as_bytes());
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "1.00 EUR").0, 201);
    agent.kill();
    let agent = world.serve();
    assert_eq!(agent.api().pay("l", "expenses", "Fresh Market", "1.00 EUR").0, 201);
}

#[test]
fn what_is_too_large_is_refused_and_says_so() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    let refused = api.propose(&padded(2, (16 << 20) + 1), "change").unwrap_err();
    assert_eq!(refused["status"], 422, "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("may have at most 16777216"), "{refused}");
    // Announced as larger than any bundle: refused before any of it is sent.
    let head = format!(
        "POST /v1/proposals HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        1u64 << 40
    );
    let mut api = agent.api();
    api.raw().write_all(head.as_bytes()).unwrap();
    let answer = api.read().unwrap();
    assert_eq!((answer.status, &answer.json()["type"]), (413, &json!("urn:bursar:problem:too-large")));
    // In pieces, without announcing anything, it ends at the same bound.
    let mut api = agent.api();
    let head = "POST /v1/proposals HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    api.raw().write_all(head.as_bytes()).unwrap();
    let piece = vec![b' '; 1 << 20];
    let mut sent = 0;
    for _ in 0..40 {
        let done = write!(api.raw(), "{:x}\r\n", piece.len())
            .and_then(|()| api.raw().write_all(&piece))
            .and_then(|()| api.raw().write_all(b"\r\n"));
        if done.is_err() {
            break;
        }
        sent += piece.len();
    }
    assert!(sent <= 34 << 20, "{sent} bytes were taken");
    let mut answer = String::new();
    let _ = api.raw().read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    // Only proposals may be large.
    let mut api = agent.api();
    let (status, _) = api.send_json("/v1/agreements", &" ".repeat(20_000));
    assert_eq!(status, 413);
    assert_eq!(agent.api().pay("k", "expenses", "Fresh Market", "1.00 EUR").0, 201);
}

#[test]
fn a_hundred_thousand_rules_are_refused_and_ten_thousand_work() {
    let world = world();
    let agent = world.serve();
    let with = |number: u64, rules: usize| {
        let mut text = version(number, &people());
        for n in 0..rules {
            text += &format!(
                "[[allow]]\nname = \"r{n}\"\ncategories = [\"supermarket\"]\nper_payment = \"1.00 EUR\"\n"
            );
        }
        text
    };
    let mut api = agent.api();
    let refused = api.propose(&with(2, 100_000), "change").unwrap_err();
    assert_eq!(refused["status"], 422, "{refused}");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("100000 rules") && detail.contains("at most 10000"), "{detail}");
    enact(&mut agent.api(), &with(2, 10_000));
    assert_eq!(agent.api().pay("k", "expenses", "Fresh Market", "1.00 EUR").0, 201);
    assert_eq!(agent.api().pay("l", "expenses", "Fresh Market", "1.01 EUR").0, 403);
}

/// So many at the same time, and no more: whoever may put bundles forward cannot fill the disk, nor
/// keep an emergency from being heard.
#[test]
fn one_caller_puts_four_bundles_forward_at_most() {
    let people = people() + "\n[break-glass]\nneed = 2\nfrom = \"managers\"\n";
    let bundle = |number| version(number, &format!("{people}{RULES}"));
    let world = World::new(programs!(), &bundle(1));
    let agent = world.serve();
    let mut api = agent.api();
    for number in 2..6 {
        assert!(api.propose(&bundle(number), "change").is_ok());
    }
    let refused = api.propose(&bundle(6), "change").unwrap_err();
    assert!(refused["detail"].as_str().unwrap().contains("4 bundles that owner put forward"), "{refused}");
    assert!(api.propose(&bundle(6), "break-glass").is_ok());
    // One refused makes room.
    let (inbox, [ada, _]) = (api.inbox(), administrators());
    let refusal = ada.change(inbox.home, &inbox.proposals[0], bursar_core::approval::Verdict::Refuse);
    assert_eq!(api.agree(&refusal).1["state"], "settled");
    assert!(api.propose(&bundle(6), "change").is_ok());
}

/// Where nobody has to agree to a change, the file is the policy: but never an older version of it.
#[test]
fn an_older_file_does_not_come_back() {
    let bundle = |number: u64, more: &str| version(number, &format!("{RULES}{more}"));
    let world = World::new(programs!(), &bundle(3, ""));
    let path = world.home().join("policy.toml");
    assert!(world.serve().stop().success());
    std::fs::write(&path, bundle(2, "per_payment = \"500.00 EUR\"\n")).unwrap();
    let agent = world.serve();
    assert_eq!(agent.api().bundle(), bundle(3, ""));
    assert!(agent.log().contains("version 3 is in force and stays"), "{}", agent.log());
    assert!(agent.stop().success());
    std::fs::write(&path, bundle(4, "per_payment = \"1.00 EUR\"\n")).unwrap();
    let agent = world.serve();
    assert_eq!(agent.api().pay("k", "expenses", "Fresh Market", "1.01 EUR").0, 403);
}
