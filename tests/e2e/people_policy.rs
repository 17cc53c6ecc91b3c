//! Versions of the policy by the command line: several administrators, one alone, and break-glass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use bursar_pkcs11::fixture::{External, SoftHsm};
use bursar_tests::daemon::Daemon;
use bursar_tests::imposter::Imposter;
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
    // It stands beside the own copy, and names things in its place for as long as it lasts.
    let fetched = ben.json(0, &["policy", "fetch", "--yes"]);
    assert_eq!((&fetched["version"], &fetched["changed"]), (&2.into(), &false.into()));
    let emergency = &fetched["break_glass"];
    assert_eq!((&emergency["version"], &emergency["by"]), (&3.into(), &json!(["ben"])));
    assert_eq!(emergency["until"], ben.json(0, &["inbox"])["until"]);
    assert_eq!(std::fs::read_to_string(ben.home().join("policy.toml")).unwrap(), bundle(2, both, "10.00"));
    let again = ben.says(0, &["policy", "fetch"]);
    assert!(again.contains("has not changed") && again.contains("BREAK-GLASS: version 3"), "{again}");
    let shown = ended(&world.run(&["policy", "show"]), 0, &["policy", "show"]);
    assert!(shown.contains("BREAK-GLASS") && shown.contains(emergency["until"].as_str().unwrap()), "{shown}");
    let known = ben.home().join("agent.json");
    let text = std::fs::read_to_string(&known).unwrap();
    std::fs::write(&known, text.replace(emergency["until"].as_str().unwrap(), "2026-01-01T00:00:00Z"))
        .unwrap();
    let over = ben.says(3, &["inbox"]);
    assert!(over.contains("is version 2") && over.contains("by version 3"), "{over}");
    std::fs::write(&known, text).unwrap();
    for says in [ben.says(0, &["inbox"]), ended(&world.run(&["status"]), 0, &["status"])] {
        assert!(says.contains("BREAK-GLASS"), "{says}");
    }
    assert!(agent.stop().success());
    let says = ended(&world.run(&["status"]), 8, &["status"]);
    assert!(says.contains("BREAK-GLASS"), "without the agent, too: {says}");
}

/// A home that two managers decide for, each with a copy of the first version, and two more versions
/// that both of them have agreed to since.
struct Firm {
    world: World,
    agent: Daemon,
    anna: Manager,
    ben: Manager,
}

impl Firm {
    fn new() -> Self {
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
        let firm = Self { world, agent, anna, ben };
        firm.change(2, "20.00");
        firm.change(3, "10.00");
        firm
    }

    fn bundle(&self, number: u64, cap: &str) -> String {
        bundle(number, [&self.anna, &self.ben], cap)
    }

    /// Puts forward, agreed to by both and installed; only Ben's own copy follows.
    fn change(&self, number: u64, cap: &str) {
        let Self { anna, ben, .. } = self;
        let file = ben.file("new.toml");
        std::fs::write(&file, self.bundle(number, cap)).unwrap();
        ben.says(0, &["policy", "propose", &file]);
        let own = std::fs::read_to_string(anna.home().join("policy.toml")).unwrap();
        if number > 2 {
            anna.says(0, &["policy", "fetch", "--yes"]);
        }
        let id = format!("policy-{}", number - 1);
        [anna, ben].iter().for_each(|one| drop(one.says(0, &["approve", &id, "--yes"])));
        std::fs::write(anna.home().join("policy.toml"), own).unwrap();
        ben.says(0, &["policy", "install", &(number - 1).to_string()]);
        ben.says(0, &["policy", "fetch", "--yes"]);
    }

    fn own_copy(&self) -> String {
        std::fs::read_to_string(self.anna.home().join("policy.toml")).unwrap()
    }
}

#[test]
fn an_own_copy_follows_only_what_the_administrators_signed() {
    let firm = Firm::new();
    let (anna, first) = (&firm.anna, firm.bundle(1, "50.00"));
    let hash = bursar_tests::policy::hash(&first);
    let (status, lineage) = firm.agent.api().get(&format!("/v1/policy/lineage?since={hash}"));
    assert_eq!((status, lineage["steps"].as_array().unwrap().len()), (200, 2), "{lineage}");
    let socket = anna.file("socket");
    // Whoever runs the agent shows another history.
    type Forge = fn(&mut Value);
    let forged: [(Forge, &str); 7] = [
        (|all| drop(all["steps"].as_array_mut().unwrap().remove(0)), "the policy changed since"),
        (
            |all| drop(all["steps"][0]["agreements"].as_array_mut().unwrap().pop()),
            "version 2 was not agreed to by those whom version 1 names: 2 of the administrators have to, and anna did",
        ),
        (
            |all| {
                let text = all["steps"][1]["bundle"].as_str().unwrap().replace("10.00 EUR", "90.00 EUR");
                all["steps"][1]["bundle"] = text.into();
            },
            "it is about another bundle",
        ),
        (
            |all| {
                let other = all["steps"][0]["agreements"][0]["signatures"].clone();
                all["steps"][1]["agreements"][0]["signatures"] = other;
            },
            "does not hold",
        ),
        (|all| drop(all["steps"].as_array_mut().unwrap().pop()), "is said to be in force"),
        (|all| all["steps"][1]["bundle"] = all["steps"][0]["bundle"].clone(), "has a higher one"),
        (|all| all["home"] = "ab".repeat(16).into(), "agent.json"),
    ];
    for (forge, says) in forged {
        let mut lineage = lineage.clone();
        forge(&mut lineage);
        let _imposter = Imposter::new(socket.as_ref(), &lineage);
        anna.ask(&socket);
        let refused = anna.says(12, &["policy", "fetch", "--yes"]);
        assert!(refused.contains(says), "{says}: {refused}");
        assert!(refused.contains("--sha256") || says == "agent.json", "{refused}");
        assert_eq!(firm.own_copy(), first, "{says}");
    }
    anna.connect(&firm.world);
    // A copy that never was in force leads nowhere; the hash that an administrator tells does.
    std::fs::write(anna.home().join("policy.toml"), firm.bundle(1, "51.00")).unwrap();
    let refused = anna.says(12, &["policy", "fetch", "--yes"]);
    assert!(refused.contains("never in force") && refused.contains("--sha256"), "{refused}");
    let third = bursar_tests::policy::hash(&firm.bundle(3, "10.00"));
    assert_eq!(anna.json(0, &["policy", "fetch", "--sha256", &third])["version"], 3);
    // What is true is taken over, and said by whom.
    std::fs::write(anna.home().join("policy.toml"), &first).unwrap();
    let asked = anna.says(2, &["policy", "fetch"]);
    for says in ["Version 2, ", "Version 3, ", "agreed to by anna, ben.", "Newly denied", "--yes"] {
        assert!(asked.contains(says), "{says}: {asked}");
    }
    assert_eq!(firm.own_copy(), first);
    let fetched = anna.json(0, &["policy", "fetch", "--yes"]);
    let steps: Vec<_> =
        fetched["steps"].as_array().unwrap().iter().map(|one| one["version"].clone()).collect();
    assert_eq!((steps, &fetched["steps"][1]["by"]), (vec![2.into(), 3.into()], &json!(["anna", "ben"])));
    assert_eq!(firm.own_copy(), firm.bundle(3, "10.00"));
}

#[test]
fn a_home_knows_its_agent_by_the_id_of_its_home() {
    let firm = Firm::new();
    let anna = &firm.anna;
    let id = firm.agent.api().inbox().home.to_string();
    let status: Value = serde_json::from_slice(&firm.world.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!(status["id"], id);
    assert_eq!(anna.json(0, &["init"])["agent_home"], id);
    assert_eq!(anna.json(0, &["policy", "fetch", "--yes"])["home"], id);
    // Another home answers: nothing is read, signed or taken over.
    let known = anna.home().join("agent.json");
    std::fs::write(&known, format!("{{\"home\":\"{}\"}}", "ab".repeat(16))).unwrap();
    for args in [
        &["inbox"][..],
        &["approve", "1", "--yes"],
        &["freeze", "expenses"],
        &["policy", "fetch"],
        &["policy", "fetch", "--sha256", &"00".repeat(32)],
    ] {
        let refused = anna.says(12, args);
        for says in [&id, &"ab".repeat(16), known.to_str().unwrap(), "--home"] {
            assert!(refused.contains(says), "{args:?} {says}: {refused}");
        }
    }
    std::fs::remove_file(&known).unwrap();
    anna.says(0, &["policy", "fetch"]);
    assert!(std::fs::read_to_string(&known).unwrap().contains(&id));
    anna.says(0, &["inbox"]);
}

#[test]
fn a_copy_that_names_no_administrators_says_that_nobody_signs() {
    let anna = Manager::new(programs!(), "anna", &[]);
    let open = |number, cap: &str| {
        version(number, &format!("{}\n{}", anna.made["policy"][0].as_str().unwrap(), groceries(cap)))
    };
    let world = World::new(programs!(), &open(1, "50.00"));
    world.configure(anna.made["callers"][0].as_str().unwrap());
    world.listen();
    let agent = world.serve();
    anna.connect(&world);
    anna.says(0, &["policy", "fetch"]);
    assert!(agent.stop().success());
    std::fs::write(world.home().join("policy.toml"), open(2, "10.00")).unwrap();
    let _agent = world.serve();
    anna.connect(&world);
    let asked = anna.says(2, &["policy", "fetch"]);
    assert!(asked.contains("Nobody signs") && asked.contains("Newly denied"), "{asked}");
    anna.says(0, &["policy", "fetch", "--yes"]);
    anna.says(0, &["inbox"]);
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

    /// Runs `bursar init` for another home with the same token.
    fn other(&self, code: i32, home: &str, more: &[&str]) -> String {
        let mut command = Command::new(programs!().bursar);
        command
            .args(["init", "--token", self.token.label(), "--pin-file"])
            .arg(self.folder.path().join("pin"));
        command.arg("--module").arg(self.token.module()).args(more);
        command.arg("--home").arg(self.folder.path().join(home)).stdin(Stdio::null());
        command.env("SOFTHSM2_CONF", self.token.conf()).env_remove("FAILPOINTS").env("NO_COLOR", "1");
        ended(&command.output().unwrap(), code, more)
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

#[test]
fn a_key_has_one_role_in_all_homes_of_a_token() {
    let own = Own::new();
    for (office, made) in [
        ("--approver=anna=expenses", "account"),
        ("--administrator=anna=audit", "audit"),
        ("--approver=anna=administrator", "administrator"),
    ] {
        let refused = own.other(6, "anna", &[office]);
        assert!(refused.contains(&format!("made for the role {made}")), "{office}: {refused}");
        assert!(refused.contains("name a label that no key has yet"), "{refused}");
        assert!(!own.folder.path().join("anna/config.toml").exists());
    }
    own.other(0, "anna", &["--approver", "anna=card", "--administrator", "anna"]);
    own.other(0, "again", &["--approver", "anna=card"]);
    let refused = own.other(6, "petty", &["--account", "petty=card"]);
    assert!(refused.contains("made for the role approver, and is asked for as account"), "{refused}");
    own.other(0, "petty", &["--account", "petty"]);
    // Nor by a configuration that was edited.
    let config = own.folder.path().join("home/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains("key = \"expenses\""), "{text}");
    std::fs::write(&config, text.replace("key = \"expenses\"", "key = \"card\"")).unwrap();
    let refused = own.run(6, &["serve"]);
    assert!(refused.contains("made for the role approver"), "{refused}");
}
