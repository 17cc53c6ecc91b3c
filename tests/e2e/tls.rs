//! Callers on other machines: TLS 1.3, both ends pinned by the fingerprint of their certificate.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Read;
use std::net::TcpStream;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use bursar_tests::clock::FakeClock;
use bursar_tests::files;
use bursar_tests::guest::{self, At, Guest};
use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::Value;

/// A home that is going to listen, and a guest that it names `phone`.
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

fn turned_away(world: &World) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let records = files::records(&world.home());
    let records = records.iter().filter_map(|record| record.get("turned-away"));
    records.map(|record| (text(&record["who"]), text(&record["route"]))).collect()
}

#[test]
fn a_foreign_client_pays_with_a_pinned_certificate() {
    let (world, phone) = world();
    // Whatever kind of key OpenSSL knows.
    let others = [("laptop", "rsa:2048"), ("key", "ed25519")]
        .map(|(name, kind)| (name, Guest::new(world.scratch(), name, kind)));
    for (name, guest) in &others {
        world.configure(&guest.caller(name, ""));
    }
    let agent = world.serve();
    let at = at(&world);
    let paid = phone.pay(&at, "k", "1.00 EUR");
    assert_eq!((paid.status, paid.body["caller"].as_str()), (201, Some("phone")), "{paid:?}");
    let again = phone.pay(&at, "k", "1.00 EUR");
    assert_eq!(again.body, paid.body, "the stored answer");
    for (name, guest) in &others {
        // A key of its own under the same text.
        let paid = guest.pay(&at, "k", "2.00 EUR");
        assert_eq!((paid.status, paid.body["caller"].as_str()), (201, Some(*name)), "{paid:?}");
    }
    // The Unix socket is open beside it.
    let paid = agent.api().marked("k", "Fresh Market", "3.00 EUR").unwrap();
    assert_eq!((paid.status, paid.json()["caller"].as_str()), (201, Some("owner")));
    assert_eq!(files::entries(&world.home()).len(), 4);
    assert_eq!(turned_away(&world), []);
    assert!(agent.stop().success());
    assert!(!world.home().join("listening").exists());
}

#[test]
fn an_unknown_certificate_is_refused_and_recorded() {
    let (world, phone) = world();
    let stranger = Guest::new(world.scratch(), "stranger", "ec");
    let agent = world.serve();
    let at = at(&world);
    let refused = stranger.pay(&at, "k", "1.00 EUR");
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(refused.body["type"], "urn:bursar:problem:unknown-caller");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains(&stranger.fingerprint()), "{detail}");
    assert!(refused.head.contains("\r\nconnection: close"), "{}", refused.head);
    // Not even what every user of this machine may hear.
    for path in ["/healthz", "/readyz", "/openapi.json", "/v1/spends/1", "/healthz"] {
        assert_eq!(stranger.ask(&at, "GET", path).status, 403, "{path}");
    }
    assert_eq!(phone.ask(&at, "GET", "/healthz").status, 200);
    assert_eq!(files::entries(&world.home()).len(), 0);
    let who = format!("certificate {}", stranger.fingerprint());
    let routes =
        ["POST /v1/spends", "GET /healthz", "GET /readyz", "GET /openapi.json", "GET /v1/spends/{id}"];
    assert_eq!(turned_away(&world), routes.map(|route| (who.clone(), route.to_owned())));
    assert!(agent.stop().success());
    let _agent = world.serve();
    let export = world.scratch().join("export.jsonl");
    let exported = world.run(&["audit", "export", export.to_str().unwrap()]);
    assert!(exported.status.success(), "{exported:?}");
    assert!(std::fs::read_to_string(&export).unwrap().contains(&who));
}

#[test]
fn the_certificate_of_a_removed_caller_is_refused_after_a_restart() {
    let (world, phone) = world();
    let agent = world.serve();
    assert_eq!(phone.pay(&at(&world), "a", "1.00 EUR").status, 201);
    assert!(agent.stop().success());
    world.edit("config.toml", &phone.caller("phone", ""), "");
    let agent = world.serve();
    // The stored answer is none of its any more, either.
    for key in ["a", "b"] {
        let refused = phone.pay(&at(&world), key, "1.00 EUR");
        assert_eq!(
            (refused.status, &refused.body["type"]),
            (403, &"urn:bursar:problem:unknown-caller".into())
        );
    }
    assert_eq!(files::entries(&world.home()).len(), 1);
    drop(agent);
}

#[test]
fn without_a_certificate_or_with_old_tls_there_is_no_answer() {
    let (world, phone) = world();
    let _agent = world.serve();
    let at = at(&world);
    // curl: 35 is a failed handshake; 56 and 55 are alerts that come when it believes that it is done.
    let code = guest::refused(guest::bare(&at, "/healthz"));
    assert!([35, 55, 56].contains(&code), "{code}");
    let mut old = phone.curl(&at, "/healthz");
    old.args(["--tls-max", "1.2"]);
    assert_eq!(guest::refused(old), 35);
    // No HTTP without TLS.
    let mut plain = std::process::Command::new("curl");
    plain
        .args(["-q", "-sS", "--max-time", "60", "--noproxy", "*"])
        .arg(format!("http://{}/healthz", at.address));
    let code = guest::refused(plain);
    assert!([52, 56, 1].contains(&code), "{code}");
    assert_eq!(phone.ask(&at, "GET", "/healthz").status, 200, "and so it was not for another reason");
}

#[test]
fn a_connection_that_does_not_go_on_is_cut_off() {
    let (world, phone) = world();
    // Ten times as fast for the agent, so that its 5 s for a handshake are short here.
    let clock = FakeClock::new(&world, "+0 x10");
    let mut command = clock.command(&world, &["serve"]);
    command.env_remove("FAKETIME_DONT_FAKE_MONOTONIC");
    let _agent = world.ready(command);
    let mut silent = TcpStream::connect(world.listening()).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let begun = Instant::now();
    assert_eq!(phone.ask(&at(&world), "GET", "/healthz").status, 200, "meanwhile others are served");
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0, "an answer to nothing");
    let took = begun.elapsed().as_secs_f64();
    assert!((0.3..3.0).contains(&took), "cut off after {took}");
}

/// A home whose commands ask the agent of another one.
struct Branch {
    home: PathBuf,
}

impl Branch {
    fn new(world: &World, remote: &str, pinned: &str) -> Self {
        let home = world.scratch().join("branch");
        std::fs::DirBuilder::new().mode(0o700).create(&home).unwrap();
        let text = std::fs::read_to_string(world.home().join("config.toml")).unwrap();
        let remote = format!("\n[remote]\nurl = \"{remote}\"\ncertificate = \"{pinned}\"\n");
        std::fs::write(home.join("config.toml"), text + &remote).unwrap();
        Self { home }
    }

    fn run(&self, world: &World, args: &[&str]) -> Output {
        let mut command = std::process::Command::new(world.command(&[]).get_program());
        command.arg("--home").arg(&self.home).args(args).env("NO_COLOR", "1").output().unwrap()
    }

    fn pay(&self, world: &World) -> (Option<i32>, String) {
        let args =
            ["pay", "1.00", "EUR", "--from", "expenses", "--to", "Fresh Market", "--key", "k", "--json"];
        let output = self.run(world, &args);
        let text = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    fn pin(&self, from: &str, to: &str) {
        let path = self.home.join("config.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
}

#[test]
fn a_home_asks_the_agent_of_another_one() {
    let (world, _) = world();
    let own = guest::fingerprint(&world.home().join("certificate.pem"));
    let agent = world.serve();
    let branch = Branch::new(&world, &format!("https://{}", world.listening()), &own);
    let (code, says) = branch.pay(&world);
    assert_eq!(code, Some(3), "{says}");
    assert!(says.contains("bursar certificate --new"), "{says}");
    let made = branch.run(&world, &["certificate", "--new", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let shown = made["certificate"].as_str().unwrap().to_owned();
    assert_eq!(shown, guest::fingerprint(&branch.home.join("certificate.pem")));
    let mode = std::fs::metadata(branch.home.join("certificate.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Not known there yet.
    let (code, says) = branch.pay(&world);
    assert_eq!(code, Some(3), "{says}");
    assert!(says.contains(&format!("{shown} is no caller")), "{says}");
    assert!(agent.stop().success());
    world.configure(&format!("[callers.branch]\ncertificate = \"{shown}\"\n"));
    let agent = world.serve();
    let first = branch.home.join("config.toml");
    let text = std::fs::read_to_string(&first).unwrap();
    let url = text.lines().find(|line| line.starts_with("url =")).unwrap().to_owned();
    branch.pin(&url, &format!("url = \"https://{}\"", world.listening()));
    let (code, says) = branch.pay(&world);
    assert_eq!(code, Some(0), "{says}");
    let paid: Value = serde_json::from_str(&says).unwrap();
    assert_eq!((paid["caller"].as_str(), paid["state"].as_str()), (Some("branch"), Some("recorded")));

    // Another certificate than the pinned one: nothing is asked.
    // That the payment is recorded stands in the file a little after the answer.
    let asked =
        || files::records(&world.home()).iter().filter(|record| record.get("recorded").is_none()).count();
    let before = asked();
    let wrong = own.replace("sha256:", "sha256:0").chars().take(own.len()).collect::<String>();
    branch.pin(&own, &wrong);
    let (code, says) = branch.pay(&world);
    assert_eq!(code, Some(12), "{says}");
    assert!(says.contains(&own) && says.contains(&wrong), "{says}");
    assert_eq!(asked(), before);
    branch.pin(&wrong, &own);
    assert_eq!(branch.pay(&world).0, Some(0));
    assert!(agent.stop().success());
    let (code, says) = branch.pay(&world);
    assert_eq!(code, Some(8), "{says}");
    assert!(says.contains("does not answer"), "{says}");
}

#[test]
fn the_home_knows_its_certificate() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let shown = |args: &[&str]| -> String {
        let output = world.run(args);
        assert!(output.status.success(), "{output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["certificate"].as_str().unwrap().to_owned()
    };
    let first = shown(&["certificate", "--json"]);
    assert_eq!(first, guest::fingerprint(&world.home().join("certificate.pem")));
    let second = shown(&["certificate", "--new", "--json"]);
    assert_ne!(first, second);
    assert_eq!(second, shown(&["certificate", "--json"]));
    for name in ["certificate.pem", "certificate.key"] {
        let mode = std::fs::metadata(world.home().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    // Somebody else's key: the agent does not start with it.
    let other = Guest::new(world.scratch(), "other", "ec");
    std::fs::copy(world.scratch().join("other.key"), world.home().join("certificate.key")).unwrap();
    drop(other);
    world.listen();
    let (code, says) = world.serve_refused();
    assert_eq!(code, 3, "{says}");
    assert!(says.contains("is not the key of certificate.pem"), "{says}");
}
