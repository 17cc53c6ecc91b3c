//! What a caller may ask for: each route states the role that it needs, and a refusal is a record.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::io::{Read, Write};

use bursar_tests::files;
use bursar_tests::guest::{At, Guest};
use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::{Value, json};

const ROLES: [&str; 5] = ["requester", "approver", "auditor", "administrator", "node"];
const REQUESTER: &[&str] = &["requester"];
const AUDITOR: &[&str] = &["auditor", "administrator"];
const ADMINISTRATOR: &[&str] = &["administrator"];
const APPROVER: &[&str] = &["approver"];
const PEOPLE: &[&str] = &["approver", "administrator"];

/// Every route, and the roles that may use it.
const ROUTES: [(&str, &str, &[&str]); 27] = [
    ("POST", "/v1/spends", REQUESTER),
    ("GET", "/v1/spends", &ROLES),
    ("GET", "/v1/spends/{id}", &ROLES),
    ("GET", "/v1/spends/{id}/envelope", &ROLES),
    ("GET", "/v1/spends/{id}/receipt", &ROLES),
    ("GET", "/v1/spends/{id}/approvals", &ROLES),
    ("GET", "/v1/inbox", &ROLES),
    ("POST", "/v1/votes", APPROVER),
    ("POST", "/v1/freezes", APPROVER),
    ("POST", "/v1/lifts", APPROVER),
    ("GET", "/v1/policy/bundle", &ROLES),
    ("GET", "/v1/policy/lineage", &ROLES),
    ("POST", "/v1/proposals", PEOPLE),
    ("GET", "/v1/proposals/{id}/bundle", &ROLES),
    ("POST", "/v1/proposals/{id}/install", PEOPLE),
    ("POST", "/v1/agreements", PEOPLE),
    ("GET", "/v1/accounts", &ROLES),
    ("GET", "/v1/keys", &ROLES),
    ("GET", "/v1/policy", &ROLES),
    ("POST", "/v1/policy/explain", REQUESTER),
    ("GET", "/v1/audit/records", AUDITOR),
    ("GET", "/v1/audit/checkpoint", AUDITOR),
    ("GET", "/v1/ledger", &ROLES),
    ("POST", "/v1/clock/confirm", ADMINISTRATOR),
    ("GET", "/healthz", &ROLES),
    ("GET", "/readyz", &ROLES),
    ("GET", "/openapi.json", &ROLES),
];

#[test]
fn each_route_is_for_its_roles_alone() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    world.listen();
    let guests = ROLES.map(|role| (role, Guest::new(world.scratch(), role, "ec")));
    for (role, guest) in &guests {
        world.configure(&guest.caller(&format!("the-{role}"), &format!("roles = [\"{role}\"]")));
    }
    let agent = world.serve();
    // Spend 1 has an envelope and a receipt.
    assert_eq!(agent.api().marked("k", "Fresh Market", "1.00 EUR").unwrap().status, 201);
    let at = At { address: world.listening(), trusted: world.home().join("certificate.pem") };
    let mut expected = Vec::new();
    for (method, path, roles) in ROUTES {
        for (role, guest) in &guests {
            let got = guest.ask(&at, method, &path.replace("{id}", "1"));
            if roles.contains(role) {
                // A POST without a body is let through, and then is no request; nothing is put forward.
                // And who only asks for payments sees its own.
                let fits = got.status == 200
                    || (path.starts_with("/v1/spends/{id}")
                        && ["requester", "node"].contains(role)
                        && got.status == 404)
                    || (path != "/v1/clock/confirm" && method == "POST" && [400, 415].contains(&got.status))
                    || (path.starts_with("/v1/proposals/{id}") && got.status == 404);
                assert!(fits, "{method} {path} for {role}: {got:?}");
                continue;
            }
            assert_eq!(
                (got.status, &got.body["type"]),
                (403, &json!("urn:bursar:problem:role")),
                "{method} {path} for {role}"
            );
            assert_eq!((&got.body["needs"], &got.body["has"]), (&json!(roles), &json!([role])));
            let why = format!("it needs the role {}, and has {role}", roles.join(" or "));
            expected.push((format!("the-{role}"), format!("{method} {path}"), why));
        }
    }
    assert_eq!(expected.len(), 3 * 4 + 2 * 3 + 3 * 4 + 3 * 3, "by the table");
    let records = files::records(&world.home());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let found = records.iter().filter_map(|record| record.get("turned-away"));
    let found: Vec<_> =
        found.map(|found| (text(&found["who"]), text(&found["route"]), text(&found["why"]))).collect();
    assert_eq!(found, expected);
    // The table above is whole.
    let (_, described) = agent.api().get("/openapi.json");
    let mut routes = BTreeSet::from(["GET /openapi.json".to_owned()]);
    for (path, methods) in described["paths"].as_object().unwrap() {
        routes.extend(
            methods.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    assert_eq!(routes, ROUTES.map(|(method, path, _)| format!("{method} {path}")).into());
}

#[test]
fn a_requester_neither_confirms_the_clock_nor_reads_the_audit_log() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let all = "roles = [\"requester\", \"approver\", \"auditor\", \"administrator\"]\n# [callers.treasurer]";
    world.edit("config.toml", all, "# [callers.treasurer]");
    let agent = world.serve();
    for _ in 0..3 {
        let confirm = world.run(&["clock", "confirm", "--json"]);
        assert_eq!(confirm.status.code(), Some(3), "{confirm:?}");
        let says: Value = serde_json::from_slice(&confirm.stderr).unwrap();
        assert_eq!(says["kind"], "home");
        assert!(says["error"].as_str().unwrap().contains("administrator, and owner has requester"), "{says}");
        assert_eq!(agent.api().get("/v1/audit/records").0, 403);
        // The same by another method of HTTP.
        let mut api = agent.api();
        let head = b"HEAD /v1/audit/checkpoint HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n";
        api.raw().write_all(head).unwrap();
        let mut answer = String::new();
        api.raw().read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    // Once a minute for one caller and one route.
    let records = files::records(&world.home());
    let routes: Vec<_> =
        records[2..].iter().map(|record| record["turned-away"]["route"].as_str().unwrap()).collect();
    assert_eq!(routes, ["POST /v1/clock/confirm", "GET /v1/audit/records", "GET /v1/audit/checkpoint"]);
    assert_eq!(agent.api().marked("k", "Fresh Market", "1.00 EUR").unwrap().status, 201, "but it pays");
}

#[test]
fn refusals_do_not_fill_the_disk() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    world.listen();
    let agent = world.serve();
    let at = At { address: world.listening(), trusted: world.home().join("certificate.pem") };
    // Eight strangers with nine routes: more than sixty different refusals in one minute.
    let gets = ROUTES.iter().filter(|(method, ..)| *method == "GET").take(9);
    let paths: Vec<_> = gets.map(|(_, path, _)| path.replace("{id}", "1")).collect();
    for n in 0..8 {
        let stranger = Guest::new(world.scratch(), &format!("stranger-{n}"), "ec");
        for path in &paths {
            assert_eq!(stranger.ask(&at, "GET", path).status, 403);
        }
    }
    assert_eq!(files::records(&world.home()).len(), 2 + 60);
    assert_eq!(agent.log().matches("turned away").count(), 60, "nor with the log");
    assert_eq!(agent.api().marked("k", "Fresh Market", "1.00 EUR").unwrap().status, 201);
}
