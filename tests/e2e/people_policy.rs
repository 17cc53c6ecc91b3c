//! Versions of the policy by the command line: several administrators, one alone, and break-glass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use bursar_pkcs11::fixture::{External, SoftHsm};
use bursar_tests::manager::{Manager, ended};
use bursar_tests::policy::version;
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::{Value, json};
use tempfile::TempDir;

fn groceries(cap: &str) -> String {
    format!(
        "[[allow]]\nname = \"groceries\"\naccounts = [\"expenses\"]\ncategories = [\"supermarket\"]\nper_payment = \"{cap} EUR\"\n"
    )
}

/// A bundle of these two, both approvers and both administrators.
fn bundle(number: u64, [anna, ben]: [&Manager; 2], cap: &str) -> String {
    let people = format!(
        r#"
[approvers.anna]
key = "{}"
[approvers.ben]
key = "{}"
[administrators]
need = 2
keys = {{ anna = "{}", ben = "{}" }}
[break-glass]
need = 1
from = ["anna", "ben"]
"#,
        anna.key("approver"),
        ben.key("approver"),
        anna.key("administrator"),
        ben.key("administrator")
    );
    version(number, &format!("{people}{}", groceries(cap)))
}

fn pay(world: &World, amount: &str) -> Option<i32> {
    world.run(&["pay", amount, "EUR", "--from", "expenses", "--to", "Fresh Market"]).status.code()
}

fn in_force(world: &World) -> Value {
    let shown = world.run(&["policy", "show", "--json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    shown["version"].clone()
}

#[test]
fn two_administrators_change_the_policy_and_own_copies_follow() {
    let [anna, ben] = ["anna", "ben"].map(|name| Manager::new(programs!(), name, &[]));
    let both = [&anna, &ben];
    let world = World::new(programs!(), &bundle(1, both, "50.00"));
    both.iter().for_each(|one| world.configure(one.made["callers"][0].as_str().unwrap()));
    world.listen();
    let agent = world.serve();
    for manager in both {
        manager.connect(&world);
        manager.says(0, &["policy", "fetch"]);
    }
    let new = anna.file("new.toml");
    std::fs::write(&new, bundle(2, both, "10.00")).unwrap();
    // Nobody alone, and no version that is not higher.
    let alone = anna.says(2, &["policy", "install", &new, "--yes"]);
    assert!(alone.contains("2 administrators have to agree") && alone.contains("policy propose"), "{alone}");
    let same = anna.file("same.toml");
    std::fs::write(&same, bundle(1, both, "10.00")).unwrap();
    anna.says(2, &["policy", "propose", &same]);
    assert_eq!(anna.json(0, &["policy", "propose", &new])["proposal"], 1);

    let proposed = &ben.json(0, &["inbox"])["proposals"][0];
    assert_eq!(
        [&proposed["id"], &proposed["mine"], &proposed["version"], &proposed["caller"]],
        [&"policy-1".into(), &Value::Bool(true), &2.into(), &"anna".into()]
    );
    // What it changes is shown before anybody is asked.
    let shown = ben.says(2, &["approve", "policy-1"]);
    assert!(
        shown.contains("version 2 takes the place of version 1") && shown.contains("10.00 EUR"),
        "{shown}"
    );
    assert!(shown.contains("Newly denied"), "{shown}");
    let kept = std::fs::read_to_string(ben.home().join("proposal-1.toml")).unwrap();
    assert_eq!(kept, std::fs::read_to_string(&new).unwrap());
    let counted = ben.json(0, &["approve", "policy-1", "--yes"]);
    assert_eq!((&counted[0]["id"], &counted[0]["state"]), (&"policy-1".into(), &"counted".into()));
    let few = ben.says(2, &["policy", "install", "1"]);
    assert!(few.contains("2 of the administrators"), "{few}");
    assert_eq!((in_force(&world), pay(&world, "20.00")), (1.into(), Some(0)));
    anna.says(0, &["approve", "policy-1", "--yes"]);
    let installed = ben.json(0, &["policy", "install", "1"]);
    assert_eq!(
        (&installed["version"], &installed["until"], &installed["before"]),
        (&2.into(), &Value::Null, &1.into())
    );
    assert_eq!((in_force(&world), pay(&world, "20.00")), (2.into(), Some(1)));

    // A copy of yesterday names nothing, and says what to do.
    let refused = anna.says(3, &["inbox"]);
    assert!(refused.contains("is version 1") && refused.contains("by version 2"), "{refused}");
    assert!(refused.contains("policy fetch"), "{refused}");
    // What it changes is shown, and nothing is taken over unasked.
    let asked = anna.says(2, &["policy", "fetch"]);
    assert!(asked.contains("Newly denied") && asked.contains("--yes"), "{asked}");
    assert_eq!(std::fs::read_to_string(anna.home().join("policy.toml")).unwrap(), bundle(1, both, "50.00"));
    let fetched = anna.json(0, &["policy", "fetch", "--yes"]);
    assert_eq!(
        (&fetched["first"], &fetched["changed"], &fetched["before"]["version"]),
        (&false.into(), &true.into(), &1.into())
    );
    let old = std::fs::read_to_string(anna.home().join("policy.old.toml")).unwrap();
    assert_eq!(old, bundle(1, both, "50.00"));
    assert_eq!(anna.json(0, &["policy", "fetch"])["changed"], false);
    anna.says(0, &["inbox"]);
    ben.says(0, &["policy", "fetch", "--yes"]);

    // Refused by one of two, it is out of the question.
    std::fs::write(&new, bundle(3, both, "90.00")).unwrap();
    assert_eq!(anna.json(0, &["policy", "propose", &new])["proposal"], 2);
    let refused = ben.json(0, &["refuse", "policy-2", "--why", "too much", "--yes"]);
    assert_eq!(refused[0]["state"], "withdrawn");
    anna.says(2, &["approve", "policy-2", "--yes"]);

    // In an emergency one is enough, for a day, and everybody sees it.
    assert_eq!(anna.json(0, &["policy", "propose", &new, "--break-glass"])["proposal"], 3);
    let loud = ben.says(2, &["approve", "policy-3"]);
    assert!(loud.contains("BREAK-GLASS: it holds for 24 hours"), "{loud}");
    ben.says(0, &["approve", "policy-3", "--yes"]);
    let installed = ben.says(0, &["policy", "install", "3"]);
    assert!(installed.contains("BREAK-GLASS: version 3 of the policy is in force until"), "{installed}");
    assert_eq!(pay(&world, "90.00"), Some(0));
    ben.says(0, &["policy", "fetch", "--yes"]);
    for says in [ben.says(0, &["inbox"]), ended(&world.run(&["status"]), 0, &["status"])] {
        assert!(says.contains("BREAK-GLASS"), "{says}");
    }
    assert!(agent.stop().success());
    let says = ended(&world.run(&["status"]), 8, &["status"]);
    assert!(says.contains("BREAK-GLASS"), "without the agent, too: {says}");
}

/// A home of `bursar init`, whose administrator is alone.
struct Own {
    folder: TempDir,
    token: External,
}

impl Own {
    fn new() -> Self {
        let own = Self { folder: TempDir::with_prefix("bursar-").unwrap(), token: SoftHsm::external() };
        own.write_pin(own.token.pin());
        let (module, pin) = (own.token.module().to_owned(), own.folder.path().join("pin"));
        let args = ["init", "--module", module.to_str().unwrap(), "--token", own.token.label(), "--pin-file"];
        let more = [pin.to_str().unwrap(), "--account", "expenses", "--balance", "expenses=100.00 EUR"];
        own.run(0, &[&args[..], &more].concat());
        own
    }

    fn write_pin(&self, pin: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join("pin");
        std::fs::write(&path, pin).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn policy(&self) -> PathBuf {
        self.folder.path().join("home/policy.toml")
    }

    fn output(&self, args: &[&str]) -> Output {
        let mut command = Command::new(programs!().bursar);
        command.args(args).arg("--home").arg(self.folder.path().join("home")).stdin(Stdio::null());
        command.env("SOFTHSM2_CONF", self.token.conf()).env_remove("FAILPOINTS").env("NO_COLOR", "1");
        command.output().unwrap()
    }

    fn run(&self, code: i32, args: &[&str]) -> String {
        ended(&self.output(args), code, args)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.output(&["stop"]);
    }
}

#[test]
fn the_administrator_of_a_new_home_installs_a_file_in_one_go() {
    let own = Own::new();
    let text = std::fs::read_to_string(own.policy()).unwrap();
    let shown = own.output(&["key", "show", "administrator", "--json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let key = shown["key"].as_str().unwrap();
    assert!(
        key.starts_with("ed25519:") && text.contains(&format!("need = 1\nkeys = {{ owner = \"{key}\" }}")),
        "{text}"
    );
    own.run(0, &["serve", "--background"]);
    // Editing changes nothing, not even over a restart.
    let recipient = "\n[recipients.Shop]\naddress = \"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"\n\n[[allow]]\nname = \"shop\"\nper_payment = \"5.00 EUR\"\n";
    let edited = text + recipient;
    std::fs::write(own.policy(), &edited).unwrap();
    own.run(0, &["stop"]);
    own.run(0, &["serve", "--background"]);
    let pay = |code: i32| own.run(code, &["pay", "1.00", "EUR", "--from", "expenses", "--to", "Shop"]);
    pay(1);
    let file = own.policy();
    let install = ["policy", "install", file.to_str().unwrap()];
    let yes = [&install[..], &["--yes"]].concat();
    let same = own.run(2, &yes);
    assert!(same.contains("version 1 is in force") && same.contains("change `version`"), "{same}");
    let second = edited.replacen("version = 1", "version = 2", 1);
    std::fs::write(&file, &second).unwrap();
    let asked = own.run(2, &install);
    assert!(
        asked.contains("Version 2 takes the place of version 1") && asked.contains("add --yes"),
        "{asked}"
    );
    pay(1);
    // With a wrong PIN it is not even put forward.
    own.write_pin("wrong");
    own.run(5, &yes);
    let inbox: Value = serde_json::from_slice(&own.output(&["inbox", "--json"]).stdout).unwrap();
    assert_eq!(inbox["proposals"], json!([]));
    own.write_pin(own.token.pin());
    own.run(0, &[&yes[..], &["--retry-pin"]].concat());
    pay(0);
    own.run(0, &["stop"]);
    own.run(0, &["audit", "verify"]);
    own.run(0, &["serve", "--background"]);
    pay(0);
    // Another file: the home's own follows, since it was the version before.
    let other = own.folder.path().join("third.toml");
    let third = second.replacen("version = 2", "version = 3", 1).replacen("\"5.00 EUR", "\"0.50 EUR", 1);
    std::fs::write(&other, &third).unwrap();
    own.run(0, &["policy", "install", other.to_str().unwrap(), "--yes"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), third);
    pay(1);
    // A bundle without administrators, and whoever can write the folder changes it from then on.
    let open = third.replacen("version = 3", "version = 4", 1);
    let (before, after) = open.split_once("[administrators]").unwrap();
    let open = format!("{before}{}", after.split_once('}').unwrap().1);
    std::fs::write(&file, &open).unwrap();
    let warned = own.run(0, &yes);
    assert!(warned.contains("no [administrators]"), "{warned}");
    std::fs::write(
        &file,
        open.replacen("version = 4", "version = 5", 1).replacen("\"0.50 EUR", "\"5.00 EUR", 1),
    )
    .unwrap();
    own.run(0, &yes);
    pay(0);
}
