//! A torn tail of a write-ahead log (fault 12): the last incomplete commit is gone, nothing before it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use bursar_tests::policy::{BUDGET, bundle};
use bursar_tests::world::World;
use bursar_tests::{files, opened, programs, wal};

/// Truncations of each log.
const SAMPLES: usize = 151;

fn killed_home() -> World {
    let world = World::new(programs!(), &bundle(BUDGET));
    // The first start writes down which policy is in force; that is in the file itself then.
    assert!(world.serve().stop().success());
    let agent = world.serve();
    let mut api = agent.api();
    for n in 0..10 {
        assert_eq!(api.marked(&format!("payment {n}"), "Fresh Market", "1.00 EUR").unwrap().status, 201);
    }
    // What was answered is in the file before this is answered.
    assert_eq!(api.get("/readyz").0, 200);
    agent.kill();
    world
}

fn open_book(home: &Path) -> Result<(), String> {
    opened::book(home, &bundle(BUDGET))
}

fn torn(world: &World, name: &str, open: fn(&Path) -> Result<(), String>, all: usize) {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(world.home().join("genesis.json"), copy.path().join("genesis.json")).unwrap();
    let log_name = format!("{name}-wal");
    let log = std::fs::read(world.home().join(&log_name)).unwrap();
    let commits = wal::commits(&log);
    assert!(commits.len() >= 10, "{} commits", commits.len());
    // What is read after the log was cut there; the shared memory is gone as after a power cut.
    let read = |length: usize| {
        files::copy_state(&world.home(), copy.path());
        for shared in ["book.db-shm", "ledger.db-shm"] {
            let _ = std::fs::remove_file(copy.path().join(shared));
        }
        std::fs::write(copy.path().join(&log_name), &log[..length]).unwrap();
        assert_eq!(open(copy.path()), Ok(()), "cut at {length}");
        files::leaves(&files::open(&copy.path().join(name)))
    };
    let full = read(log.len());
    assert_eq!(full.len(), all, "everything that was answered is there");
    // How many records each commit brought the log to, by cutting exactly there.
    let mut known = BTreeMap::from([(0, read(0).len())]);
    for &end in &commits {
        known.insert(end, read(end).len());
    }
    assert!(known.values().is_sorted(), "{known:?}");
    assert_eq!(known.values().last(), Some(&all));
    for sample in 1..=SAMPLES {
        let length = sample * log.len() / SAMPLES - 1;
        let found = read(length);
        let (_, expected) = known.range(..=length).next_back().unwrap();
        assert_eq!(found.len(), *expected, "cut at {length}");
        assert_eq!(found, full[..*expected], "cut at {length}");
    }
}

#[test]
fn a_torn_book_has_everything_before_its_last_commit() {
    let world = killed_home();
    // Opened, the policy, and three for each payment: allowed, signed, recorded.
    torn(&world, "book.db", open_book, 2 + 3 * 10);
}

#[test]
fn a_torn_ledger_has_everything_before_its_last_commit() {
    let world = killed_home();
    torn(&world, "ledger.db", opened::ledger, 10);
}

/// With the whole program: a commit that was cut off was never answered, so it is made good.
#[test]
fn the_agent_goes_on_after_its_last_commit_was_cut_off() {
    let world = killed_home();
    let path = world.home().join("book.db-wal");
    let log = std::fs::read(&path).unwrap();
    let commits = wal::commits(&log);
    // The payment's last record, "recorded", is in one of the last commits; cut into it.
    let before = files::records(&world.home()).len();
    let mut cut = commits.len() - 1;
    while files::records(&world.home()).len() == before {
        std::fs::write(&path, &log[..commits[cut] - 1]).unwrap();
        cut -= 1;
    }
    assert_eq!(files::records(&world.home()).len(), before - 1);
    let agent = world.serve();
    assert_eq!(agent.api().get("/readyz").0, 200);
    assert_eq!(files::records(&world.home()).len(), before, "the start asked the ledger");
    assert_eq!(agent.api().marked("payment 9", "Fresh Market", "1.00 EUR").unwrap().status, 201);
    assert_eq!(files::entries(&world.home()).len(), 10);
}
