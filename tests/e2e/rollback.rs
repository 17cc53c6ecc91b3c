//! State that is missing, or older than the token remembers (fault 14).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_tests::daemon::Started;
use bursar_tests::files;
use bursar_tests::policy::{BUDGET, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

fn world() -> World {
    World::new(programs!(), &bundle(BUDGET))
}

/// Pays under these keys and stops in order.
fn pay(world: &World, keys: &[&str]) {
    let agent = world.serve();
    for key in keys {
        assert_eq!(agent.api().marked(key, "Fresh Market", "1.00 EUR").unwrap().status, 201);
    }
    assert!(agent.stop().success());
}

fn refused(world: &World, words: &[&str]) {
    let (code, says) = world.serve_refused();
    assert_eq!(code, 7, "{says}");
    for word in words {
        assert!(says.contains(word), "{word:?} is not in: {says}");
    }
}

#[test]
fn without_its_book_the_agent_does_not_start() {
    let world = world();
    pay(&world, &["a"]);
    let book = world.home().join("book.db");
    let kept = std::fs::read(&book).unwrap();
    std::fs::remove_file(&book).unwrap();
    refused(&world, &["book.db", "backup"]);
    assert!(!book.exists(), "an empty book was put in its place");
    // An empty file is no book either.
    std::fs::write(&book, "").unwrap();
    refused(&world, &["book.db"]);
    std::fs::write(&book, kept).unwrap();
    pay(&world, &["a", "b"]);
    assert_eq!(files::entries(&world.home()).len(), 2);
}

#[test]
fn without_its_ledger_the_agent_does_not_start() {
    let world = world();
    pay(&world, &["a"]);
    let ledger = world.home().join("ledger.db");
    let kept = std::fs::read(&ledger).unwrap();
    std::fs::remove_file(&ledger).unwrap();
    refused(&world, &["ledger.db", "backup"]);
    assert!(!ledger.exists(), "an empty ledger was put in its place");
    std::fs::write(&ledger, kept).unwrap();
    pay(&world, &["a", "b"]);
    assert_eq!(files::entries(&world.home()).len(), 2);
}

#[test]
fn an_older_state_is_refused_and_only_the_flag_goes_on() {
    let world = world();
    pay(&world, &["a"]);
    files::copy_state(&world.home(), world.scratch());
    pay(&world, &["b"]);
    files::copy_state(world.scratch(), &world.home());
    refused(&world, &["older state", "--accept-rollback", "book.db"]);
    refused(&world, &["older state"]);
    let Started::Ready(agent) = world.start(world.command(&["serve", "--accept-rollback"])) else {
        panic!("the flag does not help")
    };
    assert!(agent.stop().success());
    pay(&world, &["b"]);
}

/// The token has not seen what was paid since its last anchor, but the ledger has.
#[test]
fn an_older_book_alone_is_refused_since_the_ledger_knows_more() {
    let world = world();
    pay(&world, &["a"]);
    let agent = world.serve();
    files::copy_state(&world.home(), world.scratch());
    assert_eq!(agent.api().marked("b", "Fresh Market", "1.00 EUR").unwrap().status, 201);
    agent.kill();
    for name in ["book.db", "book.db-wal", "book.db-shm"] {
        std::fs::copy(world.scratch().join(name), world.home().join(name)).unwrap();
    }
    refused(&world, &["account expenses", "position 1", "book.db"]);
}

#[test]
fn an_older_ledger_alone_is_refused_since_the_book_knows_more() {
    let world = world();
    pay(&world, &["a"]);
    let old = std::fs::read(world.home().join("ledger.db")).unwrap();
    pay(&world, &["b"]);
    let new = std::fs::read(world.home().join("ledger.db")).unwrap();
    std::fs::write(world.home().join("ledger.db"), old).unwrap();
    refused(&world, &["ledger.db"]);
    std::fs::write(world.home().join("ledger.db"), new).unwrap();
    pay(&world, &["b", "c"]);
    assert_eq!(files::entries(&world.home()).len(), 3);
}

#[test]
fn the_book_of_another_home_is_refused() {
    let (one, other) = (world(), world());
    pay(&one, &["a"]);
    pay(&other, &["a", "b"]);
    std::fs::copy(other.home().join("book.db"), one.home().join("book.db")).unwrap();
    refused(&one, &["book"]);
}

#[test]
fn another_genesis_is_refused() {
    let (one, other) = (world(), world());
    std::fs::copy(other.home().join("genesis.json"), one.home().join("genesis.json")).unwrap();
    refused(&one, &["another ledger", "genesis"]);
}
