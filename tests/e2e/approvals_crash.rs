//! kill -9 while a payment waits, and at every step behind the vote that completes its quorum.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use bursar_core::approval::Item;
use bursar_tests::daemon::{Daemon, Started};
use bursar_tests::files;
use bursar_tests::person::{managers, people};
use bursar_tests::policy::bundle;
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const RULES: &str = r#"
[[allow]]
name = "supplies"
categories = ["supermarket"]
budget = { amount = "100.00 EUR", rolling = "7d" }
approvals = [{ need = 2, from = "managers" }]
"#;

fn world() -> World {
    World::new(programs!(), &bundle(&(people() + RULES)))
}

/// Asks for payments, has Anna approve them, and kills the agent; what Ben has to approve, and the
/// SHA-256 of the bytes of each.
fn waiting(world: &World, keys: impl IntoIterator<Item = String>) -> Vec<(Item, String)> {
    let agent = world.serve();
    let mut api = agent.api();
    let mut one = |key: String| {
        let (status, asked) = api.pay(&key, "expenses", "Fresh Market", "0.50 EUR");
        assert_eq!((status, &asked["state"]), (202, &json!("waiting")), "{asked}");
        let payment = api.waiting(asked["id"].as_u64().unwrap());
        assert_eq!(api.vote(&managers()[0].approve(&payment.item)).0, 202);
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(payment.transfer.get()));
        (payment.item, digest)
    };
    let all = keys.into_iter().map(&mut one).collect();
    agent.kill();
    all
}

fn kind(world: &World, spend: u64) -> String {
    let records = files::records(&world.home());
    let of = |record: &Value| {
        let (kind, about) = record.as_object().unwrap().iter().next().unwrap();
        (about["spend"] == spend).then(|| kind.clone())
    };
    records.iter().filter_map(of).next_back().unwrap()
}

fn times_on_ledger(world: &World, digest: &str) -> usize {
    files::entries(&world.home()).iter().filter(|entry| entry.digest == digest).count()
}

/// What was answered before it was written down is written down.
fn settled(agent: &Daemon) {
    assert_eq!(agent.api().get("/readyz").0, 200);
}

#[test]
fn a_restart_keeps_what_waits_and_who_has_decided() {
    let world = world();
    let (item, digest) = waiting(&world, ["k".to_owned()]).remove(0);
    let agent = world.serve();
    let mut api = agent.api();
    let known = api.waiting(1);
    assert_eq!((&known.item, known.decided.len()), (&item, 1));
    let [anna, ben, ..] = managers();
    assert_eq!(api.vote(&anna.approve(&item)).1["code"], "repeated");
    assert_eq!(api.vote(&ben.approve(&item)).0, 201);
    assert_eq!(times_on_ledger(&world, &digest), 1);
}

/// Behind the vote the start alone goes on with it, and with the bytes that were approved.
#[test]
fn what_was_approved_is_finished_from_every_named_point() {
    let world = world();
    for (point, left) in
        [("reserved", "allowed"), ("signed", "allowed"), ("kept", "signed"), ("forwarded", "signed")]
    {
        let (item, digest) = waiting(&world, [point.to_owned()]).remove(0);
        let agent = world.serve_until(point);
        let vote = managers()[1].approve(&item);
        assert!(agent.api().send("POST", "/v1/votes", "", vote.to_json().as_bytes()).is_err(), "{point}");
        assert!(!agent.wait().success());
        assert_eq!(kind(&world, item.request), left, "{point}");
        let agent = world.serve();
        settled(&agent);
        assert_eq!(kind(&world, item.request), "recorded", "{point}: by the start itself");
        assert_eq!(times_on_ledger(&world, &digest), 1, "{point}");
        let (status, votes) = agent.api().get(&format!("/v1/spends/{}/approvals", item.request));
        assert_eq!((status, votes["votes"].as_array().unwrap().len()), (200, 2));
        let (status, says) = agent.api().vote(&vote);
        assert_eq!((status, &says["type"]), (409, &json!("urn:bursar:problem:over")));
        assert!(agent.stop().success());
    }
    assert!(world.run(&["audit", "verify"]).status.success());
}

/// Just before and just after each commit from the start on: the vote is kept with what it decided,
/// or neither is.
#[test]
fn a_vote_is_kept_together_with_what_it_decides() {
    let world = world();
    let mut seen = BTreeSet::new();
    let mut payments = waiting(&world, (0..40).map(|n| n.to_string())).into_iter();
    for point in ["store-before-commit", "store-after-commit"] {
        // The first commits are the start's own.
        let (mut commit, mut answered) = (11, false);
        while !answered {
            let key = format!("{point} {commit}");
            let (item, digest) = payments.next().expect("the vote gets through at some time");
            let mut command = world.command(&["serve"]);
            command.env("FAILPOINTS", format!("{point}={commit}*off->return"));
            let vote = managers()[1].approve(&item);
            if let Started::Ready(agent) = world.start(command) {
                let sent = agent
                    .try_api()
                    .and_then(|mut api| api.send("POST", "/v1/votes", "", vote.to_json().as_bytes()));
                answered = sent.is_ok();
                agent.kill();
            }
            let left = kind(&world, item.request);
            let agent = world.serve();
            if left == "voted" {
                assert_eq!(agent.api().waiting(item.request).decided.len(), 1, "{key}: Anna's alone");
                assert_eq!(agent.api().vote(&vote).0, 201, "{key}");
            }
            settled(&agent);
            assert_eq!(kind(&world, item.request), "recorded", "{key}: it was {left}");
            assert_eq!(times_on_ledger(&world, &digest), 1, "{key}");
            agent.kill();
            seen.insert(left);
            commit += 1;
        }
    }
    assert!(["voted", "allowed", "signed"].iter().all(|left| seen.contains(*left)), "{seen:?}");
}
