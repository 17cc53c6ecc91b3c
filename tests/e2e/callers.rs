//! Who asks: by the kernel's word on the other end of the socket (fault 17).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;

use bursar_tests::files;
use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

fn own() -> u32 {
    rustix::process::getuid().as_raw()
}

/// One user id has one name at a time, so the same user comes back under another name.
#[test]
fn callers_do_not_reach_each_others_keys() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    let first = agent.api().marked("k", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!((first.status, first.json()["caller"].as_str()), (201, Some("owner")));
    assert!(agent.stop().success());
    world.edit("config.toml", "[callers.owner]", "[callers.clerk]");
    let agent = world.serve();
    // Neither the other's answer nor a conflict with the other's body: a key of its own.
    let other = agent.api().marked("k", "Fresh Market", "2.00 EUR").unwrap();
    assert_eq!((other.status, other.json()["caller"].as_str()), (201, Some("clerk")), "{other:?}");
    assert_eq!(other.json()["id"], 2);
    let again = agent.api().marked("k", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!(again.status, 409, "{again:?}");
    assert!(agent.stop().success());
    world.edit("config.toml", "[callers.clerk]", "[callers.owner]");
    let agent = world.serve();
    let stored = agent.api().marked("k", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!(stored.json(), first.json());
    assert_eq!(files::entries(&world.home()).len(), 2);
}

#[test]
fn a_user_without_a_name_is_turned_away() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    world.edit(
        "config.toml",
        &format!("[callers.owner]\nuid = {}", own()),
        &format!("[callers.owner]\nuid = {}", own() + 1),
    );
    let agent = world.serve();
    let mut api = agent.api();
    let routes = [
        ("POST", "/v1/spends"),
        ("GET", "/v1/spends"),
        ("GET", "/v1/accounts"),
        ("GET", "/v1/keys"),
        ("GET", "/v1/policy"),
        ("POST", "/v1/policy/explain"),
        ("GET", "/v1/audit/records"),
        ("GET", "/v1/audit/checkpoint"),
        ("GET", "/v1/ledger"),
        ("POST", "/v1/clock/confirm"),
    ];
    // Asked twice in one minute, and written down once.
    for (method, path) in routes.into_iter().chain(routes) {
        let answer = api.send(method, path, "Idempotency-Key: k\r\n", b"").unwrap();
        let says = answer.json();
        assert_eq!(
            (answer.status, says["type"].as_str()),
            (403, Some("urn:bursar:problem:unknown-caller")),
            "{path}"
        );
        assert!(says["detail"].as_str().unwrap().contains(&format!("uid = {}", own())), "{says}");
    }
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(api.get(path).0, 200, "{path} is for anybody");
    }
    // Nor does it hear what there is: whatever it asks for, it is turned away, and that is written down.
    let long = "Content-Length: 99999999\r\n";
    let nothing = [
        ("GET", "/nothing", ""),
        ("BREW", "/v1/coffee/1", ""),
        ("DELETE", "/v1/spends", ""),
        ("PUT", "/healthz", ""),
    ];
    for (method, path, head) in nothing.into_iter().chain([("GET", "/v1/ledger", long)]) {
        let answer = agent.api().send(method, path, head, b"").unwrap();
        let kind = answer.json()["type"].clone();
        assert_eq!(
            (answer.status, kind.as_str()),
            (403, Some("urn:bursar:problem:unknown-caller")),
            "{method} {path}"
        );
    }
    let records = files::records(&world.home());
    let turned_away: Vec<_> = records[2..].iter().map(|record| &record["turned-away"]).collect();
    let found: Vec<_> = turned_away.iter().map(|record| record["route"].as_str().unwrap()).collect();
    let asked = routes.map(|(method, path)| format!("{method} {path}"));
    let asked = asked.iter().map(String::as_str).chain(["no such route", "no such method"]);
    assert_eq!(found, asked.collect::<Vec<_>>());
    for record in turned_away {
        assert_eq!(record["who"], format!("uid {}", own()));
        assert_eq!(record["why"], "unknown caller");
    }
    assert!(agent.stop().success());
    // The book with these records is read again, whole, and verified.
    let _agent = world.serve();
    let verified = world.run(&["audit", "verify", "--json"]);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn a_user_can_be_known_by_its_group() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let group = rustix::process::getgid().as_raw();
    let as_user = format!("[callers.owner]\nuid = {}", own());
    world.edit("config.toml", &as_user, &format!("[callers.clerks]\ngid = {group}"));
    let agent = world.serve();
    let paid = agent.api().marked("k", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!((paid.status, paid.json()["caller"].as_str()), (201, Some("clerks")));
    assert!(agent.stop().success());
    world.edit("config.toml", &format!("gid = {group}"), &format!("gid = {}", group + 1));
    let agent = world.serve();
    let refused = agent.api().marked("l", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!(
        (refused.status, refused.json()["type"].as_str()),
        (403, Some("urn:bursar:problem:unknown-caller"))
    );
}

#[test]
fn a_policy_can_tell_callers_apart() {
    let only = format!("{GROCERIES}callers = [\"clerk\"]\n");
    let world = World::new(programs!(), &bundle(&only));
    let agent = world.serve();
    let denied = agent.api().marked("a", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!((denied.status, denied.json()["code"].as_str()), (403, Some("no-rule")));
    assert!(agent.stop().success());
    world.edit("config.toml", "[callers.owner]", "[callers.clerk]");
    assert_eq!(world.serve().api().marked("b", "Fresh Market", "1.00 EUR").unwrap().status, 201);
}

/// Whatever config.toml says of them, a user who asks again is answered again, and does not pay twice.
#[test]
fn the_same_user_is_answered_again_when_their_name_becomes_that_of_a_group() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let group = rustix::process::getgid().as_raw();
    let (alone, together) = (format!("uid = {}", own()), format!("gid = {group}"));
    let agent = world.serve();
    let first = agent.api().marked("a", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!((first.status, &first.json()["user"]), (201, &serde_json::json!({ "uid": own() })));
    assert!(agent.stop().success());
    world.edit("config.toml", &alone, &together);
    let agent = world.serve();
    let again = agent.api().marked("a", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!((again.status, again.json()), (201, first.json()));
    assert_eq!(agent.api().marked("a", "Fresh Market", "2.00 EUR").unwrap().status, 409);
    let second = agent.api().marked("b", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!(second.json()["user"], serde_json::json!({ "uid": own(), "shares": true }));
    let shown = world.run(&["show", "2"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains(&format!("owner (uid {})", own())), "{shown:?}");
    assert!(agent.stop().success());
    world.edit("config.toml", &together, &alone);
    let agent = world.serve();
    let again = agent.api().marked("b", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!((again.status, again.json()), (201, second.json()));
    assert_eq!(files::entries(&world.home()).len(), 2);
    let records = files::records(&world.home());
    let users: Vec<_> =
        records.iter().filter_map(|record| record.get("allowed")).map(|one| &one["user"]).collect();
    assert_eq!(users, [&first.json()["user"], &second.json()["user"]]);
    assert!(world.run(&["audit", "verify"]).status.success());
}

#[test]
fn the_socket_and_the_files_are_for_their_owner_alone() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    assert_eq!(agent.api().marked("a", "Fresh Market", "1.00 EUR").unwrap().status, 201);
    let mode = |name: &str| std::fs::metadata(world.home().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("bursar.sock"), 0o600);
    assert_eq!(mode("."), 0o700);
    for name in ["book.db", "book.db-wal", "ledger.db", "ledger.db-wal", "config.toml"] {
        assert_eq!(mode(name) & 0o077, 0, "{name}");
    }
}

/// The socket lies outside of the home, which is its owner's alone.
#[test]
fn a_group_may_use_the_socket() {
    const NOBODY: u32 = 65_534;
    assert!(rustix::process::geteuid().is_root(), "needs root, to be two users");
    let world = World::new(programs!(), &bundle(GROCERIES));
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let socket = place.path().join("bursar.sock");
    world.edit(
        "config.toml",
        "[agent]",
        &format!("[callers.others]\ngid = {NOBODY}\n[agent]\nsocket = {socket:?}\nsocket-group = {NOBODY}"),
    );
    let agent = world.serve();
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
    let ask = |gid: u32| {
        let mut command = std::process::Command::new("setpriv");
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={gid}"), "--clear-groups", "--"]);
        command.args(["curl", "-s", "--unix-socket"]).arg(&socket).arg("http://bursar/v1/accounts");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(ask(NOBODY).contains("expenses"), "{}", ask(NOBODY));
    assert_eq!(ask(NOBODY - 1), "", "another group does not even connect");
    assert!(agent.stop().success());
}
