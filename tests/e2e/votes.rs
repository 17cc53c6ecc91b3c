//! Decisions that do not count (faults 22 and 23): each says why, is written down, and changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use bursar_core::approval::{Item, Verdict, Vote};
use bursar_core::hex::Hex;
use bursar_core::intent::LedgerId;
use bursar_tests::files;
use bursar_tests::person::{HOUR, Person, administrators, managers, people, rita};
use bursar_tests::policy::{SUPPLIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::{Value, json};

/// The caller who asks is an approver, too, with a key of its own.
fn owner() -> Person {
    Person::ed25519("owner", 16)
}

fn world() -> World {
    let key = owner().public();
    let rules = SUPPLIES.replace("from = \"managers\"", "from = [\"anna\", \"ben\", \"chloe\", \"owner\"]");
    World::new(programs!(), &bundle(&format!("{}[approvers.owner]\nkey = \"{key}\"\n{rules}", people())))
}

fn turned_away(world: &World) -> Vec<(String, String)> {
    let records = files::records(&world.home());
    let found = records.iter().filter_map(|record| record.get("turned-away"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    found.map(|found| (text(&found["route"]), text(&found["why"]))).collect()
}

#[test]
fn what_does_not_count_says_why_and_changes_nothing() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "60.00 EUR").0, 202);
    let asked = api.waiting(1);
    let item = &asked.item;
    let [anna, ben, ..] = managers();
    let other = |change: &dyn Fn(&mut Item)| {
        let mut other = item.clone();
        change(&mut other);
        anna.approve(&other)
    };
    let wrong = [
        ("unknown-key", Person::ed25519("anna", 99).approve(item)),
        // An administrator's key is no approver's.
        ("unknown-key", administrators()[0].called("anna").approve(item)),
        ("other-name", anna.called("ben").approve(item)),
        ("other-name", anna.called("nobody").approve(item)),
        ("revoked", rita().approve(item)),
        ("requester", owner().approve(item)),
        ("requester", owner().refuse(item)),
        ("other-requester", other(&|other| other.requester = Some("bob".parse().unwrap()))),
        // As decisions of the first books were.
        ("other-requester", other(&|other| (other.requester, other.uid) = (None, None))),
        ("other-requester", other(&|other| other.uid = None)),
        ("early", anna.ahead(6 * 60_000).approve(item)),
        ("expired", anna.ahead(-2 * HOUR).approve(item)),
        ("other-home", other(&|other| other.home = Hex([7; 16]))),
        ("other-ledger", other(&|other| other.ledger = LedgerId([7; 32]))),
        ("other-account", other(&|other| other.account = "payroll".parse().unwrap())),
        ("other-payment", other(&|other| other.digest = Hex([7; 32]))),
        ("other-policy", other(&|other| other.policy = Hex([7; 32]))),
        ("other-expiry", other(&|other| other.expires = other.expires.plus_millis(1000))),
    ];
    for (code, vote) in &wrong {
        let (status, says) = api.vote(vote);
        assert_eq!(
            (status, &says["type"]),
            (409, &json!("urn:bursar:problem:not-counted")),
            "{code}: {says}"
        );
        assert_eq!(says["code"], *code, "{says}");
        assert_eq!(says["approver"], vote.ballot().statement().approver.as_str());
    }
    let (_, spend) = api.get("/v1/spends/1");
    assert_eq!(spend["approvals"][0]["missing"][0]["have"], json!([]));
    assert!(api.waiting(1).decided.is_empty());
    // Once a minute for one caller, one route and one code.
    let codes: BTreeSet<_> = wrong.iter().map(|(code, _)| *code).collect();
    let found = turned_away(&world);
    assert_eq!(found.len(), codes.len(), "{found:?}");
    assert!(found.iter().all(|(route, why)| route == "POST /v1/votes" && why.contains("does not count")));

    // Within five minutes it is another clock, and no more than that.
    assert_eq!(api.vote(&anna.ahead(4 * 60_000).approve(item)).0, 202);
    let (status, again) = api.vote(&anna.approve(item));
    assert_eq!((status, &again["code"]), (409, &json!("repeated")));
    assert_eq!(api.vote(&anna.refuse(item)).1["code"], "repeated");
    assert_eq!(api.waiting(1).decided.len(), 1);
    assert_eq!(api.vote(&ben.approve(item)).0, 201);
    assert_eq!(files::entries(&world.home()).len(), 1);
}

#[test]
fn an_approval_is_for_one_payment_and_not_for_its_twin() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    for key in ["a", "b"] {
        assert_eq!(api.pay(key, "expenses", "Fresh Market", "51.00 EUR").0, 202);
    }
    let (first, second) = (api.waiting(1).item, api.waiting(2).item);
    assert_ne!(first.digest, second.digest, "alike to people, and not the same payment");
    let [anna, ben, ..] = managers();
    for voter in [&anna, &ben] {
        let vote = voter.approve(&first);
        let done = api.vote(&vote).0;
        assert!(matches!(done, 201 | 202));
        // The same for its twin: under its own number it is over or repeated, under the other forged.
        assert_eq!(api.vote(&vote).0, 409);
        let mut moved: Value = serde_json::from_str(&vote.to_json()).unwrap();
        moved["item"]["request"] = json!(2);
        let (status, says) = api.send_json("/v1/votes", &moved.to_string());
        assert_eq!((status, &says["type"]), (400, &json!("urn:bursar:problem:statement")), "{says}");
        // Signed for the twin's number, with the bytes of the other.
        let twin = Item { request: 2, ..first.clone() };
        assert_eq!(api.vote(&voter.approve(&twin)).1["code"], "other-payment");
    }
    assert!(api.waiting(2).decided.is_empty());
    assert_eq!(files::entries(&world.home()).len(), 1);
    let nobody = Item { request: 99, ..second };
    assert_eq!(api.vote(&anna.approve(&nobody)).0, 404);
}

/// A person with two names approves nothing that was asked for under either.
#[test]
fn nobody_approves_what_they_asked_for_under_another_name() {
    let [anna, ben, chloe, _] = managers();
    let people = people();
    let key = format!("key = \"{}\"\n", anna.public());
    let known = people.replacen(&key, &format!("{key}callers = [\"desk\", \"owner\"]\n"), 1);
    assert_ne!(known, people);
    let world = World::new(programs!(), &bundle(&(known + SUPPLIES)));
    let agent = world.serve();
    assert!(!agent.log().contains("role approver"), "{}", agent.log());
    let mut api = agent.api();
    let (status, asked) = api.pay("k", "expenses", "Fresh Market", "60.00 EUR");
    assert_eq!(
        (status, &asked["approvals"][0]["missing"][0]["of"]),
        (202, &json!(["ben", "chloe"])),
        "{asked}"
    );
    let item = api.waiting(1).item;
    let (status, says) = api.vote(&anna.approve(&item));
    assert_eq!((status, &says["code"]), (409, &json!("requester")), "{says}");
    assert!(says["detail"].as_str().unwrap().contains("anna asked for it as owner"), "{says}");
    assert_eq!(api.vote(&ben.approve(&item)).0, 202);
    assert_eq!(api.vote(&chloe.approve(&item)).1["state"], "recorded");
    assert!(agent.stop().success());

    // What the policy does not say is told.
    let world = World::new(programs!(), &bundle(&(people + SUPPLIES)));
    let agent = world.serve();
    let says = "callers = [\"owner\"]";
    assert!(agent.log().contains("the caller owner has the role approver"), "{}", agent.log());
    let status = world.run(&["status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains(says), "{status:?}");
}

/// Every field of the JSON, and every signature: changed, moved, doubled, left out.
#[test]
fn forged_votes_are_no_votes() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    assert_eq!(api.pay("a", "expenses", "Fresh Market", "60.00 EUR").0, 202);
    assert_eq!(api.pay("b", "expenses", "Fresh Market", "60.00 EUR").0, 202);
    let items: Vec<_> = api.inbox().payments.into_iter().map(|payment| payment.item).collect();
    let [anna, ben, chloe, _] = managers();
    let both = anna.ballot(items.clone(), Verdict::Approve);
    let good: Value = serde_json::from_str(&both[0].to_json()).unwrap();
    let bens: Value = serde_json::from_str(&ben.approve(&items[0]).to_json()).unwrap();
    let refusal: Value = serde_json::from_str(&anna.refuse(&items[0]).to_json()).unwrap();
    let signature = &mut |vote: &mut Value| {
        vote["envelope"]["signatures"][0]["sig"] = bens["envelope"]["signatures"][0]["sig"].clone()
    };
    type Change<'a> = (&'a str, &'a mut dyn FnMut(&mut Value));
    let changes: [Change<'_>; 12] = [
        ("another signature", signature),
        ("another payload", &mut |vote| vote["envelope"]["payload"] = refusal["envelope"]["payload"].clone()),
        ("another key", &mut |vote| vote["envelope"]["signatures"][0]["keyid"] = json!(chloe.public())),
        ("another type", &mut |vote| {
            vote["envelope"]["payloadType"] = json!("application/vnd.bursar.freeze.v1+json")
        }),
        ("two signatures", &mut |vote| {
            let first = vote["envelope"]["signatures"][0].clone();
            vote["envelope"]["signatures"].as_array_mut().unwrap().push(first);
        }),
        ("no signature", &mut |vote| vote["envelope"]["signatures"] = json!([])),
        ("another place", &mut |vote| vote["index"] = json!(1)),
        ("another item", &mut |vote| vote["item"]["digest"] = json!("77".repeat(32))),
        ("another request", &mut |vote| vote["item"]["request"] = json!(2)),
        ("a longer proof", &mut |vote| vote["proof"].as_array_mut().unwrap().push(json!("00".repeat(32)))),
        ("no proof", &mut |vote| vote["proof"] = json!([])),
        ("one more field", &mut |vote| vote["item"]["amount"] = json!("1.00 EUR")),
    ];
    for (what, change) in changes {
        let mut vote = good.clone();
        change(&mut vote);
        assert_ne!(vote, good, "{what}");
        let (status, says) = api.send_json("/v1/votes", &vote.to_string());
        assert_eq!((status, &says["type"]), (400, &json!("urn:bursar:problem:statement")), "{what}: {says}");
    }
    for (body, expected) in [
        ("", 400),
        ("{}", 400),
        ("[]", 400),
        (&"[".repeat(10_000), 400),
        (&"x".repeat(17_000), 413),
        (&chloe.freeze(items[0].home, "expenses", 1).to_json(), 400),
    ] {
        assert_eq!(api.send("POST", "/v1/votes", "", body.as_bytes()).unwrap().status, expected);
        // Too large closes the connection.
        api = agent.api();
    }
    assert!(api.inbox().payments.iter().all(|payment| payment.decided.is_empty()));
    let forged = turned_away(&world);
    assert!(forged.iter().any(|(_, why)| why.contains("does not hold")), "{forged:?}");
    // And the vote itself is good, in whatever order its fields come.
    assert_eq!(api.send_json("/v1/votes", &good.to_string()).0, 202);
    assert!(Vote::parse(good.to_string().as_bytes()).is_ok());
}
