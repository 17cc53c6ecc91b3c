//! An account that one manager stops at once, and that a quorum lets go on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_core::approval::Verdict;
use bursar_core::hex::Hex;
use bursar_tests::api::Api;
use bursar_tests::clock::FakeClock;
use bursar_tests::daemon::Daemon;
use bursar_tests::files;
use bursar_tests::person::{Person, enact, managers, people, rita};
use bursar_tests::policy::{SUPPLIES, version};
use bursar_tests::programs;
use bursar_tests::spec::Account;
use bursar_tests::world::World;
use serde_json::json;

/// Any manager stops an account, two of them let it go on; Dora approves, and is no manager.
fn rules(number: u64) -> String {
    version(number, &format!("{}[freeze]\nfrom = \"managers\"\nlift = 2\n{SUPPLIES}", people()))
}

fn world() -> World {
    World::with_accounts(
        programs!(),
        &rules(1).replace("accounts = [\"expenses\"]\n", ""),
        &[Account::new("expenses", "1000.00"), Account::new("petty", "1000.00")],
    )
}

fn stop(api: &mut Api, by: &Person, number: u8) {
    let freeze = by.freeze(api.inbox().home, "expenses", number);
    let (status, says) = api.send_json("/v1/freezes", &freeze.to_json());
    assert_eq!((status, &says["state"]), (200, &json!("settled")), "{says}");
}

fn lift(api: &mut Api, by: &Person, verdict: Verdict) -> (u16, serde_json::Value) {
    let inbox = api.inbox();
    let lift = by.lift(inbox.home, &inbox.frozen[0], verdict);
    api.send_json("/v1/lifts", &lift.to_json())
}

/// How many the book has made durable.
fn signatures(world: &World) -> usize {
    files::records(&world.home()).iter().filter(|record| record.get("signed").is_some()).count()
}

/// Waits for the record: the payment's row follows later.
fn until_signed(world: &World) {
    let begun = std::time::Instant::now();
    while signatures(world) == 0 {
        assert!(begun.elapsed().as_secs() < 9, "it is not signed");
    }
}

/// A payment that is signed, and whose account is stopped before it goes to the ledger; what it was answered.
fn stopped_before_it_is_sent(world: &World, by: &Person) -> (Daemon, (u16, serde_json::Value)) {
    let gate = world.scratch().join("gate");
    let mut command = world.command(&["serve"]);
    command.env("FAILPOINTS", format!("before-forward=return({})", gate.display()));
    let agent = world.ready(command);
    let answer = std::thread::scope(|scope| {
        let payment = scope.spawn(|| agent.api().pay("k", "expenses", "Fresh Market", "1.00 EUR"));
        until_signed(world);
        stop(&mut agent.api(), by, 1);
        std::fs::write(&gate, "").unwrap();
        payment.join().unwrap()
    });
    (agent, answer)
}

fn frozen(api: &mut Api, key: &str) {
    let (status, denied) = api.pay(key, "expenses", "Fresh Market", "1.00 EUR");
    assert_eq!((status, &denied["code"]), (403, &json!("frozen")), "{denied}");
    let detail = denied["detail"].as_str().unwrap();
    assert!(detail.contains("frozen by anna (card lost)") && detail.contains("2 of managers"), "{detail}");
}

#[test]
fn one_stops_it_at_once_and_two_let_it_go_on() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    let [anna, ben, chloe, dora] = managers();
    let home = api.inbox().home;
    assert_eq!(api.pay("before", "expenses", "Fresh Market", "1.00 EUR").0, 201);
    for (code, freeze) in [
        ("revoked", rita().freeze(home, "expenses", 1)),
        ("unknown-key", Person::ed25519("anna", 99).freeze(home, "expenses", 1)),
        ("other-name", anna.called("ben").freeze(home, "expenses", 1)),
        ("unknown-key", dora.freeze(home, "expenses", 1)),
        ("other-home", anna.freeze(Hex([7; 16]), "expenses", 1)),
        ("early", anna.ahead(3_600_000).freeze(home, "expenses", 1)),
    ] {
        let (status, says) = api.send_json("/v1/freezes", &freeze.to_json());
        assert_eq!((status, &says["code"]), (409, &json!(code)), "{says}");
    }
    // Better said than believed to be stopped.
    let (status, says) = api.send_json("/v1/freezes", &anna.freeze(home, "expense", 1).to_json());
    assert_eq!((status, &says["type"]), (422, &json!("urn:bursar:problem:unknown-account")), "{says}");
    assert!(says["detail"].as_str().unwrap().contains("expenses, petty"), "{says}");
    assert!(!agent.log().contains("FREEZE"), "{}", agent.log());
    assert!(api.inbox().frozen.is_empty());

    stop(&mut api, &anna, 1);
    assert!(agent.log().contains("FREEZE"), "{}", agent.log());
    frozen(&mut api, "a");
    let explained = r#"{"from":"expenses","to":"Fresh Market","amount":"1.00 EUR"}"#;
    assert_eq!(api.send_json("/v1/policy/explain", explained).1["denial"]["code"], "frozen");
    // No other amount would be allowed either.
    let large = r#"{"from":"expenses","to":"Fresh Market","amount":"500.00 EUR"}"#;
    let (_, large) = api.send_json("/v1/policy/explain", large);
    assert_eq!((&large["denial"]["code"], &large["instead"]), (&json!("frozen"), &serde_json::Value::Null));
    assert_eq!(api.pay("other account", "petty", "Fresh Market", "1.00 EUR").0, 201);
    assert_eq!(api.pay("before", "expenses", "Fresh Market", "1.00 EUR").0, 201, "its stored answer");
    // The same again, and another's: it is stopped.
    stop(&mut api, &anna, 1);
    stop(&mut api, &chloe, 2);
    // One is not enough, not twice either; nor is Dora, nor a no.
    assert_eq!(lift(&mut api, &ben, Verdict::Approve).1["state"], "counted");
    assert_eq!(lift(&mut api, &ben, Verdict::Approve).1["code"], "repeated");
    assert_eq!(lift(&mut api, &dora, Verdict::Approve).1["state"], "counted");
    assert_eq!(lift(&mut api, &rita(), Verdict::Approve).1["code"], "revoked");
    assert_eq!(lift(&mut api, &chloe, Verdict::Refuse).1["state"], "counted");
    frozen(&mut api, "b");
    // A restart and another policy change nothing about it.
    agent.kill();
    let explain =
        ["policy", "explain", "1.00", "EUR", "--from", "expenses", "--to", "Fresh Market", "--json"];
    let offline = world.run(&explain);
    let says: serde_json::Value = serde_json::from_slice(&offline.stdout).unwrap();
    assert_eq!((offline.status.code(), &says["denial"]["code"]), (Some(1), &json!("frozen")), "{says}");
    let agent = world.serve();
    let mut api = agent.api();
    frozen(&mut api, "c");
    enact(&mut api, &rules(2).replace("accounts = [\"expenses\"]\n", ""));
    frozen(&mut api, "d");
    assert_eq!(api.inbox().frozen[0].decided.len(), 3);
    assert_eq!(lift(&mut api, &anna, Verdict::Approve).1["state"], "settled");
    assert!(api.inbox().frozen.is_empty());
    assert_eq!(api.pay("e", "expenses", "Fresh Market", "1.00 EUR").0, 201);
    // Whoever kept a freeze and shows it again stops nothing: neither Anna's nor Chloe's.
    for old in [anna.freeze(home, "expenses", 1), chloe.freeze(home, "expenses", 2)] {
        // Signed in another second it would be another one.
        let records = files::records(&world.home());
        let mut kept = records.iter().filter_map(|record| record.get("frozen"));
        let kept = kept.find(|kept| kept["envelope"]["signatures"][0]["keyid"] == json!(old.key())).unwrap();
        let (status, says) = api.send_json("/v1/freezes", &kept["envelope"].to_string());
        assert_eq!((status, &says["code"]), (409, &json!("repeated")), "{says}");
    }
    assert_eq!(lift_unknown(&mut api, &ben), 404);
    assert_eq!(api.pay("f", "expenses", "Fresh Market", "1.00 EUR").0, 201);
    // A new one does.
    stop(&mut api, &anna, 3);
    frozen(&mut api, "g");
    assert!(agent.stop().success());
    assert!(world.run(&["audit", "verify"]).status.success());
}

/// A lift of what is not frozen.
fn lift_unknown(api: &mut Api, by: &Person) -> u16 {
    let frozen = bursar::book::inbox::Frozen {
        account: "expenses".parse().unwrap(),
        freeze: Hex([1; 32]),
        envelope: None,
        by: by.name().clone(),
        why: String::new(),
        since: bursar::clock::wall(),
        need: 2,
        from: Vec::new(),
        decided: Vec::new(),
        held: Vec::new(),
    };
    let lift = by.lift(api.inbox().home, &frozen, Verdict::Approve);
    api.send_json("/v1/lifts", &lift.to_json()).0
}

#[test]
fn what_waits_is_denied_when_its_quorum_completes() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    for key in ["a", "b"] {
        assert_eq!(api.pay(key, "expenses", "Fresh Market", "60.00 EUR").0, 202);
    }
    let [anna, ben, chloe, _] = managers();
    let (first, second) = (api.waiting(1).item, api.waiting(2).item);
    stop(&mut api, &anna, 1);
    // It may be lifted before the last one votes.
    assert_eq!(api.vote(&anna.approve(&first)).1["state"], "waiting");
    assert_eq!(api.vote(&anna.approve(&second)).1["state"], "waiting");
    let (status, denied) = api.vote(&ben.approve(&first));
    assert_eq!((status, &denied["code"]), (403, &json!("frozen")), "{denied}");
    for one in [&ben, &chloe] {
        assert_eq!(lift(&mut api, one, Verdict::Approve).0, 200);
    }
    assert_eq!(api.vote(&ben.approve(&second)).0, 201);
    assert_eq!(files::entries(&world.home()).len(), 1);
}

/// Between the decision and the token, or between the token and the book.
#[test]
fn what_is_on_its_way_is_not_signed_and_goes_on_after_the_lift() {
    for point in ["before-sign", "before-keep"] {
        let world = world();
        let gate = world.scratch().join("gate");
        let mut command = world.command(&["serve"]);
        command.env("FAILPOINTS", format!("{point}=return({})", gate.display()));
        let agent = world.ready(command);
        let [anna, ben, chloe, _] = managers();
        let (status, spend) = std::thread::scope(|scope| {
            let payment = scope.spawn(|| agent.api().pay("k", "expenses", "Fresh Market", "1.00 EUR"));
            agent.api().until(1, "reserved");
            stop(&mut agent.api(), &anna, 1);
            std::fs::write(&gate, "").unwrap();
            payment.join().unwrap()
        });
        assert_eq!((status, &spend["state"]), (202, &json!("reserved")), "{spend}");
        assert!(spend["reason"].as_str().unwrap().contains("its signature was dropped"), "{spend}");
        let mut api = agent.api();
        let (status, again) = api.pay("k", "expenses", "Fresh Market", "1.00 EUR");
        assert_eq!((status, &again["state"]), (202, &json!("reserved")));
        assert!(again["reason"].as_str().unwrap().contains("not gone on with"), "{again}");
        // The next start does not sign it either.
        agent.kill();
        let agent = world.serve();
        let mut api = agent.api();
        assert_eq!(api.get("/v1/spends/1").1["state"], "reserved");
        assert_eq!(signatures(&world), 0);
        assert!(files::entries(&world.home()).is_empty());
        for one in [&ben, &chloe] {
            assert_eq!(lift(&mut api, one, Verdict::Approve).0, 200);
        }
        api.until(1, "recorded");
        assert_eq!(files::entries(&world.home()).len(), 1);
    }
}

/// Signed, and killed before it was sent: while the account is frozen the next start sends nothing.
#[test]
fn what_is_signed_is_not_sent_again_while_it_is_frozen() {
    let world = world();
    let [anna, ben, chloe, _] = managers();
    let gate = world.scratch().join("gate");
    let mut command = world.command(&["serve"]);
    command.env("FAILPOINTS", format!("before-forward=return({})", gate.display()));
    let agent = world.ready(command);
    std::thread::scope(|scope| {
        let payment =
            scope.spawn(|| agent.try_api().unwrap().try_pay("k", "expenses", "Fresh Market", "1.00 EUR"));
        until_signed(&world);
        stop(&mut agent.api(), &anna, 1);
        let _ = rustix::process::kill_process(agent.pid(), rustix::process::Signal::KILL);
        assert!(payment.join().unwrap().is_err());
    });
    agent.kill();
    let agent = world.serve();
    let mut api = agent.api();
    let (status, spend) = api.pay("k", "expenses", "Fresh Market", "1.00 EUR");
    assert_eq!((status, &spend["state"]), (202, &json!("signed")), "{spend}");
    assert!(files::entries(&world.home()).is_empty());
    // Nor does the signature leave by another door: whoever has it could record it.
    assert_eq!(api.get("/v1/spends/1/envelope").0, 404);
    for one in [&ben, &chloe] {
        assert_eq!(lift(&mut api, one, Verdict::Approve).0, 200);
    }
    api.until(1, "recorded");
    assert_eq!(api.get("/v1/spends/1/envelope").0, 200);
    assert_eq!((signatures(&world), files::entries(&world.home()).len()), (1, 1), "the same signature");
}

/// Behind a clock that jumped nothing is decided, but an account can be stopped; and an older book
/// that does not know of it is refused.
#[test]
fn a_freeze_needs_no_trusted_clock_and_is_anchored_at_once() {
    let world = world();
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    assert_eq!(api.pay("a", "expenses", "Fresh Market", "1.00 EUR").0, 201);
    files::copy_state(&world.home(), world.scratch());
    clock.set("+2h");
    assert_eq!(api.pay("b", "expenses", "Fresh Market", "1.00 EUR").0, 503);
    let [anna, ben, chloe, _] = managers();
    stop(&mut api, &anna.ahead(2 * 3_600_000), 1);
    // Letting it go on is a decision.
    assert_eq!(lift(&mut api, &ben.ahead(2 * 3_600_000), Verdict::Approve).0, 503);
    assert_eq!(api.post("/v1/clock/confirm").status, 200);
    frozen(&mut api, "c");
    for one in [&ben, &chloe] {
        assert_eq!(lift(&mut api, &one.ahead(2 * 3_600_000), Verdict::Approve).0, 200);
    }
    assert_eq!(api.pay("d", "expenses", "Fresh Market", "1.00 EUR").0, 201);
    stop(&mut api, &ben.ahead(2 * 3_600_000), 4);
    // Signing a checkpoint waits for the anchor before it.
    assert_eq!(api.get("/readyz").0, 200);
    assert_eq!(api.send("GET", "/v1/audit/checkpoint", "", b"").unwrap().status, 200);
    agent.kill();
    for name in files::STATE {
        let _ = std::fs::remove_file(world.home().join(name));
    }
    files::copy_state(world.scratch(), &world.home());
    let (code, says) = world.serve_refused();
    assert!(code == 7 && says.contains("older state"), "{says}");
}

/// A yes that expired is nobody's yes any more: the inbox does not show it, and it may be said again.
#[test]
fn who_let_it_go_on_too_early_says_so_again() {
    let world = world();
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    let [anna, ben, chloe, _] = managers();
    stop(&mut api, &anna, 1);
    assert_eq!(lift(&mut api, &ben.for_millis(60_000), Verdict::Approve).1["state"], "counted");
    assert_eq!(api.inbox().frozen[0].decided.len(), 1);
    clock.set("+2m");
    assert!(api.inbox().frozen[0].decided.is_empty());
    assert_eq!(lift(&mut api, &chloe, Verdict::Approve).1["state"], "counted");
    frozen(&mut api, "a");
    assert_eq!(lift(&mut api, &ben.ahead(1000), Verdict::Approve).1["state"], "settled");
    assert!(api.inbox().frozen.is_empty());
}

#[test]
fn a_bundle_that_asks_for_fewer_lets_it_go_on() {
    let world = world();
    let agent = world.serve();
    let mut api = agent.api();
    let [anna, ben, ..] = managers();
    stop(&mut api, &anna, 1);
    assert_eq!(lift(&mut api, &ben, Verdict::Approve).1["state"], "counted");
    let rules = |number| rules(number).replace("accounts = [\"expenses\"]\n", "");
    enact(&mut api, &rules(2));
    frozen(&mut api, "a");
    enact(&mut api, &rules(3).replace("lift = 2", "lift = 1"));
    assert!(api.inbox().frozen.is_empty());
    assert_eq!(api.pay("b", "expenses", "Fresh Market", "1.00 EUR").0, 201);
    agent.kill();
    assert!(world.serve().api().inbox().frozen.is_empty());
}

/// Signed, durable, about to be sent: a freeze that is answered before stops it all the same.
#[test]
fn what_is_signed_and_not_sent_stays_until_the_lift() {
    let world = world();
    let [anna, ben, chloe, _] = managers();
    let (agent, (status, spend)) = stopped_before_it_is_sent(&world, &anna);
    assert_eq!((status, &spend["state"]), (202, &json!("signed")), "{spend}");
    assert!(spend["reason"].as_str().unwrap().contains("frozen by anna (card lost)"), "{spend}");
    let mut api = agent.api();
    assert_eq!(api.get("/v1/spends/1/envelope").0, 404);
    assert!(files::entries(&world.home()).is_empty());
    // Those who let the account go on see what goes on with it.
    assert_eq!(api.inbox().frozen[0].held, [1]);
    for one in [&ben, &chloe] {
        assert_eq!(lift(&mut api, one, Verdict::Approve).0, 200);
    }
    api.until(1, "recorded");
    assert_eq!((signatures(&world), files::entries(&world.home()).len()), (1, 1));
}

/// It was never sent: what the policy forbids since does not leave with the lift.
#[test]
fn what_is_signed_and_not_sent_is_judged_again_at_the_lift() {
    let world = world();
    let [anna, ben, chloe, _] = managers();
    let (agent, (status, _)) = stopped_before_it_is_sent(&world, &anna);
    assert_eq!(status, 202);
    let mut api = agent.api();
    enact(&mut api, &rules(2).replace("accounts = [\"expenses\"]\n", "accounts = [\"petty\"]\n"));
    for one in [&ben, &chloe] {
        assert_eq!(lift(&mut api, one, Verdict::Approve).0, 200);
    }
    let (status, spend) = api.pay("k", "expenses", "Fresh Market", "1.00 EUR");
    assert_eq!((status, &spend["state"]), (202, &json!("signed")), "{spend}");
    assert!(spend["reason"].as_str().unwrap().contains("not gone on with"), "{spend}");
    assert!(files::entries(&world.home()).is_empty());
}

/// Handed to a ledger that takes its time: the freeze says which, and does not wait for ever.
#[test]
fn a_freeze_names_what_the_ledger_has_already() {
    let world = world();
    let [anna, ..] = managers();
    let gate = world.scratch().join("gate");
    let mut command = world.command(&["serve"]);
    command.env("FAILPOINTS", format!("departed=return({})", gate.display()));
    let agent = world.ready(command);
    std::thread::scope(|scope| {
        let payment = scope.spawn(|| agent.api().pay("k", "expenses", "Fresh Market", "1.00 EUR"));
        until_signed(&world);
        let freeze = anna.freeze(agent.api().inbox().home, "expenses", 1);
        let (status, says) = agent.api().send_json("/v1/freezes", &freeze.to_json());
        assert_eq!((status, &says["on_their_way"]), (200, &json!([1])), "{says}");
        std::fs::write(&gate, "").unwrap();
        assert_eq!(payment.join().unwrap().0, 201);
    });
    // Asked again when it has arrived, nothing is on its way.
    let again = anna.freeze(agent.api().inbox().home, "expenses", 2);
    let (status, says) = agent.api().send_json("/v1/freezes", &again.to_json());
    assert_eq!((status, &says["on_their_way"]), (200, &json!([])), "{says}");
}
