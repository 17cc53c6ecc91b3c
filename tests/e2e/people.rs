//! Keys of people in the token: one role each, and of a kind that people sign with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

fn generate(world: &World, label: &str, algorithm: &str) {
    let made = world.run(&["key", "generate", label, "--algorithm", algorithm]);
    assert!(made.status.success(), "{made:?}");
}

fn shown(world: &World, name: &str) -> String {
    let shown = world.run(&["key", "show", name]);
    assert!(shown.status.success(), "{shown:?}");
    String::from_utf8(shown.stdout).unwrap()
}

/// One key, one role: not even in the policy alone.
#[test]
fn nobody_decides_with_a_key_that_signs_something_else() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let policy = std::fs::read_to_string(world.home().join("policy.toml")).unwrap();
    for (key, role) in [("expenses", "account expenses"), ("audit", "audit"), ("node", "node")] {
        let key = shown(&world, key);
        for people in [
            format!("[approvers.anna]\nkey = \"{}\"\n", key.trim()),
            format!("[administrators]\nneed = 1\n[administrators.keys]\nanna = \"{}\"\n", key.trim()),
        ] {
            std::fs::write(world.home().join("policy.toml"), format!("{policy}\n{people}")).unwrap();
            let (code, says) = world.serve_refused();
            assert_ne!(code, 0);
            assert!(says.contains(&format!("names the key of {role} as anna's")), "{role}: {says}");
        }
    }
}

#[test]
fn an_approver_and_an_administrator_have_keys_of_their_own() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    for (label, algorithm) in [("anna", "p256"), ("boss", "ed25519"), ("chain", "secp256k1")] {
        generate(&world, label, algorithm);
    }
    world.edit("config.toml", "[keys]\n", "[keys]\napprover = \"anna\"\nadministrator = \"boss\"\n");
    let (anna, boss) = (shown(&world, "anna"), shown(&world, "boss"));
    assert!(world.serve().stop().success());
    // From now on the home knows them by their role, without the token.
    assert_eq!((shown(&world, "approver"), shown(&world, "administrator")), (anna, boss));
    let listed = world.run(&["key", "list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("approver") && listed.contains("administrator"), "{listed}");

    for (line, says) in [
        ("approver = \"chain\"", "approver needs ed25519 or p256"),
        ("approver = \"boss\"", "has two roles, approver and administrator"),
        ("approver = \"expenses\"", "has two roles, approver and account expenses"),
        ("approver = \"audit\"", "has two roles, audit and approver"),
        ("approver = \"nobody\"", "nobody"),
    ] {
        world.edit("config.toml", "approver = \"anna\"", line);
        let (code, printed) = world.serve_refused();
        assert_ne!(code, 0);
        assert!(printed.contains(says), "{line}: {printed}");
        world.edit("config.toml", line, "approver = \"anna\"");
    }
    assert!(world.serve().stop().success());
}
