//! What keeps the agent from starting: each with its exit code, and with what to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use bursar_tests::daemon::Started;
use bursar_tests::files;
use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::spec::Account;
use bursar_tests::world::World;

const HOME: i32 = 3;
const TOKEN: i32 = 4;
const PIN: i32 = 5;
const KEY: i32 = 6;
const DAMAGED: i32 = 7;
const IN_USE: i32 = 9;

fn world() -> World {
    World::new(programs!(), &bundle(GROCERIES))
}

/// It ends with this code, says all of these, and never that it is ready.
fn refused(world: &World, code: i32, words: &[&str]) {
    let (found, says) = world.serve_refused();
    assert_eq!(found, code, "{says}");
    for word in words {
        assert!(says.contains(word), "{word:?} is not in: {says}");
    }
    assert!(!says.contains("panicked"), "{says}");
    assert!(
        !world.home().join("bursar.sock").exists()
            || UnixStream::connect(world.home().join("bursar.sock")).is_ok()
    );
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Changes a file of the home, sees that the start is refused, changes it back.
fn with(world: &World, name: &str, from: &str, to: &str, code: i32, words: &[&str]) {
    let path = world.home().join(name);
    let before = std::fs::read(&path).unwrap();
    world.edit(name, from, to);
    refused(world, code, words);
    std::fs::write(&path, before).unwrap();
}

#[test]
fn a_policy_that_does_not_parse_is_shown_with_line_and_column() {
    let world = world();
    let text = bundle(GROCERIES);
    let line = |word: &str| 1 + text[..text.find(word).unwrap()].matches('\n').count();
    for (from, to, says) in [
        ("per_payment = \"50.00 EUR\"", "per_payment = \"50.00\"", "like \"50.00 EUR\""),
        ("per_payment = \"50.00 EUR\"", "per_payment = \"50.00 USD\"", "USD"),
        ("per_payment =", "per_paymnt =", "per_paymnt"),
        ("name = \"groceries\"", "name = groceries", "must be quoted"),
        ("[[allow]]", "[[alow]]", "alow"),
        ("version = 1", "version = \"1\"", "expected i64"),
    ] {
        let whole = std::fs::read_to_string(world.home().join("policy.toml")).unwrap();
        world.edit("policy.toml", from, to);
        let at = line(from);
        refused(&world, HOME, &["policy.toml", &format!("line {at}, column "), says]);
        let checked = world.run(&["policy", "check"]);
        assert_eq!(checked.status.code(), Some(HOME));
        let printed = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(printed.contains(&format!("line {at}, column ")), "{printed}");
        std::fs::write(world.home().join("policy.toml"), whole).unwrap();
    }
    std::fs::remove_file(world.home().join("policy.toml")).unwrap();
    refused(&world, HOME, &["policy.toml"]);
}

#[test]
fn a_policy_that_can_never_allow_anything_is_warned_about() {
    let world = World::new(programs!(), &bundle(""));
    let checked = world.run(&["policy", "check"]);
    assert!(checked.status.success(), "{checked:?}");
    let says =
        format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(says.to_lowercase().contains("warning") || says.contains("never"), "{says}");
    assert!(says.contains("allow"), "{says}");
    // It starts, and denies.
    assert_eq!(world.serve().api().marked("a", "Fresh Market", "1.00 EUR").unwrap().status, 403);
}

#[test]
fn a_configuration_that_is_none_is_named() {
    let world = world();
    with(&world, "config.toml", "[keys]", "[keys", HOME, &["config.toml", "line"]);
    with(
        &world,
        "config.toml",
        "audit = \"audit\"",
        "audit = \"audit\"\ntypo = 1",
        HOME,
        &["config.toml", "typo"],
    );
    with(
        &world,
        "config.toml",
        "[agent]",
        "[agent]\nvalid-for = \"1 hour\"",
        HOME,
        &["valid-for", "like 15m"],
    );
    let long = format!("[agent]\nsocket = \"{}\"", "s".repeat(120));
    with(&world, "config.toml", "[agent]", &long, HOME, &["socket", "107"]);
    std::fs::remove_file(world.home().join("config.toml")).unwrap();
    let (code, says) = world.serve_refused();
    assert_eq!(code, HOME, "{says}");
    assert!(says.contains("bursar init"), "{says}");
}

#[test]
fn a_module_or_token_that_is_not_there_is_named() {
    let world = world();
    let module = world.token().module().display().to_string();
    with(&world, "config.toml", &module, "/nowhere/module.so", TOKEN, &["/nowhere/module.so", "softhsm2"]);
    let text = world.home().join("policy.toml").display().to_string();
    with(&world, "config.toml", &module, &text, TOKEN, &["policy.toml", "PKCS#11 module"]);
    with(
        &world,
        "config.toml",
        "token=bursar%20test",
        "token=treasury",
        TOKEN,
        &["treasury", "bursar%20test"],
    );
    world.serve();
}

#[test]
fn a_refused_pin_is_tried_once_and_not_again_until_somebody_says_so() {
    let world = world();
    let right = std::fs::read_to_string(world.pin_file()).unwrap();
    std::fs::write(world.pin_file(), "000000").unwrap();
    refused(&world, PIN, &["PIN"]);
    assert!(world.home().join("pin-refused").exists());
    // Not asked again: neither with the wrong PIN nor with the right one, and not even the module is loaded.
    refused(&world, PIN, &["--retry-pin"]);
    std::fs::write(world.pin_file(), &right).unwrap();
    refused(&world, PIN, &["--retry-pin"]);
    let module = world.token().module().display().to_string();
    with(&world, "config.toml", &module, "/nowhere/module.so", PIN, &["--retry-pin"]);
    // Once, and with the wrong PIN it is the same again.
    std::fs::write(world.pin_file(), "111111").unwrap();
    let Started::Ended(status, says) = world.start(world.command(&["serve", "--retry-pin"])) else {
        panic!("it started with a wrong PIN")
    };
    assert_eq!(status.code(), Some(PIN), "{says}");
    std::fs::write(world.pin_file(), &right).unwrap();
    refused(&world, PIN, &["--retry-pin"]);
    assert!(world.ready(world.command(&["serve", "--retry-pin"])).stop().success());
    assert!(!world.home().join("pin-refused").exists());
    let agent = world.serve();
    assert_eq!(agent.api().marked("a", "Fresh Market", "1.00 EUR").unwrap().status, 201);
}

#[test]
fn a_pin_that_cannot_be_used_never_reaches_the_token() {
    let world = world();
    let right = std::fs::read_to_string(world.pin_file()).unwrap();
    for bits in [0o640, 0o604, 0o644] {
        mode(&world.pin_file(), bits);
        let path = world.pin_file().display().to_string();
        refused(&world, PIN, &["can be read by others", &format!("chmod 600 {path}")]);
    }
    mode(&world.pin_file(), 0o600);
    for text in ["", "\n", &"1".repeat(300)] {
        std::fs::write(world.pin_file(), text).unwrap();
        refused(&world, PIN, &["empty or longer than 256 bytes"]);
    }
    std::fs::remove_file(world.pin_file()).unwrap();
    refused(&world, PIN, &["PIN cannot be read from"]);
    let path = world.pin_file().display().to_string();
    let config = std::fs::read_to_string(world.home().join("config.toml")).unwrap();
    let source = config.lines().find(|line| line.starts_with("pin = ")).unwrap().to_owned();
    assert!(source.contains(&path), "{source}");
    with(&world, "config.toml", &source, "pin = \"prompt\"", PIN, &["no terminal"]);
    with(&world, "config.toml", &source, "pin = { credential = \"pin\" }", PIN, &["LoadCredential="]);
    std::fs::write(world.pin_file(), right).unwrap();
    mode(&world.pin_file(), 0o600);
    // None of that was an attempt.
    assert!(!world.home().join("pin-refused").exists());
    world.serve();
}

#[test]
fn a_key_that_is_not_there_or_has_two_roles_is_named() {
    let mut p256 = Account::new("cards", "10.00");
    p256.algorithm = "p256".to_owned();
    let world =
        World::with_accounts(programs!(), &bundle(GROCERIES), &[Account::new("expenses", "10.00"), p256]);
    with(
        &world,
        "config.toml",
        "key = \"expenses\"",
        "key = \"expense\"",
        KEY,
        &["expense", "generate the key"],
    );
    with(&world, "config.toml", "node = \"node\"", "node = \"audit\"", KEY, &["audit", "node"]);
    with(&world, "config.toml", "key = \"expenses\"", "key = \"audit\"", KEY, &["audit", "account expenses"]);
    with(
        &world,
        "config.toml",
        "key = \"expenses\"",
        "key = \"cards\"",
        KEY,
        &["account cards", "account expenses"],
    );
    with(&world, "config.toml", "audit = \"audit\"", "audit = \"cards\"", KEY, &["cards", "p256", "ed25519"]);
    world.serve();
}

/// Copies of a token's objects, as two programs that make keys under one label would leave them.
#[test]
fn two_keys_of_one_label_are_refused() {
    let world = world();
    let token =
        std::fs::read_dir(world.token().folder().join("tokens")).unwrap().next().unwrap().unwrap().path();
    let objects: Vec<_> = std::fs::read_dir(&token)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "object"))
        .filter(|path| path.file_name().is_some_and(|name| name != "token.object"))
        .collect();
    assert!(objects.len() >= 6, "three pairs of keys");
    let mut copies = Vec::new();
    for object in &objects {
        let name = object.file_name().unwrap().to_str().unwrap();
        // Another object by its file's name, the same by everything else.
        let other = format!("{}{}", if name.starts_with('0') { '1' } else { '0' }, &name[1..]);
        std::fs::copy(object, token.join(&other)).unwrap();
        copies.push(token.join(&other));
    }
    refused(&world, KEY, &["audit", "matches 2 private keys"]);
    copies.iter().for_each(|copy| std::fs::remove_file(copy).unwrap());
    world.serve();
}

#[test]
fn one_home_has_one_agent() {
    let world = world();
    let agent = world.serve();
    refused(&world, IN_USE, &["one home has one agent", "bursar"]);
    // The first one is not disturbed.
    assert_eq!(agent.api().marked("a", "Fresh Market", "1.00 EUR").unwrap().status, 201);
    agent.kill();
    // A killed agent leaves its socket and its lock file behind; neither is in the way.
    assert!(world.home().join("bursar.sock").exists());
    assert!(world.serve().stop().success());
    assert!(!world.home().join("bursar.sock").exists());
}

#[test]
fn a_socket_that_is_somebody_elses_is_left_alone() {
    let world = world();
    let path = world.home().join("bursar.sock");
    let other = UnixListener::bind(&path).unwrap();
    refused(&world, IN_USE, &["in use by another program", "config.toml"]);
    UnixStream::connect(&path).expect("the other program still listens");
    drop(other);
    assert!(world.serve().stop().success());
    std::fs::write(&path, "notes").unwrap();
    let (code, says) = world.serve_refused();
    assert_eq!(code, HOME, "{says}");
    assert!(says.contains("no socket") && says.contains("move it away"), "{says}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "notes");
}

#[test]
fn a_home_that_others_can_use_is_refused() {
    let world = world();
    let home = world.home();
    for bits in [0o701, 0o710, 0o755, 0o770, 0o777] {
        mode(&home, bits);
        refused(&world, HOME, &["can be used by others", &format!("chmod 700 {}", home.display())]);
    }
    mode(&home, 0o700);
    world.serve();
}

#[test]
fn a_missing_genesis_is_named() {
    let world = world();
    std::fs::rename(world.home().join("genesis.json"), world.scratch().join("genesis.json")).unwrap();
    refused(&world, DAMAGED, &["genesis.json", "restore"]);
    std::fs::rename(world.scratch().join("genesis.json"), world.home().join("genesis.json")).unwrap();
    let agent = world.serve();
    assert_eq!(agent.api().marked("a", "Fresh Market", "1.00 EUR").unwrap().status, 201);
    assert_eq!(files::entries(&world.home()).len(), 1);
}
