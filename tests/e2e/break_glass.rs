//! A bundle for an emergency: its quorum, its day, and its end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_core::approval::Verdict;
use bursar_tests::api::Api;
use bursar_tests::clock::FakeClock;
use bursar_tests::files;
use bursar_tests::person::{administrators, enact, managers, with_people};
use bursar_tests::policy::{OPEN_HANDED, SUPPLIES, hash, version};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::json;

const BREAK_GLASS: &str = "\n[break-glass]\nneed = 2\nfrom = \"managers\"\n";

/// A bundle with break-glass put in force by two managers: the emergency bundle, and the home.
fn broken(world: &World, api: &mut Api) -> String {
    // The emergency bundle names no administrators, which opens nothing.
    let emergency = version(7, &OPEN_HANDED.replace("supermarket", "casino"));
    let proposal = api.propose(&emergency, "break-glass").unwrap();
    let (home, [anna, ben, _, dora]) = (api.inbox().home, managers());
    assert_eq!((proposal.need, proposal.from.len()), (2, 3));
    let [ada, bob] = administrators();
    for one in [&ada, &bob] {
        assert_eq!(api.agree(&one.change(home, &proposal, Verdict::Approve)).0, 404);
        assert_eq!(api.agree(&one.break_glass(home, &proposal)).1["code"], "unknown-key");
    }
    for one in [&anna, &dora] {
        assert_eq!(api.agree(&one.break_glass(home, &proposal)).0, 200);
    }
    let (status, says) = api.install(proposal.proposal);
    assert_eq!((status, &says["need"]), (409, &json!(2)), "Dora is no manager: {says}");
    assert_eq!(api.agree(&ben.break_glass(home, &proposal)).0, 200);
    let (status, says) = api.install(proposal.proposal);
    assert_eq!((status, &says["version"]), (200, &json!(7)), "{says}");
    let until: bursar_core::time::Timestamp = says["until"].as_str().unwrap().parse().unwrap();
    assert_eq!(api.inbox().until, Some(until));
    let records = files::records(&world.home());
    let record = records.iter().filter_map(|record| record.get("policy")).next_back().unwrap();
    let at: bursar_core::time::Timestamp = record["at"].as_str().unwrap().parse().unwrap();
    assert_eq!(until.millis() - at.millis(), 24 * 3_600_000);
    emergency
}

#[test]
fn break_glass_lasts_a_day_and_ends_by_itself() {
    let rules = format!("{BREAK_GLASS}{SUPPLIES}");
    let first = with_people(1, &rules);
    let world = World::new(programs!(), &first);
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    let emergency = broken(&world, &mut api);
    assert!(agent.log().contains("BREAK-GLASS"), "{}", agent.log());
    assert_eq!(api.pay("a", "expenses", "Grand Casino", "1.00 EUR").0, 201);
    for way in ["change", "break-glass"] {
        let refused = api.propose(&version(8, OPEN_HANDED), way).unwrap_err();
        assert!(refused["detail"].as_str().unwrap().contains("comes back first"), "{refused}");
    }
    // A restart meanwhile takes nothing else over, though the bundle of the day names no administrators.
    assert!(agent.stop().success());
    std::fs::write(world.home().join("policy.toml"), version(9, OPEN_HANDED)).unwrap();
    let agent = clock.serve(&world);
    let mut api = agent.api();
    assert_eq!(api.bundle(), emergency);
    clock.set("+23h");
    assert_eq!(api.post("/v1/clock/confirm").status, 200);
    assert_eq!(api.pay("b", "expenses", "Grand Casino", "1.00 EUR").0, 201);
    clock.set("+25h");
    assert_eq!(api.pay("c", "expenses", "Grand Casino", "1.00 EUR").0, 503, "the clock jumped");
    assert_eq!(api.post("/v1/clock/confirm").status, 200);
    let (status, denied) = api.pay("c", "expenses", "Grand Casino", "1.00 EUR");
    assert_eq!((status, &denied["code"]), (403, &json!("no-rule")), "{denied}");
    assert_eq!((api.bundle(), api.inbox().until), (first.clone(), None));
    assert!(agent.log().contains("break-glass is over"), "{}", agent.log());
    assert_eq!(files::bundles(&world.home()), [hash(&first), hash(&emergency), hash(&first)]);
    // An ordinary change goes on from the version before.
    enact(&mut api, &with_people(2, &rules));
}

#[test]
fn break_glass_ends_while_the_agent_is_down() {
    let first = with_people(1, &format!("{BREAK_GLASS}{SUPPLIES}"));
    let world = World::new(programs!(), &first);
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    broken(&world, &mut api);
    assert_eq!(api.pay("a", "expenses", "Fresh Market", "1.00 EUR").0, 403, "not what it was for");
    agent.kill();
    clock.set("+25h");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    assert_eq!(api.post("/v1/clock/confirm").status, 200);
    assert_eq!(api.pay("b", "expenses", "Grand Casino", "1.00 EUR").0, 403);
    assert_eq!(api.pay("c", "expenses", "Fresh Market", "1.00 EUR").0, 201);
    assert_eq!(api.bundle(), first);
}

/// Its day is over while nothing is written: nobody is shown it as in force.
#[test]
fn what_is_shown_is_as_of_now() {
    let first = with_people(1, &format!("{BREAK_GLASS}{SUPPLIES}"));
    let world = World::new(programs!(), &first);
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    let emergency = broken(&world, &mut api);
    let show = |args: &[&str]| {
        let output = clock.command(&world, args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let until = api.inbox().until.unwrap().to_string();
    assert_eq!(api.get("/v1/policy").1["until"], until.as_str());
    for args in [["policy", "show"].as_slice(), &["status"]] {
        let shown = show(args);
        assert!(shown.contains("BREAK-GLASS") && shown.contains(&until), "{shown}");
    }
    clock.set("+25h");
    assert_eq!(api.bundle(), emergency, "the time stands still while the clock is suspect");
    assert_eq!(api.post("/v1/clock/confirm").status, 200);
    // Before the agent looks at what is over, which it does every few seconds.
    let (inbox, shown) = (api.inbox(), api.get("/v1/policy").1);
    assert_eq!((inbox.until, inbox.version), (None, 1));
    assert_eq!((&shown["until"], &shown["version"]), (&json!(null), &json!(1)));
    assert_eq!(api.bundle(), first);
    assert_eq!(api.get("/v1/policy/lineage").1["break_glass"], json!(null));
}

#[test]
fn without_the_agent_what_is_over_is_not_shown() {
    let world = World::new(programs!(), &with_people(1, &format!("{BREAK_GLASS}{SUPPLIES}")));
    world.edit("config.toml", "# clock-tolerance = \"5m\"", "clock-tolerance = \"30h\"");
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    broken(&world, &mut agent.api());
    agent.kill();
    let show = |args: &[&str]| {
        let output = clock.command(&world, args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for (offset, is_on) in [("+23h", true), ("+25h", false)] {
        clock.set(offset);
        for args in [["policy", "show"].as_slice(), &["status"]] {
            assert_eq!(show(args).contains("BREAK-GLASS"), is_on, "{offset} {args:?}");
        }
        let shown = show(&["policy", "show"]);
        let line = shown.lines().find(|line| line.starts_with("version")).unwrap_or_default();
        assert_eq!(line.split_whitespace().last(), Some(if is_on { "7" } else { "1" }), "{shown}");
    }
}

/// Whoever kept the signatures of an emergency opens nothing with them later, and what a change of
/// the bundle made void stays void when that bundle comes back.
#[test]
fn a_signature_serves_once() {
    let world = World::new(programs!(), &with_people(1, &format!("{BREAK_GLASS}{SUPPLIES}")));
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    let home = api.inbox().home;
    let [anna, ben, ..] = managers().map(|manager| manager.for_millis(7 * 24 * 3_600_000));
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "60.00 EUR").0, 202);
    let item = api.waiting(1).item;
    let vote = anna.for_millis(2 * 24 * 3_600_000).approve(&item);
    assert_eq!(api.vote(&vote).0, 202);
    assert_eq!(api.inbox().payments[0].decided.len(), 1);

    let emergency = with_people(7, &SUPPLIES.replace("100.00", "200.00"));
    let first = api.propose(&emergency, "break-glass").unwrap();
    let signed = [&anna, &ben].map(|one| one.break_glass(home, &first));
    signed.iter().for_each(|one| assert_eq!(api.agree(one).0, 200));
    assert_eq!(api.install(first.proposal).0, 200);
    clock.set("+25h");
    assert_eq!(api.post("/v1/clock/confirm").status, 200);

    let again = api.propose(&emergency, "break-glass").unwrap();
    assert_ne!(again.proposal, first.proposal);
    for one in &signed {
        let (status, says) = api.agree(one);
        assert_eq!((status, &says["code"]), (409, &json!("repeated")), "{says}");
    }
    assert_eq!(api.install(again.proposal).0, 409);
    let (status, says) = api.vote(&vote);
    assert_eq!((status, &says["code"]), (409, &json!("repeated")), "{says}");
    // A restart has not forgotten it.
    agent.kill();
    let agent = clock.serve(&world);
    let mut api = agent.api();
    assert_eq!(api.agree(&signed[0]).1["code"], "repeated");
    assert_eq!(api.vote(&vote).1["code"], "repeated");
    assert!(api.inbox().payments[0].decided.is_empty());
    // Signed anew it counts.
    let day = 25 * 3_600_000;
    assert_eq!(api.agree(&anna.ahead(day).break_glass(home, &again)).0, 200);
    assert_eq!(api.vote(&anna.for_millis(3_600_000).ahead(day).approve(&item)).0, 202);
    assert_eq!(api.inbox().payments[0].decided.len(), 1);
}
