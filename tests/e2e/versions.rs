//! Versions of the policy bundle (faults 24 and 25): who puts one in force, and what that does to
//! everything that is under way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_core::approval::Verdict;
use bursar_core::hex::Hex;
use bursar_tests::api::Api;
use bursar_tests::clock::FakeClock;
use bursar_tests::files;
use bursar_tests::person::{Person, administrators, enact, keys, managers, with_people};
use bursar_tests::policy::{OPEN_HANDED, SUPPLIES, bundle, hash, version};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::{Value, json};

fn world(rules: &str) -> World {
    World::new(programs!(), &with_people(1, rules))
}

#[test]
fn the_file_is_only_a_wish_and_may_be_broken() {
    let world = world(OPEN_HANDED);
    let first = with_people(1, OPEN_HANDED);
    assert!(world.serve().stop().success());
    let path = world.home().join("policy.toml");
    let edited = with_people(2, &OPEN_HANDED.replace("supermarket", "casino"));
    for (n, (text, warning)) in [
        (Some(edited.as_str()), "policy.toml is not the bundle in force"),
        (Some("version = "), "policy.toml cannot be read"),
        (Some(""), "policy.toml cannot be read"),
        (None, "policy.toml cannot be read"),
    ]
    .into_iter()
    .enumerate()
    {
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let agent = world.serve();
        assert!(agent.log().contains(warning), "{}", agent.log());
        assert_eq!(agent.api().bundle(), first);
        let (status, denied) = agent.api().pay(&n.to_string(), "expenses", "Grand Casino", "1.00 EUR");
        assert_eq!((status, &denied["code"]), (403, &json!("no-rule")));
        assert!(agent.stop().success());
    }
    assert_eq!(files::bundles(&world.home()), [hash(&first)]);
}

#[test]
fn only_a_higher_version_with_its_quorum_comes_into_force() {
    let world = world(OPEN_HANDED);
    let second = with_people(2, &OPEN_HANDED.replace("[\"supermarket\"]", "[\"supermarket\", \"casino\"]"));
    let agent = world.serve();
    let mut api = agent.api();
    for (bundle, says) in [
        (with_people(1, SUPPLIES), "version 1 is in force"),
        ("version = 2\n[[allow]]".to_owned(), "missing field `name`"),
        (String::new(), "version"),
        (second.replace("decimals = 2", "decimals = 3"), "decimals"),
    ] {
        let refused = api.propose(&bundle, "change").unwrap_err();
        assert_eq!(refused["status"], 422, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains(says), "{says}: {refused}");
    }
    let refused = api.propose(&second, "break-glass").unwrap_err();
    assert!(refused["detail"].as_str().unwrap().contains("nobody for break-glass"), "{refused}");

    let proposal = api.propose(&second, "change").unwrap();
    assert_eq!(api.propose(&second, "change").unwrap().proposal, proposal.proposal, "the same once more");
    assert_eq!((proposal.need, proposal.policy.to_string()), (2, hash(&second)));
    let text = api.send("GET", "/v1/proposals/1/bundle", "", b"").unwrap().body;
    assert_eq!(String::from_utf8(text).unwrap(), second);
    let (home, [ada, bob]) = (api.inbox().home, administrators());
    let too_few = |api: &mut Api, have: Value| {
        let (status, says) = api.install(1);
        assert_eq!((status, &says["type"]), (409, &json!("urn:bursar:problem:too-few")), "{says}");
        assert_eq!((&says["need"], &says["have"]), (&json!(2), &have));
    };
    too_few(&mut api, json!([]));
    let yes = Verdict::Approve;
    let other = |previous: bool| {
        let mut other = proposal.clone();
        if previous {
            other.previous = Hex([7; 32])
        } else {
            other.version = 3
        }
        other
    };
    for (code, statement) in [
        // A manager's key, under either name, and an administrator's under the other's.
        ("unknown-key", managers()[1].change(home, &proposal, yes)),
        ("unknown-key", managers()[1].called("ada").change(home, &proposal, yes)),
        ("other-name", ada.called("bob").change(home, &proposal, yes)),
        ("other-home", ada.change(Hex([7; 16]), &proposal, yes)),
        ("other-policy", ada.change(home, &other(true), yes)),
        ("other-bundle", ada.change(home, &other(false), yes)),
        ("early", ada.ahead(3_600_000).change(home, &proposal, yes)),
        ("expired", ada.ahead(-7_200_000).change(home, &proposal, yes)),
    ] {
        let (status, says) = api.agree(&statement);
        assert_eq!((status, &says["code"]), (409, &json!(code)), "{says}");
    }
    // A yes to break-glass is none to a change, and a vote is no yes to a bundle.
    assert_eq!(api.agree(&managers()[0].break_glass(home, &proposal)).0, 404);
    assert_eq!(api.agree(&ada.freeze(home, "expenses", 1)).0, 400);
    too_few(&mut api, json!([]));
    assert_eq!(api.agree(&ada.change(home, &proposal, yes)).0, 200);
    assert_eq!(api.agree(&ada.change(home, &proposal, yes)).1["code"], "repeated");
    too_few(&mut api, json!(["ada"]));
    assert_eq!(api.pay("a", "expenses", "Grand Casino", "1.00 EUR").0, 403);
    assert_eq!(api.agree(&bob.change(home, &proposal, yes)).0, 200);
    files::copy_state(&world.home(), world.scratch());
    assert_eq!(api.install(1), (200, json!({ "state": "in-force", "version": 2, "until": null })));
    assert_eq!(api.install(1).0, 404, "once");
    // Without a restart.
    assert_eq!(api.pay("b", "expenses", "Grand Casino", "1.00 EUR").0, 201);
    assert_eq!(api.pay("a", "expenses", "Grand Casino", "1.00 EUR").0, 403, "what was denied stays so");
    for number in [1, 2] {
        let refused = api.propose(&with_people(number, OPEN_HANDED), "change").unwrap_err();
        assert!(refused["detail"].as_str().unwrap().contains("version 2 is in force"), "{refused}");
    }
    assert_eq!(files::bundles(&world.home()), [hash(&with_people(1, OPEN_HANDED)), hash(&second)]);
    let records = files::records(&world.home());
    let installed = records.iter().filter_map(|record| record.get("policy")).next_back().unwrap();
    assert_eq!(installed["proposal"], 1);
    // Also after a crash; and the token knows better than a book from before.
    agent.kill();
    let agent = world.serve();
    assert_eq!(agent.api().bundle(), second);
    agent.kill();
    for name in ["book.db", "book.db-wal", "book.db-shm"] {
        std::fs::copy(world.scratch().join(name), world.home().join(name)).unwrap();
    }
    let (code, says) = world.serve_refused();
    assert!(code == 7 && says.contains("older state"), "{says}");
}

#[test]
fn one_of_two_administrators_refuses_and_it_is_out_of_the_question() {
    let world = world(OPEN_HANDED);
    let agent = world.serve();
    let mut api = agent.api();
    let proposal = api.propose(&with_people(2, SUPPLIES), "change").unwrap();
    let (home, [ada, bob]) = (api.inbox().home, administrators());
    let agreed = ada.change(home, &proposal, Verdict::Approve);
    assert_eq!(api.agree(&agreed).1["state"], "counted");
    assert_eq!(api.agree(&bob.change(home, &proposal, Verdict::Refuse)).1["state"], "settled");
    assert!(api.inbox().proposals.is_empty());
    assert_eq!(
        (api.install(proposal.proposal).0, api.agree(&bob.change(home, &proposal, Verdict::Approve)).0),
        (404, 404)
    );
    let records = files::records(&world.home());
    let why = records.iter().find_map(|record| record.get("withdrawn")).unwrap();
    assert_eq!(why["why"], "bob refused it: not agreed");
    // Put forward again it is another proposal, with nobody's word.
    let again = api.propose(&with_people(2, SUPPLIES), "change").unwrap();
    assert_eq!((again.proposal, again.decided.len()), (2, 0));
    // What Ada signed for the first is not taken for the second.
    let (status, says) = api.agree(&agreed);
    assert_eq!((status, &says["code"]), (409, &"repeated".into()), "{says}");
    assert!(agent.stop().success());
    assert!(world.serve().api().inbox().proposals[0].proposal == 2);
}

/// Whoever is named anew decides from then on, and not before; the old quorum named them.
#[test]
fn new_administrators_need_the_old_quorum() {
    let world = world(OPEN_HANDED);
    let eve = Person::ed25519("eve", 31);
    let agent = world.serve();
    let mut api = agent.api();
    let mut second = with_people(2, OPEN_HANDED);
    let at = second.find("[administrators]").unwrap();
    let end = at + second[at..].find("[[allow]]").unwrap();
    second
        .replace_range(at..end, &format!("[administrators]\nneed = 1\n{}", keys(std::slice::from_ref(&eve))));
    let proposal = api.propose(&second, "change").unwrap();
    let home = api.inbox().home;
    assert_eq!(api.agree(&eve.change(home, &proposal, Verdict::Approve)).1["code"], "unknown-key");
    assert_eq!(api.install(proposal.proposal).0, 409);
    enact(&mut api, &second);
    let third = api.propose(&with_people(3, OPEN_HANDED), "change").unwrap();
    let [ada, _] = administrators();
    assert_eq!(api.agree(&ada.change(home, &third, Verdict::Approve)).1["code"], "unknown-key");
    assert_eq!(api.agree(&eve.change(home, &third, Verdict::Approve)).0, 200);
    assert_eq!(api.install(third.proposal).0, 200);
}

/// Names were looked up in one bundle, and another is in force when it is judged.
#[test]
fn a_bundle_swapped_in_mid_request_judges_the_request() {
    let world = world(OPEN_HANDED);
    let gate = world.scratch().join("gate");
    let mut command = world.command(&["serve"]);
    command.env("FAILPOINTS", format!("drafted=return({})", gate.display()));
    let agent = world.ready(command);
    let second = with_people(2, &OPEN_HANDED.replace("100.00", "10.00"));
    let answer = std::thread::scope(|scope| {
        let payment = scope.spawn(|| agent.api().pay("k", "expenses", "Fresh Market", "50.00 EUR"));
        enact(&mut agent.api(), &second);
        std::fs::write(&gate, "").unwrap();
        payment.join().unwrap()
    });
    assert_eq!((answer.0, &answer.1["code"]), (403, &json!("budget")), "{}", answer.1);
    assert_eq!(files::bundles(&world.home()), [hash(&with_people(1, OPEN_HANDED)), hash(&second)]);
}

/// Forty callers pay while three bundles come into force: each decision is by the one of its time.
#[test]
fn decisions_race_with_bundles() {
    let world = world(OPEN_HANDED);
    let agent = world.serve();
    std::thread::scope(|scope| {
        for n in 0..40 {
            let agent = &agent;
            scope.spawn(move || {
                let mut api = agent.api();
                for m in 0..4 {
                    let (status, says) = api.pay(&format!("{n} {m}"), "expenses", "Fresh Market", "1.00 EUR");
                    assert!(matches!(status, 201 | 202 | 403), "{says}");
                }
            });
        }
        for number in 2..5 {
            let caps = if number % 2 == 0 { "150.00" } else { "100.00" };
            enact(&mut agent.api(), &with_people(number, &OPEN_HANDED.replace("100.00", caps)));
        }
    });
    assert_eq!(files::bundles(&world.home()).len(), 4);
    assert!(files::entries(&world.home()).len() <= 150);
    assert!(agent.stop().success());
    assert!(world.run(&["audit", "verify"]).status.success());
}

/// What the token has not signed yet leaves only if the bundle in force would allow it, too.
#[test]
fn what_is_reserved_and_not_signed_is_judged_by_the_new_bundle() {
    let needs_people = format!("{OPEN_HANDED}approvals = [{{ need = 1, from = \"managers\" }}]\n");
    for (rules, code, says) in [
        (OPEN_HANDED.replace("1d", "2d"), 201, ""),
        (OPEN_HANDED.replace("supermarket", "casino"), 202, "no rule allows this payment"),
        (OPEN_HANDED.replace("100.00", "49.99"), 202, "0.00 EUR are used"),
        (needs_people, 202, "approvals before are void"),
    ] {
        for point in ["before-sign", "before-keep"] {
            let world = world(OPEN_HANDED);
            let gate = world.scratch().join("gate");
            let mut command = world.command(&["serve"]);
            command.env("FAILPOINTS", format!("{point}=return({})", gate.display()));
            let agent = world.ready(command);
            let (status, spend) = std::thread::scope(|scope| {
                let payment = scope.spawn(|| agent.api().pay("k", "expenses", "Fresh Market", "50.00 EUR"));
                agent.api().until(1, "reserved");
                enact(&mut agent.api(), &with_people(2, &rules));
                std::fs::write(&gate, "").unwrap();
                payment.join().unwrap()
            });
            assert_eq!(status, code, "{spend}");
            if code == 202 {
                assert_eq!(spend["state"], "reserved");
                let reason = spend["reason"].as_str().unwrap();
                assert!(reason.contains(says) && reason.contains("given back"), "{says}: {reason}");
            }
            let paid = files::entries(&world.home()).len();
            assert_eq!(paid, usize::from(code == 201), "{rules}");
            assert!(
                !files::records(&world.home())
                    .iter()
                    .any(|record| code == 202 && record.get("signed").is_some())
            );
        }
    }
}

/// The token was away when it was allowed; a retry does not sign what is forbidden now, and in the
/// end it is given back.
#[test]
fn a_retry_does_not_sign_what_is_forbidden_now() {
    let world = world(OPEN_HANDED);
    let clock = FakeClock::new(&world, "+0");
    let mut command = clock.command(&world, &["serve"]);
    command.env("FAILPOINTS", "token=1*return->off");
    let agent = world.ready(command);
    let mut api = agent.api();
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "50.00 EUR").0, 503);
    enact(&mut api, &with_people(2, &OPEN_HANDED.replace("supermarket", "casino")));
    for _ in 0..2 {
        let (status, spend) = api.pay("k", "expenses", "Fresh Market", "50.00 EUR");
        assert_eq!((status, &spend["state"]), (202, &json!("reserved")));
        assert!(spend["reason"].as_str().unwrap().contains("not gone on with"), "{spend}");
    }
    // Back to a bundle that allows it: it goes on.
    enact(&mut api, &with_people(3, OPEN_HANDED));
    api.until(1, "recorded");
    assert_eq!(files::entries(&world.home()).len(), 1);
}

#[test]
fn approvals_are_void_with_the_bundle_that_they_were_for() {
    let world = world(SUPPLIES);
    let agent = world.serve();
    let mut api = agent.api();
    assert_eq!(api.pay("k", "expenses", "Fresh Market", "60.00 EUR").0, 202);
    let before = api.waiting(1).item;
    let [anna, ben, ..] = managers();
    assert_eq!(api.vote(&anna.approve(&before)).0, 202);
    enact(&mut api, &format!("{}# the same rules\n", with_people(2, SUPPLIES)));
    let waiting = api.waiting(1);
    assert!(waiting.decided.is_empty());
    assert_eq!((waiting.item.digest, waiting.item.expires), (before.digest, before.expires));
    for voter in [&anna, &ben] {
        let (status, says) = api.vote(&voter.approve(&before));
        assert_eq!((status, &says["code"]), (409, &json!("other-policy")));
        assert!(says["detail"].as_str().unwrap().contains("the policy changed since"), "{says}");
        assert!(matches!(api.vote(&voter.approve(&waiting.item)).0, 201 | 202));
    }
    assert_eq!(files::entries(&world.home()).len(), 1);
    let (_, answer) = api.get("/v1/spends/1/approvals");
    assert_eq!(answer["votes"].as_array().unwrap().len(), 2, "those under the bundle in force");
}

#[test]
fn what_waits_is_judged_by_the_new_bundle() {
    let world = world(SUPPLIES);
    let agent = world.serve();
    let mut api = agent.api();
    for key in ["a", "b", "c"] {
        assert_eq!(api.pay(key, "expenses", "Fresh Market", "60.00 EUR").0, 202);
    }
    let item = api.waiting(1).item;
    assert_eq!(api.vote(&managers()[0].approve(&item)).0, 202);
    // Nobody is needed up to 60.00 any more: one is signed at once, for the others people are needed
    // again, as the sum to one recipient is above.
    enact(&mut api, &with_people(2, &SUPPLIES.replace("above = \"50.00", "above = \"60.00")));
    api.until(1, "recorded");
    assert_eq!(files::entries(&world.home()).len(), 1);
    let (_, votes) = api.get("/v1/spends/1/approvals");
    assert_eq!(votes["votes"], json!([]), "Anna's yes was to another bundle, and was not needed");
    let waiting: Vec<_> = api.inbox().payments.into_iter().map(|payment| payment.item.request).collect();
    assert_eq!(waiting, [2, 3]);
    // Fresh Market is a casino now, whoever has approved.
    let second = api.waiting(2).item;
    assert_eq!(api.vote(&managers()[0].approve(&second)).0, 202);
    let third =
        with_people(3, SUPPLIES).replace("categories = [\"supermarket\"]", "categories = [\"casino\"]");
    enact(&mut api, &third);
    for id in [2, 3] {
        let (_, denied) = api.get(&format!("/v1/spends/{id}"));
        assert_eq!((&denied["state"], &denied["denial"]["code"]), (&json!("denied"), &json!("no-rule")));
    }
    assert_eq!(files::bundles(&world.home()).len(), 3);
    assert!(agent.stop().success());
    assert!(world.serve().stop().success());
}

#[test]
fn a_changed_cap_resets_nothing_and_a_longer_window_knows_the_past() {
    let world = world(OPEN_HANDED);
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    let fits = |api: &mut Api, most: &str, over: &str| {
        for (amount, expected) in [(over, 403), (most, 201)] {
            let (status, says) = api.pay(&format!("{over} {amount}"), "expenses", "Fresh Market", amount);
            assert_eq!(status, expected, "{amount}: {says}");
        }
    };
    assert_eq!(api.pay("a", "expenses", "Fresh Market", "50.00 EUR").0, 201);
    enact(&mut api, &with_people(2, &OPEN_HANDED.replace("100.00", "60.00")));
    fits(&mut api, "10.00 EUR", "10.01 EUR");
    enact(&mut api, &with_people(3, &OPEN_HANDED.replace("100.00", "200.00")));
    fits(&mut api, "20.00 EUR", "140.01 EUR");
    // A day later that day's budget is free, but not the week's.
    clock.set("+25h");
    assert_eq!(api.post("/v1/clock/confirm").status, 200);
    fits(&mut api, "1.00 EUR", "200.01 EUR");
    enact(&mut api, &with_people(4, &OPEN_HANDED.replace("1d", "7d")));
    fits(&mut api, "19.00 EUR", "19.01 EUR");
    // Under another name, and each recipient's: as if it had always been there.
    let renamed = OPEN_HANDED.replace("name = \"groceries\"", "name = \"food\"");
    let renamed = renamed.replace("rolling = \"1d\"", "rolling = \"7d\", per = \"recipient\"");
    enact(&mut api, &with_people(5, &renamed.replace("100.00", "100.50")));
    fits(&mut api, "0.50 EUR", "0.51 EUR");
    agent.kill();
    let agent = clock.serve(&world);
    assert_eq!(agent.api().pay("more", "expenses", "Fresh Market", "0.01 EUR").0, 403, "the replay agrees");
}

#[test]
fn decimals_never_change_under_a_name() {
    let world = World::new(programs!(), &bundle(OPEN_HANDED));
    // Without a ledger that would know.
    world.edit(
        "config.toml",
        "kind = \"embedded\"\ngenesis = \"genesis.json\"",
        &format!("kind = \"none\"\nid = \"{}\"", "11".repeat(32)),
    );
    let agent = world.serve();
    let mut api = agent.api();
    assert_eq!(api.pay("a", "expenses", "Fresh Market", "50.00 EUR").0, 201);
    // A version without it in between makes no difference.
    let without = "version = 2\n[assets.USD]\ndecimals = 2\n";
    let proposal = api.propose(without, "change").unwrap();
    assert_eq!(api.install(proposal.proposal).0, 200);
    let third = version(3, OPEN_HANDED).replace("decimals = 2", "decimals = 3").replace("100.00", "100.000");
    let refused = api.propose(&third, "change").unwrap_err();
    assert!(refused["detail"].as_str().unwrap().contains("decimals of EUR"), "{refused}");
    assert!(agent.stop().success());
    std::fs::write(world.home().join("policy.toml"), &third).unwrap();
    let (code, says) = world.serve_refused();
    assert!(code != 0 && says.contains("decimals of EUR"), "{says}");
    std::fs::write(world.home().join("policy.toml"), version(3, OPEN_HANDED)).unwrap();
    assert!(world.serve().stop().success());
}

/// Where nobody has to agree, the file of the home is taken over with a start; over HTTP it takes a
/// caller who is there for that.
#[test]
fn without_administrators_the_file_decides_and_not_every_caller() {
    let approver = managers()[0].clone();
    let salaries = "[[allow]]\nname = \"salaries\"\ncategories = [\"employee\"]\n";
    let approved = "approvals = [{ need = 1, from = [\"anna\"] }]\n";
    let rules =
        format!("[approvers.anna]\nkey = \"{}\"\n{OPEN_HANDED}\n{salaries}{approved}", approver.public());
    let world = World::new(programs!(), &bundle(&rules));
    world.edit(
        "config.toml",
        "\"auditor\", \"administrator\"]\n# [callers.treasurer]",
        "\"auditor\"]\n# [callers.treasurer]",
    );
    let agent = world.serve();
    let mut api = agent.api();
    let second = version(2, &rules.replace("supermarket", "casino"));
    let proposal = api.propose(&second, "change").unwrap();
    let (status, says) = api.install(proposal.proposal);
    assert_eq!(status, 422, "{says}");
    assert!(says["detail"].as_str().unwrap().contains("role administrator"), "{says}");
    assert_eq!(api.pay("a", "expenses", "Grand Casino", "1.00 EUR").0, 403);
    // What waits is judged by it, too, and signed by the start itself.
    assert_eq!(api.pay("c", "expenses", "Anna", "1.00 EUR").1["state"], "waiting");
    assert!(agent.stop().success());
    let second = second.replace("approvals = [{ need = 1, from = [\"anna\"] }]\n", "");
    std::fs::write(world.home().join("policy.toml"), &second).unwrap();
    let agent = world.serve();
    assert_eq!(agent.api().pay("c", "expenses", "Anna", "1.00 EUR").0, 201);
    assert_eq!(agent.api().bundle(), second);
    assert_eq!(agent.api().pay("b", "expenses", "Grand Casino", "1.00 EUR").0, 201);
    assert_eq!(files::bundles(&world.home()).len(), 2);
}
