//! The clock steps back (fault 15) or jumps forward (fault 16), by libfaketime.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_tests::clock::FakeClock;
use bursar_tests::files;
use bursar_tests::policy::{BUDGET, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

/// One day's money.
const DAILY: &str = r#"
[[allow]]
name = "daily"
accounts = ["expenses"]
categories = ["supermarket"]
budget = { amount = "100.00 EUR", calendar = "day" }
"#;

fn refuses_as_suspect(world: &World, answer: &bursar_tests::api::Answer, recorded: usize) {
    let says = answer.json();
    assert_eq!(
        (answer.status, says["type"].as_str()),
        (503, Some("urn:bursar:problem:clock-suspect")),
        "{says}"
    );
    assert!(answer.header("retry-after").is_some());
    assert!(says["detail"].as_str().unwrap().contains("bursar clock confirm"), "{says}");
    assert_eq!(files::entries(&world.home()).len(), recorded);
}

#[test]
fn only_the_wall_clock_is_turned() {
    let world = World::new(programs!(), &bundle(BUDGET));
    let clock = FakeClock::new(&world, "+2h");
    let agent = clock.serve(&world);
    assert_eq!(agent.api().post("/v1/clock/confirm").status, 200);
    agent.kill();
    let sighting = files::sighting(&world.home());
    let up: f64 =
        std::fs::read_to_string("/proc/uptime").unwrap().split(' ').next().unwrap().parse().unwrap();
    let seen = sighting["uptime"].as_i64().unwrap() as f64 / 1000.0;
    assert!((up - seen).abs() < 60.0, "CLOCK_BOOTTIME was turned as well: {up} and {seen}");
    let wall: bursar_core::time::Timestamp = sighting["wall"].as_str().unwrap().parse().unwrap();
    let ahead = wall.millis() - bursar::clock::wall().millis();
    assert!((7_000_000..7_300_000).contains(&ahead), "the wall clock was not turned: {ahead}");
}

#[test]
fn a_step_back_reopens_no_rolling_window() {
    let world = World::new(programs!(), &bundle(BUDGET));
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    for key in ["a", "b"] {
        assert_eq!(api.marked(key, "Fresh Market", "50.00 EUR").unwrap().status, 201);
    }
    for (n, offset) in ["-1h", "-8d", "-400d", "+0"].into_iter().enumerate() {
        clock.set(offset);
        let denied = api.marked(&format!("running {n}"), "Fresh Market", "0.01 EUR").unwrap();
        // Back at the right time no time has passed, which is no jump either.
        assert_eq!((denied.status, denied.json()["code"].as_str()), (403, Some("budget")), "{offset}");
    }
    clock.set("-8d");
    assert!(agent.stop().success());
    let agent = clock.serve(&world);
    let denied = agent.api().marked("restarted", "Fresh Market", "0.01 EUR").unwrap();
    assert_eq!((denied.status, denied.json()["code"].as_str()), (403, Some("budget")));
    assert_eq!(files::entries(&world.home()).len(), 2);
}

#[test]
fn a_step_back_reopens_no_calendar_day() {
    let world = World::new(programs!(), &bundle(DAILY));
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    assert_eq!(api.marked("a", "Fresh Market", "100.00 EUR").unwrap().status, 201);
    for offset in ["-1d", "-2d", "-31d"] {
        clock.set(offset);
        let denied = api.marked(offset, "Fresh Market", "0.01 EUR").unwrap();
        assert_eq!((denied.status, denied.json()["code"].as_str()), (403, Some("budget")), "{offset}");
    }
}

/// What the budget leaves is still paid while the clock is behind.
#[test]
fn payments_go_on_after_a_step_back() {
    let world = World::new(programs!(), &bundle(BUDGET));
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    assert_eq!(api.marked("a", "Fresh Market", "1.00 EUR").unwrap().status, 201);
    for offset in ["-10m", "-1h", "-3d"] {
        clock.set(offset);
        let answer = api.marked(offset, "Fresh Market", "1.00 EUR").unwrap();
        assert_eq!(answer.status, 201, "{offset}: {}", answer.json());
    }
}

#[test]
fn a_jump_forward_stops_everything_until_somebody_confirms_it() {
    let world = World::new(programs!(), &bundle(BUDGET));
    let clock = FakeClock::new(&world, "+0");
    let agent = clock.serve(&world);
    let mut api = agent.api();
    for key in ["a", "b"] {
        assert_eq!(api.marked(key, "Fresh Market", "50.00 EUR").unwrap().status, 201);
    }
    // Within the tolerance of five minutes time just passes.
    clock.set("+4m");
    assert_eq!(api.marked("soon", "Fresh Market", "0.01 EUR").unwrap().status, 403);
    clock.set("+12m");
    refuses_as_suspect(&world, &api.marked("jump", "Fresh Market", "0.01 EUR").unwrap(), 2);
    clock.set("+8d");
    refuses_as_suspect(&world, &api.marked("week", "Fresh Market", "1.00 EUR").unwrap(), 2);
    // What was answered before is answered still, and a restart confirms nothing.
    assert_eq!(api.marked("a", "Fresh Market", "50.00 EUR").unwrap().status, 201);
    assert!(agent.stop().success());
    let agent = clock.serve(&world);
    let mut api = agent.api();
    refuses_as_suspect(&world, &api.marked("week", "Fresh Market", "1.00 EUR").unwrap(), 2);
    let confirmed = clock.command(&world, &["clock", "confirm"]).output().unwrap();
    assert!(confirmed.status.success(), "{confirmed:?}");
    let answer = api.marked("week", "Fresh Market", "1.00 EUR").unwrap();
    assert_eq!(answer.status, 201, "eight days on, the budget is free again: {answer:?}");
    assert!(files::records(&world.home()).iter().any(|record| record.get("clock-confirmed").is_some()));
}
