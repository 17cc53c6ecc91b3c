//! Requests that are too large, too deep, too slow or not quite requests (fault 26).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use bursar_tests::api::Answer;
use bursar_tests::clock::FakeClock;
use bursar_tests::daemon::Daemon;
use bursar_tests::files;
use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

const GOOD: &str = r#"{"from":"expenses","to":"Fresh Market","amount":"1.00 EUR"}"#;
const KEY: &str = "Idempotency-Key: k\r\n";

/// A problem document of this kind, that says so in its status line, its head and its body.
fn is_problem(answer: &Answer, status: u16, kind: &str, about: &str) -> String {
    assert_eq!(answer.status, status, "{about}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{about}: {answer:?}");
    let says = answer.json();
    assert_eq!(says["type"], format!("urn:bursar:problem:{kind}"), "{about}");
    assert_eq!(says["status"], status, "{about}");
    assert!(says["title"].as_str().is_some_and(|title| !title.is_empty()), "{about}: {says}");
    let detail = says["detail"].as_str().unwrap().to_owned();
    assert!(!detail.is_empty(), "{about}: {says}");
    detail
}

#[test]
fn what_is_no_request_is_refused_and_named() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    let with = |members: &str| GOOD.replace('}', &format!(",{members}}}"));
    let deep = format!("{}{}", "[".repeat(8000), "]".repeat(8000));
    for (about, body, says) in [
        ("nothing", String::new(), "EOF"),
        ("no JSON", "pay 1.00 EUR".to_owned(), "line 1 column 1"),
        ("a list", "[]".to_owned(), "expected a JSON object"),
        (
            "a list of values",
            r#"["expenses","Fresh Market","1.00 EUR",""]"#.to_owned(),
            "expected a JSON object",
        ),
        ("cut off", GOOD[..GOOD.len() - 1].to_owned(), "EOF"),
        ("two bodies", format!("{GOOD}{GOOD}"), "trailing"),
        ("no recipient", r#"{"from":"expenses","amount":"1.00 EUR"}"#.to_owned(), "missing field `to`"),
        ("a duplicate", with(r#""amount":"9.00 EUR""#), "duplicate field `amount`"),
        ("the same twice", with(r#""from":"expenses""#), "duplicate field `from`"),
        ("unknown", with(r#""approved":true"#), "unknown field `approved`"),
        ("unknown case", with(r#""Memo":"x""#), "unknown field `Memo`"),
        ("a number", GOOD.replace("\"1.00 EUR\"", "1.00"), "expected a string"),
        ("null", GOOD.replace("\"1.00 EUR\"", "null"), "expected a string"),
        ("deep lists", GOOD.replace("\"1.00 EUR\"", &deep), "amount"),
        ("only deep", deep.clone(), "expected a JSON object"),
        ("deep and unknown", with(&format!("\"x\":{deep}")), ""),
        ("a long memo", with(&format!("\"memo\":\"{}\"", "m".repeat(141))), "140"),
        ("a long name", GOOD.replace("Fresh Market", &"n".repeat(129)), "128"),
        ("no name", GOOD.replace("Fresh Market", ""), "128"),
    ] {
        let answer = agent.api().send("POST", "/v1/spends", KEY, body.as_bytes()).unwrap();
        // Too deep together with its brackets is too large as well.
        if body.len() > 16 * 1024 {
            is_problem(&answer, 413, "too-large", about);
            continue;
        }
        let detail = is_problem(&answer, 400, "malformed", about);
        assert!(detail.contains(says), "{about}: {detail}");
    }
    let not_utf8 = agent.api().send("POST", "/v1/spends", KEY, b"{\"from\":\"\xff\xfe\"}").unwrap();
    is_problem(&not_utf8, 400, "malformed", "bytes that are no text");
    assert_eq!(files::records(&world.home()).len(), 2, "only the beginning and the policy");
    assert_eq!(agent.api().marked("good", "Fresh Market", "1.00 EUR").unwrap().status, 201);
}

#[test]
fn what_is_too_large_is_refused_before_it_is_kept() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    let padded = |length: usize| format!("{GOOD}{}", " ".repeat(length - GOOD.len()));
    let largest = padded(16 * 1024);
    assert_eq!(agent.api().send("POST", "/v1/spends", KEY, largest.as_bytes()).unwrap().status, 201);
    let over = agent.api().send("POST", "/v1/spends", KEY, padded(16 * 1024 + 1).as_bytes()).unwrap();
    is_problem(&over, 413, "too-large", "one byte more");

    // A length that is announced and never sent: the answer comes at once.
    let mut api = agent.api();
    write!(api.raw(), "POST /v1/spends HTTP/1.1\r\nHost: b\r\n{KEY}Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n").unwrap();
    is_problem(&api.read().unwrap(), 413, "too-large", "announced");

    // Chunks without a length: refused when they are too much, not collected.
    let mut api = agent.api();
    write!(api.raw(), "POST /v1/spends HTTP/1.1\r\nHost: b\r\n{KEY}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    for _ in 0..5 {
        // The agent may have hung up meanwhile.
        let _ = write!(api.raw(), "1000\r\n{}\r\n", " ".repeat(0x1000));
    }
    is_problem(&api.read().unwrap(), 413, "too-large", "chunked");

    // Heads have no body to describe the problem with; their status does.
    for head in [format!("X: {}\r\n", "x".repeat(64 * 1024)), "X: y\r\n".repeat(200)] {
        let answer = agent.api().send("GET", "/healthz", &head, b"");
        assert!(answer.as_ref().map_or(true, |answer| answer.status == 431), "{answer:?}");
    }
    assert_eq!(agent.api().get("/healthz").0, 200);
    assert_eq!(files::entries(&world.home()).len(), 1);
}

#[test]
fn every_refusal_is_a_problem_document() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    let body = GOOD.as_bytes();
    let two = format!("{KEY}{KEY}");
    for (method, path, head, body, status, kind) in [
        ("POST", "/v1/spends", "", body, 400, "idempotency-key"),
        ("POST", "/v1/spends", two.as_str(), body, 400, "idempotency-key"),
        ("POST", "/v1/spends", "Idempotency-Key: \r\n", body, 400, "idempotency-key"),
        ("POST", "/v1/spends", "Idempotency-Key: \u{e9}\r\n", body, 400, "idempotency-key"),
        ("DELETE", "/v1/spends", "", b"", 405, "method"),
        ("GET", "/v1/clock/confirm", "", b"", 405, "method"),
        ("GET", "/v1/spend", "", b"", 404, "not-found"),
        ("GET", "/v1/spends/7", "", b"", 404, "not-found"),
        ("GET", "/v1/spends/7/envelope", "", b"", 404, "not-found"),
        ("GET", "/v1/spends/7/receipt", "", b"", 404, "not-found"),
        ("GET", "/v1/spends/18446744073709551615", "", b"", 404, "not-found"),
        ("GET", "/v1/spends/seven", "", b"", 400, "malformed"),
        ("GET", "/v1/spends/-1/envelope", "", b"", 400, "malformed"),
        ("GET", "/v1/spends?limit=x", "", b"", 400, "malformed"),
        ("GET", "/v1/spends?limits=1", "", b"", 400, "malformed"),
        ("GET", "/v1/audit/records?from=-1", "", b"", 400, "malformed"),
    ] {
        let answer = agent.api().send(method, path, head, body).unwrap();
        is_problem(&answer, status, kind, &format!("{method} {path} {head:?}"));
    }
    let long = format!("Idempotency-Key: {}\r\n", "k".repeat(129));
    is_problem(&agent.api().send("POST", "/v1/spends", &long, body).unwrap(), 400, "idempotency-key", "long");
    let mut api = agent.api();
    write!(api.raw(), "POST /v1/spends HTTP/1.1\r\nHost: b\r\n{KEY}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{GOOD}", GOOD.len()).unwrap();
    is_problem(&api.read().unwrap(), 415, "media-type", "no JSON by its type");
    assert_eq!(files::records(&world.home()).len(), 2);
}

/// Sends byte after byte, as fast as the answer is not there, and says how long it took to be cut off.
fn trickle(agent: &Daemon, head: &str) -> (Duration, Option<Answer>) {
    let mut api = agent.api();
    api.raw().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    api.raw().write_all(head.as_bytes()).unwrap();
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(20), "{head}: still open");
        // Waiting for an answer is the pause between two bytes.
        match api.read() {
            Ok(answer) => return (begun.elapsed(), Some(answer)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return (begun.elapsed(), None),
        }
        if api.raw().write_all(b"x").is_err() {
            return (begun.elapsed(), api.read().ok());
        }
    }
}

#[test]
fn a_trickled_head_or_body_is_cut_off_and_holds_nobody_up() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    // Ten times as fast for the agent, so that its 5 s for a head and 30 s for a request are short here.
    let clock = FakeClock::new(&world, "+0 x10");
    let mut command = clock.command(&world, &["serve"]);
    command.env_remove("FAKETIME_DONT_FAKE_MONOTONIC");
    let agent = world.ready(command);
    std::thread::scope(|scope| {
        let head = scope.spawn(|| trickle(&agent, "GET /healthz HTTP/1.1\r\nHost: b\r\nX: "));
        let idle = scope.spawn(|| {
            let mut stream: UnixStream = agent.api().raw().try_clone().unwrap();
            let begun = Instant::now();
            assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0, "an answer to nothing");
            begun.elapsed()
        });
        let body = scope.spawn(|| {
            let length = "POST /v1/spends HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n";
            trickle(&agent, &format!("{length}{KEY}\r\n"))
        });
        // Meanwhile others are served.
        for n in 0..20 {
            assert_eq!(agent.api().marked(&format!("{n}"), "Fresh Market", "1.00 EUR").unwrap().status, 201);
        }
        let (took, _) = head.join().unwrap();
        assert!((0.3..3.0).contains(&took.as_secs_f64()), "the head was cut off after {took:?}");
        let took = idle.join().unwrap();
        assert!((0.3..3.0).contains(&took.as_secs_f64()), "an idle connection was cut off after {took:?}");
        let (took, answer) = body.join().unwrap();
        assert!((2.0..8.0).contains(&took.as_secs_f64()), "the body was cut off after {took:?}");
        is_problem(&answer.expect("an answer"), 503, "timeout", "a trickled body");
    });
    assert_eq!(files::entries(&world.home()).len(), 20);
}
