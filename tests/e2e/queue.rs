//! A slow disk: what waits is bounded, and whoever does not fit in is told to come back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;
use std::time::Duration;

use bursar_tests::api::Api;
use bursar_tests::files;
use bursar_tests::policy::bundle;
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::json;

const RULE: &str = r#"
[[allow]]
name = "groceries"
accounts = ["expenses"]
categories = ["supermarket"]
budget = { amount = "500.00 EUR", rolling = "7d" }
"#;

/// Payments of one caller that the agent works on at once: a quarter of all.
const PLACES: usize = 128;

fn body(key: usize) -> String {
    json!({ "from": "expenses", "to": "Fresh Market", "amount": "0.01 EUR", "memo": key.to_string() })
        .to_string()
}

fn send_only(api: &mut Api, key: usize) {
    use std::io::Write;
    let body = body(key);
    write!(
        api.raw(),
        "POST /v1/spends HTTP/1.1\r\nHost: b\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
}

#[test]
fn a_full_queue_answers_429_with_retry_after_and_loses_nothing() {
    let world = World::new(programs!(), &bundle(RULE));
    let mut command = world.command(&["serve"]);
    // From some commit after the start on, the disk stands still.
    command.env("FAILPOINTS", "store-before-commit=60*off->pause");
    let agent = world.ready(command);
    let mut probe = agent.api();
    probe.raw().set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    // Each of these waits for a commit, until one does not come.
    while probe.send("GET", "/readyz", "", b"").is_ok() {}

    drop(probe);
    let mut waiting: Vec<Api> = (0..PLACES).map(|_| agent.api()).collect();
    for (key, api) in waiting.iter_mut().enumerate() {
        send_only(api, key);
    }
    // Whoever hangs up gives the connection back, but the payment goes on and keeps its place.
    let mut asked = PLACES;
    let (mut api, full) = loop {
        drop(waiting.remove(0));
        let mut api = agent.api();
        api.raw().set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let answer = api.ask(&asked.to_string(), &body(asked));
        asked += 1;
        match answer {
            Ok(answer) => break (api, answer),
            // One of the requests above was still on its way in, so this one got the last place.
            Err(_) => waiting.push(api),
        }
        assert!(asked < PLACES + 5, "there is no end to the places");
    };
    let says = full.json();
    assert_eq!((full.status, says["type"].as_str()), (429, Some("urn:bursar:problem:too-many")), "{says}");
    assert_eq!(full.header("retry-after"), Some("1"));
    assert_eq!(full.header("content-type"), Some("application/problem+json"));
    let detail = says["detail"].as_str().unwrap();
    assert!(detail.contains("128 payments of owner") && detail.contains("with the same key"), "{says}");
    // What needs no writer is answered all the same.
    assert_eq!(api.get("/healthz").0, 200);
    assert_eq!(api.get("/v1/accounts").0, 200);
    assert!(files::entries(&world.home()).is_empty(), "nothing is signed before its reservation is durable");
    agent.kill();

    // None of them was answered; asked again each is paid once.
    let agent = world.serve();
    let mut api = agent.api();
    for key in 0..asked {
        assert_eq!(api.ask(&key.to_string(), &body(key)).unwrap().status, 201);
    }
    let entries = files::entries(&world.home());
    let memos: HashSet<_> = entries.iter().map(files::Entry::memo).collect();
    assert_eq!((entries.len(), memos.len()), (asked, asked));
}
