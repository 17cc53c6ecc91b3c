//! Payments that wait for people: what they hold, who completes them, how they end, and what proves it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::process::{Command, Stdio};

use bursar_core::approval::{self, Verdict, Vote, tally};
use bursar_core::policy::Policy;
use bursar_tests::clock::FakeClock;
use bursar_tests::files;
use bursar_tests::person::{managers, people};
use bursar_tests::policy::{SUPPLIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn world() -> World {
    World::new(programs!(), &bundle(&(people() + SUPPLIES)))
}

/// SHA-256 over the bytes that are signed, DSSE's PAE, written by hand.
fn digest(payload: &str) -> String {
    const TYPE: &str = "application/vnd.bursar.transfer.v1+json";
    let pae = format!("DSSEv1 {} {TYPE} {} {payload}", TYPE.len(), payload.len());
    data_encoding::HEXLOWER.encode(&Sha256::digest(pae))
}

fn used(budgets: &Value) -> &Value {
    &budgets["budgets"][0]["used"]
}

#[test]
fn what_waits_holds_nothing_and_is_judged_again_whole() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    let (status, asked) = api.pay("k", "expenses", "Fresh Market", "60.00 EUR");
    assert_eq!((status, &asked["state"]), (202, &json!("waiting")), "{asked}");
    let missing = json!([{ "label": "managers", "need": 2, "have": [], "of": ["anna", "ben", "chloe"] }]);
    assert_eq!(asked["approvals"], json!([{ "rule": "supplies", "missing": missing }]));
    assert_eq!(used(&api.get("/v1/policy").1), "0.00 EUR");
    // What is decided on is what is shown: the exact bytes, and their digest.
    let payment = api.waiting(1);
    assert_eq!(payment.item.digest.to_string(), digest(payment.transfer.get()));
    let shown: Value = serde_json::from_str(payment.transfer.get()).unwrap();
    assert_eq!((&shown["amount"], &payment.caller.as_str()), (&json!("6000"), &"owner"));
    // The same again is the same; something else under this key is not.
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "60.00 EUR"), (202, asked));
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "60.01 EUR").0, 409);
    assert_eq!(api.inbox().payments.len(), 1);

    let [anna, ben, ..] = managers();
    let (status, one) = api.vote(&anna.approve(&payment.item));
    assert_eq!((status, &one["state"]), (202, &json!("waiting")));
    assert_eq!(one["approvals"][0]["missing"][0]["have"], json!(["anna"]));
    assert_eq!(api.get("/v1/spends/1").1, one, "whoever looks at it sees who has approved");
    // Another payment takes the budget meanwhile.
    assert_eq!(api.pay("other", "expenses", "Corner Pharmacy", "50.00 EUR").0, 201);
    let (status, denied) = api.vote(&ben.approve(&payment.item));
    assert_eq!((status, &denied["code"]), (403, &json!("budget")), "{denied}");
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "60.00 EUR").1["spend"], denied["spend"]);
    assert_eq!(used(&api.get("/v1/policy").1), "50.00 EUR");
    let (status, over) = api.vote(&managers()[2].approve(&payment.item));
    assert_eq!((status, &over["type"]), (409, &json!("urn:bursar:problem:over")), "{over}");
    assert_eq!(files::entries(&world.home()).len(), 1);
    assert!(agent.stop().success());
    assert!(world.run(&["audit", "verify"]).status.success());
}

/// A vote that does not complete the quorum decides nothing: neither does a full budget then.
#[test]
fn only_the_last_vote_has_it_judged() {
    let world = world();
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "60.00 EUR").0, 202);
    assert_eq!(api.pay("other", "expenses", "Corner Pharmacy", "50.00 EUR").0, 201);
    let item = api.waiting(1).item;
    let [anna, ben, ..] = managers();
    assert_eq!(api.vote(&anna.for_millis(24 * 7 * 3_600_000).approve(&item)).1["state"], "waiting");
    // Behind a clock that jumped nobody decides; behind one that stepped back nothing is undone.
    clock.set("+1h");
    let (status, suspect) = api.vote(&ben.approve(&item));
    assert_eq!((status, &suspect["type"]), (503, &json!("urn:bursar:problem:clock-suspect")), "{suspect}");
    clock.set("-1m");
    let (status, denied) = api.vote(&ben.approve(&item));
    assert_eq!((status, &denied["code"]), (403, &json!("budget")));
}

#[test]
fn two_of_three_approve_and_the_exact_bytes_are_recorded() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "60.00 EUR").0, 202);
    let payment = api.waiting(1);
    let [anna, _, chloe, _] = managers();
    assert_eq!(api.vote(&chloe.approve(&payment.item)).0, 202);
    assert_eq!(api.get("/v1/spends/1/approvals").1["votes"], json!([]), "nothing was allowed yet");
    let (status, paid) = api.vote(&anna.approve(&payment.item));
    assert_eq!((status, &paid["state"]), (201, &json!("recorded")), "{paid}");
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "60.00 EUR"), (201, paid.clone()));
    assert_eq!(api.get("/v1/spends/1").1, paid);

    let entries = files::entries(&world.home());
    assert_eq!(entries.len(), 1);
    let bytes = Sha256::digest(payment.transfer.get());
    assert_eq!(entries[0].digest, data_encoding::HEXLOWER.encode(&bytes), "the bytes of the inbox");
    assert_eq!(paid["digest"], payment.item.digest.to_string());
    assert_eq!(used(&api.get("/v1/policy").1), "60.00 EUR");

    // The approvals go with the payment, and hold without an agent.
    let (_, answer) = api.get("/v1/spends/1/approvals");
    let votes: Vec<Vote> = answer["votes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vote| Vote::parse(vote.to_string().as_bytes()).unwrap())
        .collect();
    let policy = Policy::parse(&bundle(&(people() + SUPPLIES))).unwrap();
    let asked = approval::Asked { item: payment.item, requester: "owner".parse().unwrap() };
    let counted = tally(policy.roster(), &asked, bursar::clock::wall(), &votes);
    assert_eq!(counted.approved, ["anna", "chloe"].map(|name| name.parse().unwrap()).into());
    assert!(counted.not_counted.is_empty() && counted.refused.is_empty(), "{counted:?}");
    in_python(&answer["votes"], &asked.item.digest.to_string());
    assert!(agent.stop().success());
    assert!(world.run(&["audit", "verify"]).status.success());
}

/// By libraries that are not ours: envelopes, and the way from each item to its ballot's root.
fn in_python(votes: &Value, digest: &str) {
    let python = std::env::var_os("BURSAR_TEST_PYTHON").expect("BURSAR_TEST_PYTHON: run tests/run");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/votes.py");
    let mut command = Command::new(python);
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(votes.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let expected = format!("anna approve {digest}\nchloe approve {digest}\n");
    let mut lines: Vec<_> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.join("\n") + "\n", expected);
}

#[test]
fn what_nobody_approves_in_time_lapses() {
    let world = world();
    world.edit("config.toml", "# approval-for = \"3d\"", "approval-for = \"1m\"");
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    for key in ["a", "b"] {
        assert_eq!(api.pay(key, "expenses", "Fresh Market", "60.00 EUR").0, 202);
    }
    let [anna, ben, ..] = managers();
    let (first, second) = (api.waiting(1).item, api.waiting(2).item);
    assert_eq!(first.expires.millis() % 1000, 0);
    assert_eq!(api.vote(&anna.approve(&first)).0, 202);
    clock.set("+90s");
    // The last vote that was missing comes too late.
    let (status, over) = api.vote(&ben.ahead(60_000).approve(&first));
    assert_eq!(
        (status, &over["type"], &over["spend"]["state"]),
        (409, &json!("urn:bursar:problem:over"), &json!("denied"))
    );
    assert_eq!(over["spend"]["denial"]["code"], "lapsed");
    assert!(over["spend"]["reason"].as_str().unwrap().contains("has anna; ben, chloe can"), "{over}");
    assert_eq!(api.pay("a", "expenses", "Fresh Market", "60.00 EUR").1["code"], "lapsed");
    agent.kill();
    // What nobody touched has lapsed, too, with the next start.
    let agent = clock.serve(&world);
    let mut api = agent.api();
    let second = api.until(second.request, "denied");
    assert_eq!(second["denial"]["code"], "lapsed");
    assert!(api.inbox().payments.is_empty());
    assert!(files::entries(&world.home()).is_empty());
    let lapsed = files::records(&world.home());
    let lapsed = lapsed.iter().filter(|record| record["denied"]["denial"]["code"] == "lapsed");
    assert_eq!(lapsed.count(), 2);
}

/// An approval that is not completed in its own time does not count any more; another one may.
#[test]
fn an_approval_expires_before_the_payment_does() {
    let world = world();
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    assert_eq!(api.pay("a", "expenses", "Fresh Market", "60.00 EUR").0, 202);
    let item = api.waiting(1).item;
    let [anna, ben, ..] = managers();
    assert_eq!(api.vote(&anna.for_millis(60_000).refuse(&item)).0, 202);
    clock.set("+2m");
    assert_eq!(api.vote(&ben.approve(&item)).1["state"], "waiting");
    // Anna's no is over; her yes is another decision, and the only one of hers that goes with the payment.
    let (status, paid) = api.vote(&anna.ahead(60_000).approve(&item));
    assert_eq!(status, 201, "{paid}");
    let (_, answer) = api.get("/v1/spends/1/approvals");
    let votes = answer["votes"].as_array().unwrap();
    let signed = votes.iter().map(|vote| Vote::parse(vote.to_string().as_bytes()).unwrap());
    let verdicts: Vec<_> = signed.map(|vote| vote.ballot().statement().verdict).collect();
    assert_eq!(verdicts, [Verdict::Approve, Verdict::Approve]);
}

#[test]
fn a_refusal_is_final_for_whoever_made_it_and_for_all_when_the_others_are_too_few() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    for key in ["a", "b"] {
        assert_eq!(api.pay(key, "expenses", "Fresh Market", "60.00 EUR").0, 202);
    }
    let [anna, ben, chloe, _] = managers();
    let (first, second) = (api.waiting(1).item, api.waiting(2).item);
    // Two of three are left.
    assert_eq!(api.vote(&anna.refuse(&first)).1["state"], "waiting");
    let (status, again) = api.vote(&anna.approve(&first));
    assert_eq!((status, &again["code"]), (409, &json!("repeated")), "{again}");
    assert_eq!(api.vote(&ben.approve(&first)).1["state"], "waiting");
    assert_eq!(api.vote(&chloe.approve(&first)).0, 201);
    // One is left, and two are needed.
    assert_eq!(api.vote(&ben.refuse(&second)).1["state"], "waiting");
    let (status, denied) = api.vote(&chloe.refuse(&second));
    assert_eq!((status, &denied["code"], &denied["rule"]), (403, &json!("approval"), &json!("supplies")));
    assert!(denied["detail"].as_str().unwrap().contains("ben refused it: not agreed"), "{denied}");
    assert_eq!(api.vote(&anna.approve(&second)).0, 409);
    // Who said no stays to be seen.
    assert_eq!(api.get("/v1/spends/2/approvals").1["votes"].as_array().unwrap().len(), 2);
    assert_eq!(files::entries(&world.home()).len(), 1);
    assert_eq!(api.pay("b", "expenses", "Fresh Market", "60.00 EUR").0, 403);
}

/// "2 of managers and 1 of finance", and Chloe is in both: three people, each in one place.
#[test]
fn several_groups_at_once_and_one_person_one_vote() {
    let rules = r#"
[[allow]]
name = "books"
categories = ["supermarket"]
approvals = [{ need = 2, from = "managers" }, { need = 1, from = "finance" }]
"#;
    let world = World::new(programs!(), &bundle(&(people() + rules)));
    let agent = world.serve();
    let mut api = agent.api();
    for key in ["a", "b", "c"] {
        assert_eq!(api.pay(key, "expenses", "Fresh Market", "1.00 EUR").0, 202);
    }
    let [anna, ben, chloe, dora] = managers();
    let [first, second, third] = [1, 2, 3].map(|id| api.waiting(id).item);
    for voter in [&chloe, &anna] {
        assert_eq!(api.vote(&voter.approve(&first)).1["state"], "waiting");
    }
    // Chloe fills the place in finance, now that Ben is the second manager.
    assert_eq!(api.vote(&ben.approve(&first)).0, 201);
    // Dora refuses: Chloe could still be finance's, if Anna and Ben are the managers.
    assert_eq!(api.vote(&chloe.approve(&second)).1["state"], "waiting");
    assert_eq!(api.vote(&dora.refuse(&second)).1["state"], "waiting");
    assert_eq!(api.vote(&anna.approve(&second)).1["state"], "waiting");
    assert_eq!(api.vote(&ben.approve(&second)).0, 201);
    // Without Dora and one manager nobody can make it good.
    assert_eq!(api.vote(&dora.refuse(&third)).1["state"], "waiting");
    let (status, denied) = api.vote(&anna.refuse(&third));
    assert_eq!((status, &denied["code"]), (403, &json!("approval")), "{denied}");
}

#[test]
fn splitting_a_payment_does_not_stay_under_the_quorum() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    let states = |api: &mut bursar_tests::api::Api, to: &str| {
        let pay = |n| api.pay(&format!("{to} {n}"), "expenses", to, "20.00 EUR").0;
        (0..3).map(pay).collect::<Vec<_>>()
    };
    // Up to 50.00 to one recipient; the third would make 60.00.
    assert_eq!(states(&mut api, "Fresh Market"), [201, 201, 202]);
    assert_eq!(states(&mut api, "Corner Pharmacy"), [201, 201, 202]);
    let item = api.waiting(3).item;
    let [anna, ben, ..] = managers();
    assert_eq!(api.vote(&anna.approve(&item)).0, 202);
    assert_eq!(api.vote(&ben.approve(&item)).0, 201);
    // And 100.00 in all: nobody is asked for what the budget does not have.
    let (status, denied) = api.pay("more", "expenses", "Fresh Market", "20.00 EUR");
    assert_eq!((status, &denied["code"]), (403, &json!("budget")));
}

#[test]
fn forty_salaries_with_one_signature_of_each() {
    let rules = r#"
[[allow]]
name = "payroll"
categories = ["employee"]
approvals = [{ need = 2, from = "managers" }]
"#;
    let world = World::new(programs!(), &bundle(&(people() + rules)));
    let agent = world.serve();
    let mut api = agent.api();
    for n in 0..40 {
        assert_eq!(api.pay(&format!("salary {n}"), "expenses", "Anna", "20.00 EUR").0, 202);
    }
    let items: Vec<_> = api.inbox().payments.into_iter().map(|payment| payment.item).collect();
    let [_, ben, chloe, _] = managers();
    for vote in ben.ballot(items.clone(), Verdict::Approve) {
        assert_eq!(api.vote(&vote).0, 202);
    }
    let votes = chloe.ballot(items, Verdict::Approve);
    let digests: std::collections::BTreeSet<_> = votes.iter().map(|vote| vote.ballot().digest()).collect();
    assert_eq!((votes.len(), digests.len()), (40, 1), "one signature");
    for vote in &votes {
        assert_eq!(api.vote(vote).0, 201);
    }
    let entries = files::entries(&world.home());
    assert_eq!(entries.iter().map(files::Entry::units).sum::<u64>(), 80_000);
    assert!(api.inbox().payments.is_empty());
}
