//! The story end to end: a payment is judged, signed in a token, recorded, and provable.

#![allow(clippy::unwrap_used)]

use bursar_tests::policy::{BUDGET, GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

#[test]
fn a_payment_within_the_policy_is_recorded_and_one_outside_is_not() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    let mut api = agent.api();
    let (status, paid) = api.pay("k1", "expenses", "Fresh Market", "12.40 EUR");
    assert_eq!((status, paid["state"].as_str()), (201, Some("recorded")), "{paid}");
    assert_eq!(paid["receipt"]["position"], 0);
    let (status, denied) = api.pay("k2", "expenses", "Fresh Market", "50.01 EUR");
    assert_eq!((status, denied["code"].as_str()), (403, Some("per-payment")), "{denied}");
    assert_eq!(denied["spend"]["state"], "denied");
    let (status, denied) = api.pay("k3", "expenses", "Grand Casino", "1.00 EUR");
    assert_eq!((status, denied["code"].as_str()), (403, Some("no-rule")), "{denied}");
    let (_, ledger) = api.get("/v1/ledger");
    assert_eq!(ledger["size"], 1);
}

#[test]
fn the_same_key_gives_the_same_answer_and_another_body_a_conflict() {
    let world = World::new(programs!(), &bundle(BUDGET));
    let agent = world.serve();
    let mut api = agent.api();
    let first = api.pay("k1", "expenses", "Fresh Market", "12.40 EUR");
    assert_eq!(api.pay("k1", "expenses", "Fresh Market", "12.40 EUR"), first);
    let denied = api.pay("k2", "expenses", "Grand Casino", "1.00 EUR");
    assert_eq!(api.pay("k2", "expenses", "Grand Casino", "1.00 EUR"), denied);
    let (status, conflict) = api.pay("k1", "expenses", "Fresh Market", "12.41 EUR");
    assert_eq!((status, conflict["type"].as_str()), (409, Some("urn:bursar:problem:idempotency-conflict")));
    drop(api);
    assert!(agent.stop().success());
    let agent = world.serve();
    assert_eq!(agent.api().pay("k1", "expenses", "Fresh Market", "12.40 EUR"), first, "also after a restart");
    assert_eq!(agent.api().get("/v1/ledger").1["size"], 1);
}

#[test]
fn what_nobody_signed_yet_is_not_signed_under_a_policy_that_now_forbids_it() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve_until("reserved");
    assert!(agent.api().try_pay("k1", "expenses", "Fresh Market", "12.40 EUR").is_err(), "it was killed");
    agent.wait();
    let forbid = "\n[[forbid]]\nname = \"no shopping\"\ncategories = [\"supermarket\"]\n";
    std::fs::write(world.home().join("policy.toml"), bundle(&format!("{GROCERIES}{forbid}"))).unwrap();
    let agent = world.serve();
    let mut api = agent.api();
    let (status, spend) = api.pay("k1", "expenses", "Fresh Market", "12.40 EUR");
    assert_eq!((status, spend["state"].as_str()), (202, Some("reserved")), "{spend}");
    assert!(spend["reason"].as_str().unwrap().contains("no shopping"), "{spend}");
    assert_eq!(api.get("/v1/spends/1/envelope").0, 404, "nothing was signed");
    assert_eq!(api.get("/v1/ledger").1["size"], 0);
}
