//! Who sees whose payments: whoever only asks sees what it asked for itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_tests::guest::{At, Guest};
use bursar_tests::person::{managers, people};
use bursar_tests::policy::{SUPPLIES, bundle, version};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect()
}

fn waiting(inbox: &Value) -> Vec<u64> {
    inbox["payments"].as_array().unwrap().iter().map(|one| one["item"]["request"].as_u64().unwrap()).collect()
}

#[test]
fn a_requester_sees_what_it_asked_for_itself() {
    let rules = people() + "[freeze]\nfrom = \"managers\"\nlift = 2\n\n" + SUPPLIES;
    let world = World::new(programs!(), &bundle(&rules));
    world.listen();
    let named = |name: &str, roles: &str| {
        let guest = Guest::new(world.scratch(), name, "ec");
        world.configure(&guest.caller(name, &format!("roles = {roles}")));
        guest
    };
    let phone = named("phone", r#"["requester"]"#);
    let laptop = named("laptop", r#"["requester", "node"]"#);
    let others = [
        named("the-approver", r#"["approver"]"#),
        named("the-auditor", r#"["auditor"]"#),
        named("the-administrator", r#"["administrator"]"#),
        named("both", r#"["requester", "auditor"]"#),
    ];
    let agent = world.serve();
    let at = At { address: world.listening(), trusted: world.home().join("certificate.pem") };
    // Paid, denied, and two that wait.
    assert_eq!(phone.pay(&at, "a", "5.00 EUR").status, 201);
    assert_eq!(phone.pay(&at, "b", "500.00 EUR").status, 403);
    assert_eq!(phone.pay(&at, "c", "60.00 EUR").status, 202);
    assert_eq!(laptop.pay(&at, "c", "70.00 EUR").status, 202);
    let [anna, ..] = managers();
    let mut api = agent.api();
    assert_eq!(api.propose(&version(2, &rules), "change").unwrap().proposal, 1);
    let freeze = anna.freeze(api.inbox().home, "expenses", 1);
    assert_eq!(api.send_json("/v1/freezes", &freeze.to_json()).0, 200);

    for (guest, own) in [(&phone, vec![3, 2, 1]), (&laptop, vec![4])] {
        assert_eq!(ids(&guest.ask(&at, "GET", "/v1/spends").body["spends"]), own);
        let inbox = guest.ask(&at, "GET", "/v1/inbox").body;
        assert_eq!(waiting(&inbox), own[..1], "the newest of its own is what waits");
        assert_eq!((&inbox["proposals"], &inbox["frozen"]), (&json!([]), &json!([])));
    }
    // What there is not, and what is not for it, look alike.
    for path in ["", "/envelope", "/receipt", "/approvals"] {
        let answer = |guest: &Guest, id: u64| {
            let got = guest.ask(&at, "GET", &format!("/v1/spends/{id}{path}"));
            (got.status, got.body.to_string().replace(&format!("spend {id}"), "spend N"))
        };
        let nothing = answer(&laptop, 99);
        assert_eq!(nothing.0, 404, "{nothing:?}");
        for id in [1, 2, 3] {
            assert_eq!(answer(&laptop, id), nothing, "{path}");
        }
        assert_eq!(answer(&phone, 1).0, 200, "{path} of its own");
        assert_eq!(answer(&laptop, 4).0, if ["", "/approvals"].contains(&path) { 200 } else { 404 });
        for other in &others {
            assert_eq!(answer(other, 1).0, 200, "{path}");
        }
    }
    for other in &others {
        assert_eq!(ids(&other.ask(&at, "GET", "/v1/spends").body["spends"]), [4, 3, 2, 1]);
        let inbox = other.ask(&at, "GET", "/v1/inbox").body;
        assert_eq!(waiting(&inbox), [3, 4]);
        assert_eq!(
            (inbox["proposals"].as_array().unwrap().len(), inbox["frozen"].as_array().unwrap().len()),
            (1, 1)
        );
    }
    // A key still stands for its payment.
    let again = phone.pay(&at, "a", "5.00 EUR");
    assert_eq!((again.status, &again.body["id"]), (201, &json!(1)));
}

#[test]
fn lists_are_read_page_by_page() {
    let world = World::new(programs!(), &bundle(&(people() + SUPPLIES)));
    let agent = world.serve();
    let mut api = agent.api();
    for payment in 0..5 {
        assert_eq!(api.pay(&payment.to_string(), "expenses", "Fresh Market", "60.00 EUR").0, 202);
    }
    for (query, found, next) in [
        ("", vec![1, 2, 3, 4, 5], None),
        ("?limit=2", vec![1, 2], Some(2)),
        ("?limit=2&after=2", vec![3, 4], Some(4)),
        ("?limit=2&after=4", vec![5], None),
        ("?limit=2&after=3", vec![4, 5], None),
        ("?after=5", vec![], None),
        ("?after=18446744073709551615", vec![], None),
        ("?limit=0", vec![], None),
    ] {
        let (status, page) = api.get(&format!("/v1/inbox{query}"));
        assert_eq!((status, waiting(&page), page["next"].as_u64()), (200, found, next), "{query}");
    }
    for (query, found, next) in [
        ("?limit=2", vec![5, 4], Some(4)),
        ("?limit=2&before=4", vec![3, 2], Some(2)),
        ("?limit=2&before=2", vec![1], None),
        ("?limit=1&before=2", vec![1], None),
    ] {
        let (status, page) = api.get(&format!("/v1/spends{query}"));
        assert_eq!((status, ids(&page["spends"]), page["next"].as_u64()), (200, found, next), "{query}");
    }
    for query in ["?limit=x", "?after=-1", "?before=1"] {
        assert_eq!(api.get(&format!("/v1/inbox{query}")).0, 400, "{query}");
    }
}
