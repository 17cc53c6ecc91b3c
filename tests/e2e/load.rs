//! One caller, or a stranger, takes as much as it can: the others are served all the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::os::unix::fs::DirBuilderExt;
use std::time::{Duration, Instant};

use bursar::remote::Remote;
use bursar::tls::certificate;
use bursar_tests::api::Api;
use bursar_tests::clock::FakeClock;
use bursar_tests::daemon::Daemon;
use bursar_tests::guest::{self, At, Guest};
use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::json;

/// All places for payments that the agent has.
const PLACES: usize = 512;
/// Connections that one user of this machine may have.
const OF_ONE_USER: usize = 144;

fn world() -> (World, Guest) {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let phone = Guest::new(world.scratch(), "phone", "ec");
    world.listen();
    world.configure(&phone.caller("phone", ""));
    (world, phone)
}

fn at(world: &World) -> At {
    At { address: world.listening(), trusted: world.home().join("certificate.pem") }
}

/// Ten times as slow for the agent: whatever it would wait for for five seconds takes fifty.
fn slow(world: &World) -> Daemon {
    let mut command = FakeClock::new(world, "+0 x0.1").command(world, &["serve"]);
    command.env_remove("FAKETIME_DONT_FAKE_MONOTONIC");
    world.ready(command)
}

/// The ledger does not answer, and the owner asks for as many payments as there are places, most of them
/// under one key.
#[test]
fn one_caller_leaves_places_for_the_payments_of_others() {
    let (world, phone) = world();
    let auditor = Guest::new(world.scratch(), "auditor", "ec");
    world.configure(&auditor.caller("auditor", "roles = [\"auditor\"]"));
    let gate = world.scratch().join("gate");
    let mut command = world.command(&["serve"]);
    command.env("FAILPOINTS", format!("before-forward=return({})", gate.display()));
    let agent = world.ready(command);
    let body = json!({ "from": "expenses", "to": "Fresh Market", "amount": "0.01 EUR" }).to_string();
    let mut asking: Vec<Api> = (0..PLACES).map(|_| agent.api()).collect();
    for (number, api) in asking.iter_mut().enumerate() {
        let key = match number {
            0..100 => number.to_string(),
            _ if number == PLACES - 1 => "last".to_owned(),
            _ => "one".to_owned(),
        };
        // Whoever has too many connections is told so, and then it is closed.
        let _ = write!(
            api.raw(),
            "POST /v1/spends HTTP/1.1\r\nHost: b\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
    }
    let at = at(&world);
    let begun = Instant::now();
    let held = |what: &str, value: &str| {
        let spends = auditor.ask(&at, "GET", "/v1/spends?limit=1000").body;
        spends["spends"].as_array().unwrap().iter().any(|spend| spend[what] == value)
    };
    // The last of them is there: it has a place, or is told that there is none.
    let last = &mut asking[PLACES - 1];
    last.raw().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    while last.read().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) && !held("key", "last") {
        assert!(begun.elapsed() < Duration::from_secs(20), "the last one is not there");
    }
    std::thread::scope(|scope| {
        let payment = scope.spawn(|| phone.pay(&at, "k", "1.00 EUR"));
        while !payment.is_finished() && !held("caller", "phone") {
            assert!(begun.elapsed() < Duration::from_secs(25), "it is not decided");
        }
        std::fs::write(&gate, "").unwrap();
        let paid = payment.join().unwrap();
        assert_eq!((paid.status, paid.body["state"].as_str()), (201, Some("recorded")), "{paid:?}");
    });
    // The owner is answered, too, and its key stands for one payment.
    let first = asking[100].read().unwrap();
    assert_eq!((first.status, first.json()["key"].as_str()), (201, Some("one")), "{first:?}");
    assert_eq!(asking[101].read().unwrap().json(), first.json());
}

#[test]
fn one_user_leaves_connections_for_others() {
    let (world, phone) = world();
    let agent = slow(&world);
    let mut open: Vec<Api> = (0..OF_ONE_USER).map(|_| agent.api()).collect();
    let mut more = agent.api();
    let told = more.send("GET", "/healthz", "", b"").unwrap();
    let says = told.json();
    assert_eq!((told.status, says["type"].as_str()), (429, Some("urn:bursar:problem:no-place")), "{says}");
    assert!(says["detail"].as_str().unwrap().contains("as many connections open as one may have"), "{says}");
    assert_eq!(told.header("connection"), Some("close"));
    assert_eq!(phone.ask(&at(&world), "GET", "/healthz").status, 200);
    assert_eq!(open[0].get("/healthz").0, 200, "those that are open are answered");
    // One that is closed makes a place.
    drop(open.pop());
    let begun = Instant::now();
    while agent.api().send("GET", "/healthz", "", b"").map_or(true, |answer| answer.status != 200) {
        assert!(begun.elapsed() < Duration::from_secs(9), "there is no place");
    }
}

#[test]
fn connections_that_do_not_go_on_leave_places_for_others() {
    let (world, phone) = world();
    let _agent = slow(&world);
    let silent: Vec<_> = (0..300).map(|_| TcpStream::connect(world.listening()).unwrap()).collect();
    let mut ask = phone.curl(&at(&world), "/healthz");
    ask.args(["--max-time", "20"]);
    let answer = ask.output().unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).starts_with("HTTP/1.1 200"), "{answer:?}");
    drop(silent);
}

/// With certificates of their own that nobody knows here.
#[test]
fn strangers_leave_places_for_callers() {
    let (world, phone) = world();
    let _agent = slow(&world);
    let home = world.scratch().join("stranger");
    std::fs::DirBuilder::new().mode(0o700).create(&home).unwrap();
    let pem = certificate::make().unwrap();
    std::fs::write(home.join(certificate::FILE), &pem.certificate).unwrap();
    std::fs::write(home.join(certificate::KEY), pem.key.as_bytes()).unwrap();
    let own = guest::fingerprint(&world.home().join("certificate.pem")).parse().unwrap();
    let door = Remote::new(&format!("https://{}", world.listening()), own).unwrap().door(&home).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let open = runtime.block_on(async {
        let mut open = Vec::new();
        // Until nobody is let in any more, if that comes.
        while open.len() < 300 {
            let Ok(stream) = door.connect().await else { break };
            open.push(stream);
        }
        open
    });
    let mut ask = phone.curl(&at(&world), "/healthz");
    ask.args(["--max-time", "20"]);
    let answer = ask.output().unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).starts_with("HTTP/1.1 200"), "{answer:?}");
    drop(open);
}
