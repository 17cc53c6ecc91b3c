//! The audit log edited, cut, reordered, forked (fault 32): found, named, and nothing signed on top.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Output;

use bursar_tests::files;
use bursar_tests::merkle;
use bursar_tests::policy::{BUDGET, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;
use rusqlite::params;

const UNVERIFIED: i32 = 12;
const DAMAGED: i32 = 7;

/// Twelve decisions, stopped in order, so that the audit key has signed for all of them.
fn world() -> World {
    let world = World::new(programs!(), &bundle(BUDGET));
    let agent = world.serve();
    for n in 0..12 {
        let (to, status) = if n % 2 == 1 { ("Grand Casino", 403) } else { ("Fresh Market", 201) };
        assert_eq!(agent.api().marked(&format!("payment {n}"), to, "1.00 EUR").unwrap().status, status);
    }
    assert!(agent.stop().success());
    world
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn verified(world: &World, args: &[&str]) -> Output {
    let output = world.run(&[&["audit", "verify"], args].concat());
    assert!(output.status.success(), "{}", said(&output));
    output
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Somebody with the file and every tool, but not the audit key: changes the records as told, and
/// makes the roots beside them fit again.
fn forge(world: &World, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let connection = files::open(&world.home().join("book.db"));
    let mut leaves = files::leaves(&connection);
    let mut roots: Vec<bool> = connection
        .prepare("SELECT root IS NOT NULL FROM records ORDER BY position")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(leaves.len() < 256, "no stored subtrees to mend");
    change(&mut leaves);
    roots.resize(leaves.len(), true);
    if let Some(last) = roots.last_mut() {
        *last = true;
    }
    connection.execute("DELETE FROM records", []).unwrap();
    for (position, leaf) in leaves.iter().enumerate() {
        let root = roots[position].then(|| merkle::root(&leaves[..=position]).to_vec());
        connection.execute("INSERT INTO records VALUES (?1, ?2, ?3)", params![position, leaf, root]).unwrap();
    }
}

/// Refused by whoever looks, and the agent does not start on it; put back, all is well.
fn found(world: &World, what: &str, change: impl FnOnce(), words: &[&str]) {
    let kept = world.scratch().join("kept");
    std::fs::create_dir_all(&kept).unwrap();
    files::copy_state(&world.home(), &kept);
    let paid = files::entries(&world.home());
    change();
    let output = world.run(&["audit", "verify"]);
    let says = said(&output);
    assert_eq!(output.status.code(), Some(UNVERIFIED), "{what}: {says}");
    assert!(words.iter().any(|word| says.contains(word)), "{what}: {says}");
    let (code, says) = world.serve_refused();
    assert_eq!(code, DAMAGED, "{what}: {says}");
    assert_eq!(files::entries(&world.home()), paid, "{what}");
    files::copy_state(&kept, &world.home());
    verified(world, &[]);
}

fn replace(leaf: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(leaf.clone()).unwrap();
    assert!(text.contains(from), "{text}");
    *leaf = text.replace(from, to).into_bytes();
}

/// The position of the first record of this kind.
fn first(world: &World, kind: &str) -> usize {
    files::records(&world.home()).iter().position(|record| record.get(kind).is_some()).unwrap()
}

#[test]
fn an_edited_record_is_found_and_named() {
    let world = world();
    let (denied, allowed, signed) =
        (first(&world, "denied"), first(&world, "allowed"), first(&world, "signed"));
    // As it would be done without knowing of the tree: the place is named.
    let edit = |position: usize, from: &'static str, to: &'static str| {
        let home = world.home();
        move || {
            let connection = files::open(&home.join("book.db"));
            let mut leaf = files::leaves(&connection).swap_remove(position);
            replace(&mut leaf, from, to);
            connection
                .execute("UPDATE records SET leaf = ?2 WHERE position = ?1", params![position, leaf])
                .unwrap();
        }
    };
    let record = |position: usize| format!("record {position}");
    let spend = |position: usize| {
        let records = files::records(&world.home());
        format!("spend {}", records[position].as_object().unwrap().values().next().unwrap()["spend"])
    };
    for (position, from, to) in [
        (denied, "Grand Casino", "Fresh Market"),
        (denied, "\"denied\"", "\"denier\""),
        (allowed, "\"100\"", "\"900\""),
        (signed, "\"signed\"", "\"failed\""),
    ] {
        // By the record, the group of records of its commit, or the spend whose row it contradicts.
        let group = format!("to {position}");
        let words = [record(position), group, spend(position), format!("records {position}")];
        found(&world, from, edit(position, from, to), &words.each_ref().map(String::as_str));
    }
    // With every root made to fit: what the audit key has signed is another log.
    let whole = ["audit key has signed for", "its row is not what the log says"];
    found(&world, "a denial's reason", || forge(&world, |l| replace(&mut l[denied], "no ", "na ")), &whole);
    found(
        &world,
        "a denied recipient",
        || forge(&world, |l| replace(&mut l[denied], "Grand Casino", "Fresh Market")),
        &whole,
    );
}

#[test]
fn a_cut_reordered_or_forked_log_is_found() {
    let world = world();
    let size = files::records(&world.home()).len();
    let denied = first(&world, "denied");
    found(
        &world,
        "the end cut off, spends and all",
        || {
            forge(&world, |leaves| leaves.truncate(size - 1));
            files::open(&world.home().join("book.db"))
                .execute("DELETE FROM spends WHERE decision >= ?1", [size - 1])
                .unwrap();
        },
        &["records are gone"],
    );
    found(
        &world,
        "the end cut off",
        || forge(&world, |leaves| leaves.truncate(size - 1)),
        &["rows", "records"],
    );
    found(
        &world,
        "one taken out",
        || forge(&world, |leaves| drop(leaves.remove(denied))),
        &["record", "spend"],
    );
    found(
        &world,
        "two exchanged",
        || forge(&world, |leaves| leaves.swap(denied, denied + 1)),
        &["record", "spend"],
    );
    found(
        &world,
        "another end",
        || {
            forge(&world, |leaves| {
                let last = leaves.last_mut().unwrap();
                let text = String::from_utf8(last.clone()).unwrap();
                // Half a minute later by its own word.
                let at = text.find("\"at\":\"").unwrap() + 6;
                let (date, rest) = (&text[at..at + 10], &text[at + 10..]);
                *last = format!("{}{}{rest}", &text[..at], date.replacen("20", "21", 1)).into_bytes();
            });
        },
        &["audit key has signed for"],
    );
    found(
        &world,
        "no records at all",
        || {
            files::open(&world.home().join("book.db")).execute("DELETE FROM records", []).unwrap();
        },
        &["record 0", "record 1"],
    );
}

/// The checkpoint beside the log is believed for its signature alone.
#[test]
fn a_changed_checkpoint_is_found() {
    let world = world();
    let connection = files::open(&world.home().join("book.db"));
    let note: String = connection.query_row("SELECT text FROM checkpoint", [], |row| row.get(0)).unwrap();
    let (size, root) = {
        let mut lines = note.lines();
        let _ = lines.next();
        (lines.next().unwrap().to_owned(), lines.next().unwrap().to_owned())
    };
    let flipped = format!("{}{}", if root.starts_with('A') { 'B' } else { 'A' }, &root[1..]);
    for forged in [
        note.replace(&format!("\n{size}\n"), "\n1\n"),
        note.replace(&root, &flipped),
        note.replace("bursar-audit", "bursar-other"),
        note.lines().take(4).collect::<Vec<_>>().join("\n"),
        String::new(),
    ] {
        assert_ne!(forged, note);
        connection.execute("UPDATE checkpoint SET text = ?1", [&forged]).unwrap();
        let output = world.run(&["audit", "verify"]);
        assert_eq!(output.status.code(), Some(UNVERIFIED), "{forged:?}: {}", said(&output));
    }
    connection.execute("UPDATE checkpoint SET text = ?1", [&note]).unwrap();
    verified(&world, &[]);
}

#[test]
fn an_exported_log_that_was_changed_is_found() {
    let world = world();
    let path = world.scratch().join("audit.jsonl");
    assert!(world.run(&["audit", "export", text(&path)]).status.success());
    let key = {
        let shown = world.run(&["key", "show", "audit", "--json"]);
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        shown["key"].as_str().unwrap().to_owned()
    };
    let args = [text(&path), "--key", &key];
    verified(&world, &args);
    let good = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<String> = good.lines().map(str::to_owned).collect();
    let count = lines.len();
    assert!(count > 20, "{count} lines");
    let wrong = |what: &str, lines: &[String], end: &str, words: &[&str]| {
        std::fs::write(&path, lines.join("\n") + end).unwrap();
        let output = world.run(&[&["audit", "verify"][..], &args].concat());
        let says = said(&output);
        assert_eq!(output.status.code(), Some(UNVERIFIED), "{what}: {says}");
        assert!(words.iter().all(|word| says.contains(word)), "{what}: {says}");
    };
    // Each record edited, in what it says and in what its hash is.
    for n in 0..count - 1 {
        let mut edited = lines.clone();
        edited[n] = edited[n].replacen("\"at\":\"2", "\"at\":\"3", 1);
        assert_ne!(edited[n], lines[n]);
        wrong(&format!("line {}", n + 1), &edited, "\n", &[&format!("line {}:", n + 1), "changed"]);
        let mut edited = lines.clone();
        let digit = if &edited[n][9..10] == "0" { "1" } else { "0" };
        edited[n].replace_range(9..10, digit);
        wrong(&format!("hash {}", n + 1), &edited, "\n", &[&format!("line {}:", n + 1), "hash"]);
    }
    let without = |n: usize| {
        lines.iter().enumerate().filter(|(i, _)| *i != n).map(|(_, l)| l.clone()).collect::<Vec<_>>()
    };
    let numbers = [format!("signed for {}", count - 1), format!("has {}", count - 2)];
    for n in [0, 7, count - 2] {
        wrong("one taken out", &without(n), "\n", &numbers.each_ref().map(String::as_str));
    }
    wrong("without a checkpoint", &without(count - 1), "\n", &[]);
    wrong("cut off in the middle of a line", &lines, "", &[]);
    for (one, other) in [(3, 4), (0, 9), (count - 3, count - 2)] {
        let mut moved = lines.clone();
        moved.swap(one, other);
        wrong("two exchanged", &moved, "\n", &["moved"]);
    }
    let mut twice = lines.clone();
    twice.insert(5, lines[5].clone());
    wrong("one twice", &twice, "\n", &["has"]);
    let mut more = lines.clone();
    more.push(lines[5].clone());
    wrong("something behind the checkpoint", &more, "\n", &["follows the checkpoint"]);
    // The log goes on, and its new records are put behind the old checkpoint.
    let agent = world.serve();
    assert_eq!(agent.api().marked("later", "Fresh Market", "1.00 EUR").unwrap().status, 201);
    let later = world.scratch().join("later.jsonl");
    assert!(world.run(&["audit", "export", text(&later)]).status.success());
    let later: Vec<String> = std::fs::read_to_string(&later).unwrap().lines().map(str::to_owned).collect();
    let mut forked = later[..later.len() - 1].to_vec();
    forked.push(lines[count - 1].clone());
    wrong("an older checkpoint", &forked, "\n", &["signed for"]);
    let mut forked = lines[..count - 1].to_vec();
    forked.push(later[later.len() - 1].clone());
    wrong("a newer checkpoint", &forked, "\n", &["signed for"]);
    // Another key has signed nothing here.
    std::fs::write(&path, &good).unwrap();
    let other = bursar_tests::policy::recipient(9).to_string();
    let output = world.run(&["audit", "verify", text(&path), "--key", &other]);
    assert_eq!(output.status.code(), Some(UNVERIFIED), "{}", said(&output));
    verified(&world, &args);
}

/// Somebody with the ledger's file makes everything in it fit, but cannot sign.
#[test]
fn a_forged_ledger_is_found() {
    let world = world();
    let connection = files::open(&world.home().join("ledger.db"));
    let leaves = files::leaves(&connection);
    let mut forged = leaves.clone();
    let entry = &mut forged[3];
    // Another signature; nothing else depends on it.
    let said_by = String::from_utf8(entry.clone()).unwrap();
    let at = said_by.find("\"sig\":\"").unwrap() + 7;
    let letter = if said_by.as_bytes()[at] == b'A' { b'B' } else { b'A' };
    entry[at] = letter;
    for (position, leaf) in forged.iter().enumerate() {
        let root = merkle::root(&forged[..=position]).to_vec();
        connection
            .execute(
                "UPDATE records SET leaf = ?2, root = ?3 WHERE position = ?1",
                params![position, leaf, root],
            )
            .unwrap();
    }
    let output = world.run(&["ledger", "verify"]);
    assert_eq!(output.status.code(), Some(UNVERIFIED), "{}", said(&output));
    assert!(said(&output).contains("entry 3"), "{}", said(&output));
    let (code, says) = world.serve_refused();
    assert_eq!(code, DAMAGED, "{says}");
    assert!(says.contains("the node signed another log"), "{says}");
}
