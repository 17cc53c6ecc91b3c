//! Payments that wait have places, nobody takes those of all others, and what a caller who was removed
//! had asked for is not paid.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_tests::guest::{At, Guest};
use bursar_tests::person::{managers, people};
use bursar_tests::policy::{SUPPLIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

/// So many payments of one caller wait at the same time.
const EACH: usize = 4_000;

#[test]
fn one_caller_leaves_places_for_others() {
    let world = World::new(programs!(), &bundle(&(people() + SUPPLIES)));
    let phone = Guest::new(world.scratch(), "phone", "ec");
    world.listen();
    world.configure(&phone.caller("phone", ""));
    let agent = world.serve();
    std::thread::scope(|scope| {
        for client in 0..32 {
            let mut api = agent.api();
            scope.spawn(move || {
                for payment in (client..EACH).step_by(32) {
                    let (status, asked) =
                        api.pay(&format!("k{payment}"), "expenses", "Fresh Market", "60.00 EUR");
                    assert_eq!((status, &asked["state"]), (202, &"waiting".into()), "{asked}");
                }
            });
        }
    });
    let mut api = agent.api();
    let (status, denied) = api.pay("more", "expenses", "Fresh Market", "60.00 EUR");
    assert_eq!((status, &denied["code"]), (403, &"approval".into()), "{denied}");
    assert!(denied["detail"].as_str().unwrap().contains("4000 payments that owner asked for"), "{denied}");
    let at = At { address: world.listening(), trusted: world.home().join("certificate.pem") };
    let asked = phone.pay(&at, "k", "60.00 EUR");
    assert_eq!((asked.status, &asked.body["state"]), (202, &"waiting".into()), "{asked:?}");
    // All of them are found, page by page.
    let (_, page) = api.get("/v1/inbox");
    assert_eq!((page["payments"].as_array().unwrap().len(), &page["next"]), (100, &100.into()));
    let (_, page) = api.get("/v1/inbox?limit=5000&after=10");
    assert_eq!((page["payments"].as_array().unwrap().len(), &page["next"]), (1000, &1010.into()));
    let status = world.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["waiting"]["payments"], EACH + 1);
    // What needs nobody is paid all the same.
    assert_eq!(api.pay("small", "expenses", "Corner Pharmacy", "5.00 EUR").0, 201);
}

#[test]
fn what_a_removed_caller_asked_for_is_not_paid() {
    let world = World::new(programs!(), &bundle(&(people() + SUPPLIES)));
    let phone = Guest::new(world.scratch(), "phone", "ec");
    world.listen();
    world.configure(&phone.caller("phone", ""));
    let agent = world.serve();
    let at = At { address: world.listening(), trusted: world.home().join("certificate.pem") };
    let asked = phone.pay(&at, "k", "60.00 EUR");
    assert_eq!((asked.status, &asked.body["state"]), (202, &"waiting".into()), "{asked:?}");
    assert!(agent.stop().success());
    // Its key was stolen: whoever has it asks for nothing more, and what it asked for is not paid.
    world.edit("config.toml", &phone.caller("phone", ""), "");
    let agent = world.serve();
    let mut api = agent.api();
    let (item, [anna, ben, ..]) = (api.waiting(1).item, managers());
    assert_eq!(api.vote(&anna.approve(&item)).0, 202);
    let (status, denied) = api.vote(&ben.approve(&item));
    assert_eq!((status, &denied["code"]), (403, &"caller".into()), "{denied}");
    assert!(denied["detail"].as_str().unwrap().contains("phone, who asked for it"), "{denied}");
}
