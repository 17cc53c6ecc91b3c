//! Nothing is paid twice, whatever becomes of a file of payments, of an answer, or of the agent.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Output;

use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::Value;

fn write(world: &World, name: &str, rows: &str) -> PathBuf {
    let path = world.scratch().join(name);
    std::fs::write(&path, format!("id,from,to,amount,asset,memo\n{rows}")).unwrap();
    path
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn batch(world: &World, path: &Path) -> (Option<i32>, Value) {
    let output = world.run(&["pay", "--batch", path.to_str().unwrap(), "--jobs", "1", "--json"]);
    (output.status.code(), json(&output))
}

/// State and spend of each row.
fn rows(answer: &Value) -> Vec<(&str, u64)> {
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| (row["state"].as_str().unwrap(), row["spend"].as_u64().unwrap_or_default())).collect()
}

fn entries(world: &World) -> u64 {
    let output = world.run(&["ledger", "verify", "--json"]);
    json(&output)["entries"].as_u64().unwrap()
}

#[test]
fn what_was_paid_is_remembered_without_any_file() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let _agent = world.serve();
    let paid = "INV-1,expenses,Fresh Market,12.50,EUR,milk\nINV-2,expenses,Fresh Market,20.00,EUR,\n";
    let path = write(&world, "november.csv", paid);
    assert_eq!(rows(&batch(&world, &path).1), [("recorded", 1), ("recorded", 2)]);

    // As if the command had been killed before it wrote its result; and a spreadsheet saved the file.
    std::fs::remove_file(world.scratch().join("november.result.csv")).unwrap();
    let saved = paid.replace("12.50", "12.5").replace("20.00", "20");
    let (exit, again) = batch(&world, &write(&world, "november.csv", &saved));
    assert_eq!((exit, rows(&again)), (Some(0), vec![("recorded", 1), ("recorded", 2)]));

    // A part of it, then all of it under another name, edited.
    batch(&world, &write(&world, "november.csv", "INV-3,expenses,Fresh Market,1.00,EUR,\n"));
    let (exit, again) = batch(&world, &write(&world, "copy.csv", &paid.replace("milk", "wine")));
    assert_eq!((exit, rows(&again)), (Some(11), vec![("conflict", 1), ("recorded", 2)]));
    let reason = again["rows"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("row INV-1 was paid as spend 1 with other content"), "{reason}");
    assert!(reason.contains("nothing was paid; use a new id"), "{reason}");
    let result = std::fs::read_to_string(world.scratch().join("copy.result.csv")).unwrap();
    assert!(result.contains("\nINV-1,conflict,1,"), "{result}");
    assert_eq!(entries(&world), 3);
}

#[test]
fn a_denied_row_is_mended_once_and_then_stands() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let _agent = world.serve();
    let pay = |amount: &str| {
        batch(&world, &write(&world, "a.csv", &format!("#2,expenses,Fresh Market,{amount},EUR,\n"))).1
    };
    assert_eq!(rows(&pay("50.01")), [("denied", 1)]);
    assert_eq!(rows(&pay("50.01")), [("denied", 1)], "unchanged: the stored denial");
    assert_eq!(rows(&pay("60.00")), [("denied", 2)]);
    assert_eq!(rows(&pay("30.00")), [("recorded", 3)]);
    for _ in 0..2 {
        assert_eq!(rows(&pay("30")), [("recorded", 3)]);
        assert_eq!(rows(&pay("31.00")), [("conflict", 3)]);
        assert_eq!(rows(&pay("50.01")), [("denied", 1)]);
    }
    assert_eq!(json(&world.run(&["show", "3", "--json"]))["key"], "csv#3:#2");
    assert_eq!(entries(&world), 1);
}

#[test]
fn a_row_that_the_agent_finished_later_is_not_paid_again() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve_until("reserved");
    let row = "INV-1,expenses,Fresh Market,12.50,EUR,\n";
    let (exit, answer) = batch(&world, &write(&world, "a.csv", row));
    assert_eq!((exit, rows(&answer)[0].0), (Some(15), "unanswered"));
    assert!(!agent.wait().success());
    let _agent = world.serve();
    let (exit, answer) = batch(&world, &write(&world, "a.csv", &row.replace("12.50", "13.50")));
    assert_eq!((exit, rows(&answer)), (Some(11), vec![("conflict", 1)]));
    assert_eq!(entries(&world), 1);
}

#[test]
fn an_id_stands_for_one_payment_whoever_asks() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let path = write(&world, "a.csv", "INV-1,expenses,Fresh Market,12.50,EUR,\n");
    let agent = world.serve();
    assert_eq!(rows(&batch(&world, &path).1), [("recorded", 1)]);
    assert!(agent.stop().success());
    // From now on this user is somebody else, and who has paid is another one.
    let config = world.home().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let own = rustix::process::getuid().as_raw();
    let named = format!("[callers.owner]\nuid = {own}\n");
    assert!(text.contains(&named), "{text}");
    let other = format!("[callers.clerk]\nuid = {own}\n\n[callers.owner]\nuid = {}\n", own + 1);
    std::fs::write(&config, text.replace(&named, &other)).unwrap();
    let _agent = world.serve();
    let (exit, answer) = batch(&world, &path);
    assert_eq!((exit, rows(&answer)), (Some(11), vec![("conflict", 1)]));
    assert!(answer["rows"][0]["reason"].as_str().unwrap().contains("by the caller owner"), "{answer}");
    assert_eq!(entries(&world), 1);
}

#[test]
fn a_payment_in_doubt_names_its_key_and_is_paid_once_under_it() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let pay = ["pay", "12.50", "EUR", "--from", "expenses", "--to", "Fresh Market", "--json"];
    let agent = world.serve_until("reserved");
    let lost = world.run(&pay);
    assert!(!agent.wait().success());
    let says = String::from_utf8_lossy(&lost.stderr).into_owned();
    assert_eq!(lost.status.code(), Some(15), "{says}");
    let mut lines = says.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let key = lines.next().unwrap()["key"].as_str().unwrap().to_owned();
    let error = lines.next().unwrap();
    assert_eq!(error["kind"], "unfinished");
    assert!(error["error"].as_str().unwrap().contains(&format!("--key {key}")), "{error}");
    let _agent = world.serve();
    let again = world.run(&[&pay[..], &["--key", &key]].concat());
    assert_eq!((again.status.code(), json(&again)["state"].as_str()), (Some(0), Some("recorded")));
    assert!(again.stderr.is_empty(), "a key of one's own is not shown");
    assert_eq!(entries(&world), 1);
}
