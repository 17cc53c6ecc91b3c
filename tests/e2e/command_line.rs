//! The command line with real parts: files of payments, reading without an agent, exports, background.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::Value;

const HEADER: &str = "id,from,to,amount,asset,memo\n";

fn file(world: &World, rows: &str) -> PathBuf {
    let path = world.scratch().join("november.csv");
    std::fs::write(&path, format!("{HEADER}{rows}")).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Id and state of each row.
fn states(output: &Output) -> Vec<(String, String)> {
    let answer = json(output);
    let rows = answer["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| (row["id"].as_str().unwrap().to_owned(), row["state"].as_str().unwrap().to_owned()))
        .collect()
}

fn entries(world: &World) -> u64 {
    let output = world.run(&["ledger", "verify", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    json(&output)["entries"].as_u64().unwrap()
}

#[test]
fn bad_rows_are_named_and_no_row_is_paid_twice() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let _agent = world.serve();
    let rows = "\
=1,expenses,Fresh Market,10.00,EUR,milk
2,expenses,Fresh Market,50.01,EUR,
3,expenses,Fresh Market,\"10,00\",EUR,
4,savings,Fresh Market,10.00,EUR,
=1,expenses,Fresh Market,10.00,EUR,again
6,expenses,Fresh Market,10.001,EUR,
7,expenses,Fresh Market,20.00,EUR,bread
";
    let path = file(&world, rows);
    // One at a time, so that spends are counted in the order of the rows.
    let pay = || world.run(&["pay", "--batch", text(&path), "--jobs", "1", "--json"]);
    let first = pay();
    assert_eq!(first.status.code(), Some(11));
    let expected = [
        ("=1", "recorded"),
        ("2", "denied"),
        ("3", "bad-row"),
        ("4", "bad-row"),
        ("=1", "bad-row"),
        ("6", "bad-row"),
        ("7", "recorded"),
    ];
    assert_eq!(states(&first), expected.map(|(id, state)| (id.to_owned(), state.to_owned())));
    for (row, says) in [(2, "line 4"), (3, "savings"), (4, "line 2"), (5, "10.001")] {
        let reason = json(&first)["rows"][row]["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(says), "{reason}");
    }
    let result = world.scratch().join("november.result.csv");
    let written = std::fs::read_to_string(&result).unwrap();
    let lines: Vec<_> = written.lines().collect();
    assert_eq!(lines.len(), 8, "{written}");
    assert_eq!((lines[0], lines[1]), ("id,state,spend,reason", "'=1,recorded,1,"));
    assert_eq!(pay().stdout, first.stdout, "the same file gives the same answers");
    assert_eq!(entries(&world), 2);

    // A mended row is paid, a paid row that says something else is not, however often it is tried.
    file(&world, &rows.replace("\"10,00\"", "10.00").replace("milk", "wine"));
    for _ in 0..2 {
        let states = states(&pay());
        assert_eq!((states[0].1.as_str(), states[2].1.as_str()), ("conflict", "recorded"));
    }
    assert_eq!(entries(&world), 3);
}

#[test]
fn an_agent_killed_in_the_middle_of_a_file_pays_each_row_once() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let rows: String = (0..60).map(|i| format!("{i},expenses,Fresh Market,0.10,EUR,\n")).collect();
    let path = file(&world, &rows);
    for point in ["reserved", "signed", "kept", "forwarded"] {
        let agent = world.serve_until(point);
        let output = world.run(&["pay", "--batch", text(&path), "--json"]);
        assert_eq!(output.status.code(), Some(15), "{point}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(states(&output).len(), 60, "{point}");
        assert!(!agent.wait().success());
        // Finishes what was begun, so that the next one is not killed by doing so.
        assert!(world.serve().stop().success());
    }
    let _agent = world.serve();
    let output = world.run(&["pay", "--batch", text(&path), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{:?}", states(&output));
    assert_eq!(entries(&world), 60);
}

#[test]
fn reading_needs_no_agent_and_paying_says_how_to_start_one() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    let pay = ["pay", "12.40", "EUR", "--from", "expenses", "--to", "Fresh Market", "--key", "k1", "--json"];
    let paid = world.run(&pay);
    assert_eq!((paid.status.code(), json(&paid)["state"].as_str()), (Some(0), Some("recorded")));
    let denied = world.run(&["pay", "50.01", "EUR", "--from", "expenses", "--to", "Fresh Market", "--json"]);
    assert_eq!((denied.status.code(), json(&denied)["state"].as_str()), (Some(1), Some("denied")));
    let reads: [&[&str]; 8] = [
        &["spends"],
        &["spends", "--state", "denied", "--account", "expenses"],
        &["show", "1"],
        &["show", "1", "--envelope"],
        &["show", "1", "--receipt"],
        &["policy", "show"],
        &["policy", "explain", "50.01", "EUR", "--from", "expenses", "--to", "Fresh Market"],
        &["ledger", "show"],
    ];
    let read = || reads.map(|args| json(&world.run(&[args, &["--json"]].concat())));
    let with = read();
    assert_eq!(with[0].as_array().unwrap().len(), 2);
    for field in ["id", "state", "account", "recipient", "amount", "asset", "reason"] {
        assert!(with[0][0].get(field).is_some(), "{field}");
    }
    assert_eq!(with[1].as_array().unwrap().len(), 1);
    assert_eq!(with[6]["allowed"], false);
    assert!(agent.stop().success());
    assert_eq!(read(), with, "without the agent");

    let refused = world.run(&pay);
    let says = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(8), "{says}");
    assert!(says.contains(&format!("--home {} serve", world.home().display())), "{says}");
}

#[test]
fn an_export_is_verified_with_the_public_key_alone() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    for amount in ["1.00", "50.01", "2.00"] {
        world.run(&["pay", amount, "EUR", "--from", "expenses", "--to", "Fresh Market"]);
    }
    let path = world.scratch().join("audit.jsonl");
    let exported = json(&world.run(&["audit", "export", text(&path), "--json"]));
    assert_eq!(exported["unsigned"], 0);
    assert!(agent.stop().success());
    let key = exported["key"].as_str().unwrap();
    let away = world.scratch().join("away");
    let verify = |path: &Path| {
        let mut command = world.command(&["audit", "verify", text(path), "--key", key, "--json"]);
        // Where the home was there is none: the last --home counts.
        std::fs::rename(world.home(), &away).unwrap();
        let output = command.output().unwrap();
        std::fs::rename(&away, world.home()).unwrap();
        output
    };
    let verified = verify(&path);
    assert_eq!(json(&verified)["records"], exported["records"]);
    let text_of = std::fs::read_to_string(&path).unwrap();
    let changed = world.scratch().join("changed.jsonl");
    std::fs::write(&changed, text_of.replacen("2.00 EUR", "3.00 EUR", 1).replacen("\"200\"", "\"300\"", 1))
        .unwrap();
    let refused = verify(&changed);
    assert_eq!(refused.status.code(), Some(12), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("this record was changed"));
}

#[test]
fn the_background_agent_starts_once_and_stops() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let started = world.run(&["serve", "--background", "--json"]);
    let pid = json(&started)["pid"].clone();
    let status = world.run(&["status", "--json"]);
    assert_eq!((status.status.code(), &json(&status)["pid"]), (Some(0), &pid));
    assert_eq!(world.run(&["serve", "--background"]).status.code(), Some(9));
    assert_eq!(world.run(&["serve"]).status.code(), Some(9));
    assert_eq!(json(&world.run(&["stop", "--json"]))["pid"], pid);
    assert_eq!(world.run(&["stop"]).status.code(), Some(8));
    assert_eq!(world.run(&["status"]).status.code(), Some(8));

    // What the child says before it is ready is repeated, with its exit code.
    std::fs::write(world.home().join("policy.toml"), "version = 1\n[[allow]]\n").unwrap();
    let failed = world.run(&["serve", "--background"]);
    let says = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(3), "{says}");
    assert!(says.contains("line 2"), "{says}");
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let mut child =
        world.command(&["openapi"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut out = BufReader::with_capacity(1, child.stdout.take().unwrap());
    out.read_line(&mut first).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
