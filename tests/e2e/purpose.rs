//! Money bound to a purpose: issued to somebody, paid where it is for, redeemed, and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_tests::api::Api;
use bursar_tests::policy::bundle;
use bursar_tests::programs;
use bursar_tests::spec::{Account, Asset};
use bursar_tests::world::World;
use serde_json::json;

/// Everybody may pay everything, as far as the rules go; only the fund may issue.
const RULES: &str = r#"
[assets.GRANT]
decimals = 2
only = ["pharmacy", "doctor"]
redeemer = "Health Fund"

[recipients.Pupil]
address = "ANNA"
categories = ["pupil"]

[recipients."Village Pharmacy"]
address = "SHOP"
categories = ["pharmacy"]

[recipients."Health Fund"]
address = "FUND"

[recipients."Drug Store"]
address = "STORE"
categories = ["pharmacy", "supermarket"]

[[allow]]
name = "everything"

[[allow]]
name = "issues"
action = "issue"
accounts = ["fund"]
"#;

fn town(rules: &str, asset: Asset) -> World {
    let accounts = ["fund", "anna", "shop", "store"].map(|name| Account::new(name, "10.00"));
    let world = World::with_assets(programs!(), &bundle(rules), &accounts, &[asset]);
    for (name, account) in
        [("\"ANNA\"", "anna"), ("\"SHOP\"", "shop"), ("\"FUND\"", "fund"), ("\"STORE\"", "store")]
    {
        world.edit("policy.toml", name, &format!("\"{}\"", world.address(account)));
    }
    world
}

fn denied(api: &mut Api, from: &str, to: &str, says: &str) {
    let (status, answer) = api.pay(&format!("{from} {to}"), from, to, "5.00 GRANT");
    assert_eq!((status, &answer["code"]), (403, &json!("purpose")), "{from} to {to}: {answer}");
    assert!(answer["detail"].as_str().unwrap().contains(says), "{says}: {answer}");
}

#[test]
fn a_grant_is_paid_where_it_is_for_and_ends_with_its_redeemer() {
    let world = town(RULES, Asset::issued("GRANT", "fund"));
    let agent = world.serve();
    let mut api = agent.api();
    assert_eq!(api.issue("grant", "fund", "Pupil", "100.00 GRANT").0, 201);
    for (to, says) in [
        ("Fresh Market", "for pharmacy, doctor only; Fresh Market is supermarket"),
        ("Grand Casino", "Grand Casino is casino"),
        // In two categories, and one of them is not what it is for.
        ("Drug Store", "Drug Store is pharmacy, supermarket"),
    ] {
        denied(&mut api, "anna", to, says);
    }
    assert_eq!(api.pay("euro", "anna", "Fresh Market", "5.00 EUR").0, 201, "EUR is bound to nothing");
    assert_eq!(api.pay("pills", "anna", "Village Pharmacy", "20.00 GRANT").0, 201);
    // Who received it may only redeem it, and there it ends.
    denied(&mut api, "shop", "Corner Pharmacy", "only redeem it: pay Health Fund instead");
    denied(&mut api, "shop", "Pupil", "only redeem it");
    assert_eq!(api.pay("redeem", "shop", "Health Fund", "20.00 GRANT").0, 201);
    denied(&mut api, "fund", "Village Pharmacy", "ends with Health Fund");
    // Who has not used it may give it back.
    assert_eq!(api.pay("back", "anna", "Health Fund", "80.00 GRANT").0, 201);
    let (_, ledger) = api.get("/v1/ledger");
    let held: Vec<_> = ledger["balances"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|balance| balance["asset"] == "GRANT" && balance["amount"] != "0.00")
        .map(|balance| balance["amount"].as_str().unwrap())
        .collect();
    assert_eq!(held, ["100.00"]);
    assert!(agent.stop().success());
    assert!(world.run(&["ledger", "verify"]).status.success());
}

/// A rule is about payments unless it says otherwise.
#[test]
fn a_rule_for_payments_allows_no_issue() {
    let rules = RULES.replace("accounts = [\"fund\"]", "accounts = [\"nobody\"]");
    let world = town(&rules, Asset::issued("GRANT", "fund"));
    let agent = world.serve();
    let (status, says) = agent.api().issue("grant", "fund", "Pupil", "100.00 GRANT");
    assert_eq!((status, &says["code"]), (403, &json!("no-rule")), "{says}");
    // And one for issues allows no payment.
    drop(agent);
    world.edit("policy.toml", "name = \"everything\"", "name = \"everything\"\naction = \"issue\"");
    let agent = world.serve();
    let mut api = agent.api();
    assert_eq!(api.issue("grant 2", "fund", "Pupil", "100.00 GRANT").0, 201);
    let (status, says) = api.pay("pills", "anna", "Village Pharmacy", "20.00 GRANT");
    assert_eq!((status, &says["code"]), (403, &json!("no-rule")), "{says}");
}

/// What nobody issued has no recorded beginning.
#[test]
fn a_bound_asset_has_no_first_balances() {
    let world = town(RULES, Asset::held("GRANT", &[("anna", "100.00")]));
    let (code, says) = world.serve_refused();
    assert_ne!(code, 0);
    assert!(says.contains("binds GRANT to a purpose") && says.contains("bursar issue"), "{says}");
    world.edit("policy.toml", "only = [\"pharmacy\", \"doctor\"]\nredeemer = \"Health Fund\"\n", "");
    assert!(world.serve().stop().success());
}

/// An asset means what the ledger says it means.
#[test]
fn other_decimals_than_the_ledgers_are_refused() {
    let world = town(RULES, Asset::issued("GRANT", "fund"));
    world.edit("policy.toml", "[assets.GRANT]\ndecimals = 2", "[assets.GRANT]\ndecimals = 3");
    let (code, says) = world.serve_refused();
    assert_ne!(code, 0);
    assert!(says.contains("GRANT with 3 decimals, and the ledger's genesis with 2"), "{says}");
}
