//! Money that is issued for a purpose: who issues it, who pays with it, and what proves it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_tests::policy::bundle;
use bursar_tests::programs;
use bursar_tests::spec::{Account, Asset};
use bursar_tests::world::World;
use serde_json::Value;

/// Anna's address takes the place of ANNA when her key is made. Whoever asks may issue whatever it
/// wants, as far as the policy goes: the ledger knows better.
const RULES: &str = r#"
[assets.GRANT]
decimals = 2

[recipients.Pupil]
address = "ANNA"
categories = ["pupil"]

[[allow]]
name = "medicine"
accounts = ["anna"]
assets = ["GRANT"]
categories = ["pharmacy"]

[[allow]]
name = "issues"
action = "issue"
"#;

/// The fund issues GRANT to pupils; Anna, who is one, may pay pharmacies with it.
fn town() -> World {
    let accounts = ["fund", "anna"].map(|name| Account::new(name, "0.00"));
    let world = World::with_assets(programs!(), &bundle(RULES), &accounts, &[Asset::issued("GRANT", "fund")]);
    world.edit("policy.toml", "ANNA", &world.address("anna"));
    world
}

fn json(world: &World, args: &[&str]) -> Value {
    let output = world.run(&[args, &["--json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}"))
}

fn printed(world: &World, args: &[&str]) -> String {
    let output = world.run(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Who holds how much GRANT, by the names of the home.
fn grants(world: &World) -> Vec<(String, String)> {
    let shown = json(world, &["ledger", "show"]);
    let mut held: Vec<_> = shown["balances"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|balance| balance["asset"] == "GRANT")
        .map(|balance| ["owner", "amount"].map(|field| balance[field].as_str().unwrap().to_owned()).into())
        .collect();
    held.sort();
    held
}

#[test]
fn a_grant_is_issued_paid_with_and_proved() {
    let world = town();
    let agent = world.serve();
    let mut api = agent.api();
    // Nobody can pay with what was never issued.
    let (status, early) = api.pay("early", "anna", "Corner Pharmacy", "20.00 GRANT");
    assert_eq!((status, &early["state"]), (202, &"refused".into()), "{early}");

    let (status, issued) = api.issue("grant-1", "fund", "Pupil", "500.00 GRANT");
    assert_eq!((status, &issued["state"]), (201, &"recorded".into()), "{issued}");
    assert_eq!((&issued["action"], &issued["rule"]), (&"issue".into(), &"issues".into()), "{issued}");
    // The same key again is the same issue; as a payment it is another request.
    assert_eq!(api.issue("grant-1", "fund", "Pupil", "500.00 GRANT").1["id"], issued["id"]);
    assert_eq!(api.pay("grant-1", "fund", "Pupil", "500.00 GRANT").0, 409);
    let (_, envelope) = api.get(&format!("/v1/spends/{}/envelope", issued["id"]));
    assert_eq!(envelope["payloadType"], "application/vnd.bursar.issue.v1+json");

    let (status, paid) = api.pay("pills", "anna", "Corner Pharmacy", "20.00 GRANT");
    assert_eq!(status, 201, "{paid}");
    assert!(paid.get("action").is_none(), "a payment looks as it always did: {paid}");
    let (_, ledger) = api.get("/v1/ledger");
    assert_eq!(ledger["assets"][1]["name"], "GRANT", "{ledger}");
    assert!(ledger["assets"][1]["issuer"].as_str().unwrap().starts_with("ed25519:"), "{ledger}");
    assert!(ledger["assets"][0].get("issuer").is_none(), "{ledger}");
    assert!(agent.stop().success());

    // By its account's name, which goes before the recipient's.
    let held = [("Corner Pharmacy", "20.00"), ("anna", "480.00")];
    assert_eq!(grants(&world), held.map(|(who, amount)| (who.to_owned(), amount.to_owned())));
    let shown = printed(&world, &["ledger", "show"]);
    assert!(shown.contains("GRANT (2 decimals, issued by fund)"), "{shown}");
    assert!(printed(&world, &["ledger", "verify"]).contains("2 transactions verified"));
    printed(&world, &["audit", "verify"]);
    let listed = printed(&world, &["spends"]);
    assert!(listed.lines().any(|line| line.contains("issue") && line.contains("500.00")), "{listed}");

    // The book is read again, with the issue in it.
    let agent = world.serve();
    let (_, again) = agent.api().issue("grant-1", "fund", "Pupil", "500.00 GRANT");
    assert_eq!(again, issued);
    let page = printed(&world, &["show", &issued["id"].to_string()]);
    assert!(page.lines().any(|line| line.starts_with("action") && line.ends_with("issue")), "{page}");
    assert!(agent.stop().success());
}

#[test]
fn only_the_issuer_issues_and_the_ledger_says_who_that_is() {
    let world = town();
    let agent = world.serve();
    let mut api = agent.api();
    let fund = world.address("fund");
    for (key, from, to, amount, why) in [
        ("stranger", "anna", "Corner Pharmacy", "5.00 GRANT", format!("only {fund} issues GRANT")),
        ("no issuer", "fund", "Pupil", "5.00 EUR", "nobody issues EUR".to_owned()),
    ] {
        let (status, spend) = api.issue(key, from, to, amount);
        assert_eq!((status, &spend["state"]), (202, &"refused".into()), "{spend}");
        assert!(spend["reason"].as_str().unwrap().contains(&why), "{spend}");
    }
    // To itself, or nothing, or of another kind: no transaction at all.
    for body in [
        r#"{"action":"issue","from":"anna","to":"Pupil","amount":"5.00 GRANT"}"#,
        r#"{"action":"issue","from":"fund","to":"Pupil","amount":"0.00 GRANT"}"#,
        r#"{"action":"mint","from":"fund","to":"Pupil","amount":"5.00 GRANT"}"#,
    ] {
        let answer = api.ask(body, body).unwrap();
        assert!(matches!(answer.status, 400 | 422), "{body}: {}", answer.json());
    }
    assert!(agent.stop().success());
    assert!(grants(&world).is_empty());
    assert!(printed(&world, &["ledger", "verify"]).contains("0 transactions verified"));
}

/// kill -9 between two steps of an issue: the next start goes on with it, and it is issued once.
#[test]
fn a_killed_agent_goes_on_with_an_issue() {
    let world = town();
    for (n, point) in ["reserved", "signed", "kept", "forwarded"].into_iter().enumerate() {
        let agent = world.serve_until(point);
        let body = r#"{"action":"issue","from":"fund","to":"Pupil","amount":"1.00 GRANT"}"#;
        assert!(agent.try_api().unwrap().ask(point, body).is_err(), "{point}");
        agent.wait();
        let agent = world.serve();
        let (status, spend) = agent.api().issue(point, "fund", "Pupil", "1.00 GRANT");
        assert_eq!((status, &spend["state"]), (201, &"recorded".into()), "{point}: {spend}");
        assert_eq!(spend["action"], "issue", "{point}: {spend}");
        assert!(agent.stop().success());
        assert_eq!(grants(&world), [("anna".to_owned(), format!("{}.00", n + 1))], "{point}");
    }
    printed(&world, &["ledger", "verify"]);
    printed(&world, &["audit", "verify"]);
}

#[test]
fn the_command_line_issues() {
    let world = town();
    let agent = world.serve();
    let args =
        ["issue", "500.00", "GRANT", "--from", "fund", "--to", "Pupil", "--memo", "grant 2026", "--key"];
    let once = json(&world, &[&args[..], &["G-1"]].concat());
    assert_eq!(
        (&once["action"], &once["state"], &once["memo"]),
        (&"issue".into(), &"recorded".into(), &"grant 2026".into())
    );
    assert_eq!(json(&world, &[&args[..], &["G-1"]].concat()), once);
    let stranger = world.run(&["issue", "1.00", "GRANT", "--from", "anna", "--to", "Corner Pharmacy"]);
    assert_eq!(stranger.status.code(), Some(13), "{stranger:?}");
    let said = String::from_utf8(stranger.stderr).unwrap();
    assert!(said.contains("or it may be issued twice"), "{said}");
    assert!(agent.stop().success());
    assert_eq!(grants(&world), [("anna".to_owned(), "500.00".to_owned())]);
}
