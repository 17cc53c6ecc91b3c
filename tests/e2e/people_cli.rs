//! People who decide on payments by the command line, each with a token of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use bursar_tests::daemon::Daemon;
use bursar_tests::files;
use bursar_tests::manager::{Manager, ended};
use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::spec::Account;
use bursar_tests::world::World;
use serde_json::{Value, json};

/// Groceries as they are, and salaries that two managers approve.
const SALARIES: &str = r#"
[[allow]]
name = "salaries"
accounts = ["payroll"]
categories = ["employee"]
per_payment = "5000.00 EUR"
approvals = [{ need = 2, from = "managers" }]
"#;

/// A treasury that listens, and two managers who know it and are known there.
struct Firm {
    world: World,
    agent: Daemon,
    anna: Manager,
    ben: Manager,
}

impl Firm {
    fn new() -> Self {
        let [anna, ben] = ["anna", "ben"].map(|name| Manager::new(programs!(), name, &[]));
        let people = format!(
            "[groups]\nmanagers = [\"anna\", \"ben\"]\n\n{}\n\n{}\n\n[freeze]\nfrom = \"managers\"\nlift = 2\n",
            anna.made["policy"][0].as_str().unwrap(),
            ben.made["policy"][0].as_str().unwrap(),
        );
        let accounts = [Account::new("expenses", "1000.00"), Account::new("payroll", "200000.00")];
        let policy = bundle(&format!("{people}{GROCERIES}{SALARIES}"));
        let world = World::with_accounts(programs!(), &policy, &accounts);
        for manager in [&anna, &ben] {
            world.configure(manager.made["callers"][0].as_str().unwrap());
        }
        world.listen();
        let agent = world.serve();
        for manager in [&anna, &ben] {
            manager.connect(&world);
            let [right, wrong] = [&policy, "another"].map(bursar_tests::policy::hash);
            let refused = manager.says(12, &["policy", "fetch", "--sha256", &wrong]);
            assert!(refused.contains(&right) && !manager.home().join("policy.toml").exists(), "{refused}");
            let fetched = manager.json(0, &["policy", "fetch", "--sha256", &right]);
            assert_eq!((&fetched["first"], &fetched["version"]), (&true.into(), &1.into()));
            assert_eq!(std::fs::read_to_string(manager.home().join("policy.toml")).unwrap(), policy);
        }
        Self { world, agent, anna, ben }
    }

    /// Asks for a salary, which waits; answers its id.
    fn ask(&self, amount: &str) -> String {
        let args =
            ["pay", amount, "EUR", "--from", "payroll", "--to", "Anna", "--memo", "November", "--json"];
        let output = self.world.run(&args);
        ended(&output, 16, &args);
        let spend: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(spend["state"], "waiting", "{spend}");
        spend["id"].to_string()
    }

    fn state(&self, id: &str) -> String {
        let output = self.world.run(&["show", id, "--json"]);
        let spend: Value = serde_json::from_slice(&output.stdout).unwrap();
        spend["state"].as_str().unwrap().to_owned()
    }
}

/// What the book has recorded of votes: the signature of each ballot.
fn signatures(home: &Path) -> Vec<String> {
    let records = files::records(home);
    let votes = records.iter().filter_map(|record| record.get("voted"));
    votes.map(|voted| voted["vote"]["envelope"]["signatures"][0]["sig"].to_string()).collect()
}

fn states(fates: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    fates.as_array().unwrap().iter().map(|fate| (text(&fate["id"]), text(&fate["state"]))).collect()
}

fn pairs<'a>(all: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    all.into_iter().map(|(id, state)| (id.to_owned(), state.to_owned())).collect()
}

#[test]
fn two_managers_approve_with_their_own_tokens() {
    let firm = Firm::new();
    let Firm { world, anna, ben, .. } = &firm;
    let id = firm.ask("3000.00");
    let inbox = anna.json(0, &["inbox"]);
    let waiting = &inbox["payments"][0];
    assert_eq!((waiting["id"].as_str(), &waiting["mine"]), (Some(id.as_str()), &true.into()));
    let shown = ["amount", "asset", "account", "recipient", "memo", "caller"].map(|field| &waiting[field]);
    assert_eq!(shown, ["3000.00", "EUR", "payroll", "Anna", "November", "owner"].map(Value::from).each_ref());
    assert_eq!(waiting["categories"], json!(["employee"]));
    let page = anna.says(0, &["inbox"]);
    assert!(page.contains("2 of managers (anna, ben), by rule salaries"), "{page}");
    // From the bytes: who pays, where, and for which home.
    let home = firm.agent.api().inbox().home.to_string();
    let ledger = waiting["ledger"].as_str().unwrap();
    let payer = format!("payroll pays from {}: the name is the agent's word alone", world.address("payroll"));
    let signs = anna.says(2, &["approve", &id]);
    for says in [&home, ledger, &payer] {
        assert!(page.contains(says) && signs.contains(says), "{says}: {page}{signs}");
    }
    assert_eq!(waiting["vouched"], "agent");
    let genesis = world.run(&["ledger", "show", "--json"]);
    assert!(String::from_utf8_lossy(&genesis.stdout).contains(ledger), "{genesis:?}");

    // Without a terminal and without --yes nothing is signed.
    let refused = anna.says(2, &["approve", &id]);
    assert!(refused.contains("add --yes") && refused.contains("together 3000.00 EUR"), "{refused}");
    assert!(signatures(&world.home()).is_empty());
    let first = anna.command(&["approve", &id, "--yes", "--json"]).output().unwrap();
    let says = ended(&first, 0, &["approve"]);
    assert!(says.contains("Touch your token now"), "{says}");
    let first: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(states(&first), pairs([(id.as_str(), "waiting")]));
    assert_eq!(files::entries(&world.home()).len(), 0);
    let again = anna.says(2, &["approve", &id, "--yes"]);
    assert!(again.contains("anna has decided on"), "{again}");
    assert_eq!(anna.json(0, &["inbox"])["payments"][0]["mine"], false);
    assert_eq!(ben.json(0, &["inbox"])["payments"][0]["mine"], true);
    let second = ben.json(0, &["approve", &id, "--yes"]);
    assert_eq!(states(&second), pairs([(id.as_str(), "recorded")]));
    let entries = files::entries(&world.home());
    assert_eq!(entries.iter().map(|entry| entry.units()).collect::<Vec<_>>(), [300_000]);
    let nothing = ben.says(2, &["approve", &id, "--yes"]);
    assert!(nothing.contains(&format!("nothing called {id} waits")), "{nothing}");
    assert!(
        nothing.contains(&format!("`bursar show {id}`")) && nothing.contains("`bursar inbox`"),
        "{nothing}"
    );

    // What they decided verifies offline, against the bundle and the payment.
    let (approvals, payment) = (anna.file("approvals.json"), anna.file("payment.json"));
    std::fs::write(&approvals, world.run(&["show", &id, "--approvals"]).stdout).unwrap();
    std::fs::write(&payment, world.run(&["show", &id, "--envelope"]).stdout).unwrap();
    let policy = anna.home().join("policy.toml");
    let verify = ["approvals", "verify", &approvals, "--policy", policy.to_str().unwrap()];
    let verified = anna.json(0, &[&verify[..], &["--payment", &payment, "--requester", "owner"]].concat());
    assert_eq!((&verified["approved"], &verified["not_counted"]), (&json!(["anna", "ben"]), &json!([])));
    assert_eq!(verified["enough"], true);
    // Who asked is signed: it need not be said, and nothing else may be.
    let known = anna.json(0, &[&verify[..], &["--payment", &payment]].concat());
    assert_eq!((&known["requester"], &known["enough"]), (&"owner".into(), &true.into()));
    let bare = anna.json(0, &verify);
    assert_eq!((&bare["enough"], &bare["from"]), (&Value::Null, &Value::Null));
    let own = anna.json(12, &[&verify[..], &["--requester", "ben"]].concat());
    let codes: Vec<Value> =
        own["not_counted"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
    assert_eq!((&own["approved"], codes), (&json!([]), vec!["other-requester".into(), "requester".into()]));
    let text = std::fs::read_to_string(&approvals).unwrap();
    // One of two is no quorum, though the signature holds.
    let mut half: Value = serde_json::from_str(&text).unwrap();
    half["votes"].as_array_mut().unwrap().pop();
    std::fs::write(&approvals, half.to_string()).unwrap();
    let half = anna.json(12, &[&verify[..], &["--payment", &payment, "--requester", "owner"]].concat());
    assert_eq!((&half["enough"], &half["not_counted"]), (&json!(false), &json!([])));
    assert!(half["lacking"].as_str().unwrap().contains("2 of managers"), "{half}");
    std::fs::write(&approvals, text.replacen("\"request\":1", "\"request\":2", 1)).unwrap();
    assert_ne!(text, std::fs::read_to_string(&approvals).unwrap());
    anna.says(12, &verify);
}

#[test]
fn somebody_thinks_before_the_answer() {
    let firm = Firm::new();
    let id = firm.ask("100.00");
    // A terminal of its own, by util-linux, so that the question is asked.
    let approve = firm.anna.command(&["approve", &id]);
    let words = std::iter::once(approve.get_program()).chain(approve.get_args());
    let words: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &words.join(" "), "/dev/null"]).env("SHELL", "/bin/sh").env("NO_COLOR", "1");
    terminal.env_remove("FAILPOINTS").env_remove("SOFTHSM2_CONF");
    let mut asked = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keyboard, mut screen) = (asked.stdin.take().unwrap(), asked.stdout.take().unwrap());
    let mut seen = Vec::new();
    while !seen.ends_with(b"[y/N] ") {
        let mut byte = [0];
        assert_eq!(screen.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
        seen.extend(byte);
    }
    // Longer than the agent keeps a connection on which nothing is asked, which is 5 seconds. That
    // this time passes is what is tested, so nothing can be waited for in its place.
    thread::sleep(Duration::from_secs(6));
    keyboard.write_all(b"y\n").unwrap();
    screen.read_to_end(&mut seen).unwrap();
    drop(keyboard);
    let seen = String::from_utf8_lossy(&seen);
    assert_eq!(asked.wait().unwrap().code(), Some(0), "{seen}");
    assert_eq!(signatures(&firm.world.home()).len(), 1, "{seen}");
}

#[test]
fn a_memo_forges_no_column() {
    let firm = Firm::new();
    let memo = format!("November{}1.00  EUR  payroll  Anna  employee  {}", " ".repeat(12), "x".repeat(60));
    let args = ["pay", "100.00", "EUR", "--from", "payroll", "--to", "Anna", "--memo", &memo, "--json"];
    ended(&firm.world.run(&args), 16, &args);
    let inbox = firm.anna.says(0, &["inbox"]);
    assert!(inbox.contains(&format!("  November {}1.00 ·EUR ·payroll", "·".repeat(11))), "{inbox}");
    assert!(inbox.contains("x…") && !inbox.contains(&"x".repeat(60)), "{inbox}");
    assert!(
        inbox.contains("1 thing waits for you. To approve:\n  ") && inbox.contains("approve 1\n"),
        "{inbox}"
    );
    // Whoever signs sees all of it, and programs see it as it is.
    let shown = firm.anna.says(2, &["approve", "1"]);
    assert!(shown.contains(&format!("memo of 1, in full: November {}1.00 ·EUR", "·".repeat(11))), "{shown}");
    assert!(shown.contains(&"x".repeat(60)), "{shown}");
    assert_eq!(firm.anna.json(0, &["inbox"])["payments"][0]["memo"], *memo);
}

#[test]
fn a_refusal_ends_it_when_the_others_are_too_few() {
    let firm = Firm::new();
    let id = firm.ask("100.00");
    let refused = firm.ben.json(0, &["refuse", &id, "--why", "paid twice", "--yes"]);
    assert_eq!(states(&refused), pairs([(id.as_str(), "refused")]));
    assert_eq!(firm.state(&id), "denied");
    let shown = firm.world.run(&["show", &id]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("paid twice"), "{shown:?}");
    assert_eq!(files::entries(&firm.world.home()).len(), 0);
    firm.anna.says(2, &["approve", &id, "--yes"]);
    // His no is kept, and nobody takes it for a yes.
    let (approvals, policy) = (firm.ben.file("approvals.json"), firm.ben.home().join("policy.toml"));
    std::fs::write(&approvals, firm.world.run(&["show", &id, "--approvals"]).stdout).unwrap();
    let verified =
        firm.ben.json(12, &["approvals", "verify", &approvals, "--policy", policy.to_str().unwrap()]);
    assert_eq!(verified["refused"], json!([{ "person": "ben", "why": "paid twice" }]));
}

#[test]
fn forty_salaries_take_one_signature() {
    let firm = Firm::new();
    let Firm { world, anna, ben, .. } = &firm;
    let mut api = firm.agent.api();
    for number in 0..40 {
        let body = format!(r#"{{"from":"payroll","to":"Anna","amount":"{}.00 EUR"}}"#, 1000 + number);
        assert_eq!(api.ask(&format!("s-{number}"), &body).unwrap().status, 202);
    }
    let status = world.run(&["status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("40 payments"), "{status:?}");
    // 40 times 1,000, and the numbers from 0 to 39: 780.
    let shown = anna.says(2, &["approve", "1-40"]);
    assert!(shown.contains("together 40780.00 EUR") && shown.contains("1039.00"), "{shown}");
    let first = anna.json(0, &["approve", "1-40", "--yes"]);
    assert_eq!(first.as_array().unwrap().len(), 40);
    assert!(first.as_array().unwrap().iter().all(|fate| fate["state"] == "waiting"), "{first}");
    let made = signatures(&world.home());
    assert_eq!((made.len(), made.iter().collect::<BTreeSet<_>>().len()), (40, 1));
    let second = ben.json(0, &["approve", "1-40", "--yes"]);
    assert!(second.as_array().unwrap().iter().all(|fate| fate["state"] == "recorded"), "{second}");
    let entries = files::entries(&world.home());
    assert_eq!(entries.iter().map(|entry| entry.units()).sum::<u64>(), 4_078_000);
    let none = ben.says(2, &["approve", "1-40", "--yes"]);
    assert!(none.contains("no payment from 1 to 40 waits for you"), "{none}");
}

#[test]
fn files_carry_decisions_from_a_machine_without_a_network() {
    let firm = Firm::new();
    let Firm { world, anna, ben, .. } = &firm;
    let ids = [firm.ask("100.00"), firm.ask("200.00")];
    let (inbox, out) = (ben.file("inbox.json"), anna.file("decisions.jsonl"));
    ben.says(0, &["inbox", "--save", &inbox]);
    // From now on anna's home knows of no agent.
    let config = anna.home().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.split("[remote]").next().unwrap()).unwrap();
    let away = anna.says(3, &["inbox"]);
    assert!(away.contains("--inbox FILE"), "{away}");
    assert_eq!(anna.json(0, &["inbox", "--inbox", &inbox])["payments"].as_array().unwrap().len(), 2);
    let args = ["approve", &ids[0], &ids[1], "--inbox", &inbox, "--out", &out, "--yes"];
    assert_eq!(anna.json(0, &args)["decisions"], json!(ids));
    for file in [&inbox, &out] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(signatures(&world.home()).is_empty());

    // Nothing of a file that was changed is delivered.
    let text = std::fs::read_to_string(&out).unwrap();
    let changed = ben.file("changed.jsonl");
    std::fs::write(&changed, text.replacen(&format!("\"request\":{}", ids[1]), "\"request\":7", 1)).unwrap();
    assert_ne!(text, std::fs::read_to_string(&changed).unwrap());
    let says = ben.says(12, &["deliver", &changed]);
    assert!(says.contains("line 2") && says.contains("nothing was delivered"), "{says}");
    assert!(signatures(&world.home()).is_empty());
    let delivered = ben.json(0, &["deliver", &out]);
    assert_eq!(states(&delivered), pairs(ids.iter().map(|id| (id.as_str(), "waiting"))));
    assert!(delivered.as_array().unwrap().iter().all(|fate| fate["person"] == "anna"), "{delivered}");
    // A second time it is no second vote.
    let again = ben.json(11, &["deliver", &out]);
    assert_eq!(states(&again), pairs(ids.iter().map(|id| (id.as_str(), "not-counted"))));
    let done = ben.json(0, &["approve", &ids[0], &ids[1], "--yes"]);
    assert_eq!(states(&done), pairs(ids.iter().map(|id| (id.as_str(), "recorded"))));
    // An inbox whose bytes are not those that a vote would be about.
    let third = firm.ask("300.00");
    ben.says(0, &["inbox", "--save", &inbox]);
    let text = std::fs::read_to_string(&inbox).unwrap();
    let forged = text.replacen("\"amount\":\"30000\"", "\"amount\":\"30001\"", 1);
    assert_ne!(text, forged);
    std::fs::write(&inbox, forged).unwrap();
    let says = ben.says(12, &["approve", &third, "--inbox", &inbox, "--out", &out, "--yes"]);
    assert!(says.contains("the digest to be signed is not that of its bytes"), "{says}");
}

#[test]
fn one_freezes_an_account_and_two_let_it_go_on() {
    let firm = Firm::new();
    let Firm { world, anna, ben, .. } = &firm;
    let pay = |key: &str| {
        let args = ["pay", "1.00", "EUR", "--from", "expenses", "--to", "Fresh Market", "--key", key];
        world.run(&args).status.code()
    };
    assert_eq!(pay("a"), Some(0));
    let typo = anna.says(2, &["freeze", "expense"]);
    assert!(typo.contains("NOT FROZEN") && typo.contains("expenses, payroll"), "{typo}");
    let frozen = anna.says(0, &["freeze", "expenses", "--why", "card stolen"]);
    assert!(frozen.contains("FROZEN: nothing leaves the account expenses"), "{frozen}");
    assert_eq!(pay("b"), Some(1));
    let status = world.run(&["status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("FROZEN: nothing leaves the account expenses"));
    let inbox = ben.json(0, &["inbox"]);
    let one = &inbox["frozen"][0];
    assert_eq!(
        [&one["id"], &one["by"], &one["why"], &one["mine"]],
        [&"lift-expenses".into(), &"anna".into(), &"card stolen".into(), &Value::Bool(true)]
    );
    // Who lets it go on reads what was signed, and not what else the agent says of it.
    let saved = ben.file("saved.json");
    ben.says(0, &["inbox", "--save", &saved]);
    let text = std::fs::read_to_string(&saved).unwrap();
    let read = |change: &dyn Fn(&mut Value)| {
        let mut inbox: Value = serde_json::from_str(&text).unwrap();
        change(&mut inbox["inbox"]["frozen"][0]);
        std::fs::write(&saved, inbox.to_string()).unwrap();
        let frozen = ben.json(0, &["inbox", "--inbox", &saved])["frozen"][0].clone();
        (
            frozen["by"].clone(),
            frozen["why"].clone(),
            frozen["verified"].clone(),
            ben.says(0, &["inbox", "--inbox", &saved]),
        )
    };
    let (by, why, verified, _) =
        read(&|frozen| (frozen["by"], frozen["why"]) = ("ben".into(), "a test".into()));
    assert_eq!((by, why, verified), ("anna".into(), "card stolen".into(), true.into()));
    for (change, says) in [
        (
            &(|frozen: &mut Value| drop(frozen.as_object_mut().unwrap().remove("envelope")))
                as &dyn Fn(&mut Value),
            "no signed freeze",
        ),
        (&|frozen| frozen["freeze"] = "00".repeat(32).into(), "not the one that would be lifted"),
        (&|frozen| frozen["account"] = "payroll".into(), "not the one that would be lifted"),
        (&|frozen| frozen["envelope"]["signatures"][0]["sig"] = "AAAA".into(), "does not verify"),
    ] {
        let (_, _, verified, page) = read(change);
        assert_eq!(verified, false, "{says}");
        assert!(
            page.contains("UNVERIFIED anna") && page.contains("agent's word alone") && page.contains(says),
            "{page}"
        );
    }
    let first = anna.json(0, &["approve", "lift-expenses", "--yes"]);
    assert_eq!(states(&first), pairs([("lift-expenses", "counted")]));
    assert_eq!(pay("c"), Some(1));
    let second = ben.json(0, &["approve", "lift-expenses", "--yes"]);
    assert_eq!(states(&second), pairs([("lift-expenses", "lifted")]));
    assert_eq!(pay("d"), Some(0));
    // By a file, too.
    let (inbox, out) = (ben.file("inbox.json"), ben.file("freeze.jsonl"));
    ben.says(0, &["inbox", "--save", &inbox]);
    ben.says(0, &["freeze", "expenses", "--inbox", &inbox, "--out", &out]);
    assert_eq!(pay("e"), Some(0));
    assert_eq!(states(&anna.json(0, &["deliver", &out])), pairs([("freeze-expenses", "frozen")]));
    assert_eq!(pay("f"), Some(1));
}

#[test]
fn a_wrong_pin_decides_nothing_and_is_tried_once() {
    let firm = Firm::new();
    let id = firm.ask("100.00");
    firm.anna.write_pin("not the PIN");
    firm.anna.says(5, &["approve", &id, "--yes"]);
    firm.anna.write_pin(firm.anna.pin());
    let says = firm.anna.says(5, &["approve", &id, "--yes"]);
    assert!(says.contains("--retry-pin"), "{says}");
    assert!(signatures(&firm.world.home()).is_empty());
    let approved = firm.anna.json(0, &["approve", &id, "--yes", "--retry-pin"]);
    assert_eq!(states(&approved), pairs([(id.as_str(), "waiting")]));
}

#[test]
fn the_home_of_a_person_is_made_once_and_is_no_agents() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let home = world.home();
    let home = home.to_str().unwrap();
    let options = ["--agent", home, "--algorithm", "ed25519", "--pin-each-use"];
    let carla = Manager::new(programs!(), "carla", &options);
    assert_eq!(carla.made["generated"], json!(["approver", "administrator"]));
    assert!(
        carla.key("approver").starts_with("ed25519:") && carla.key("administrator").starts_with("ed25519:")
    );
    let caller = carla.made["callers"][0].as_str().unwrap();
    let user = rustix::process::getuid().as_raw();
    assert_eq!(caller, format!("[callers.carla]\nuid = {user}\nroles = [\"approver\", \"administrator\"]"));
    let names: BTreeSet<_> = std::fs::read_dir(carla.home())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = ["agent.json", "certificate.key", "certificate.pem", "config.toml"].map(str::to_owned);
    assert_eq!(names, expected.into());
    let there = carla.json(0, &["init"]);
    assert_eq!(there["existed"], true);
    // From the agent's own folder it knows which home the agent is of.
    let status: serde_json::Value = serde_json::from_slice(&world.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!(there["agent_home"], status["id"]);
    // A second time with the same words, and with others.
    let config = std::fs::read_to_string(carla.home().join("config.toml")).unwrap();
    let same = carla.init("carla", &options);
    assert!(ended(&same, 0, &["init"]).contains("is the home of carla already; nothing was changed"));
    let other = ended(&carla.init("ben", &options), 3, &["init"]);
    for says in ["nothing was changed", "Its approver is carla", "not ben", "Its administrator is carla"] {
        assert!(other.contains(says), "{says}: {other}");
    }
    let module = config.lines().find_map(|line| line.strip_prefix("module = ")).unwrap().trim_matches('"');
    let other = carla.says(3, &["init", "--module", module, "--token", "bens", "--approver", "carla"]);
    assert!(other.contains("Its token is") && other.contains("not bens"), "{other}");
    assert_eq!(std::fs::read_to_string(carla.home().join("config.toml")).unwrap(), config);
    let shown = carla.json(0, &["key", "show", "approver"]);
    assert_eq!((&shown["key"], &shown["role"]), (&carla.made["approver"], &"approver".into()));
    for args in [&["serve"][..], &["pay", "1", "EUR", "--from", "a", "--to", "b"], &["spends"], &["status"]] {
        let says = carla.says(3, args);
        assert!(says.contains("is the home of carla, who decides and has no agent"), "{says}");
    }
    carla.says(8, &["policy", "fetch"]);
    let says = carla.says(8, &["inbox"]);
    assert!(says.contains("the agent is not running"), "{says}");
    // By the socket of the agent's home; but the policy does not know her.
    let _agent = world.serve();
    let says = carla.says(3, &["inbox"]);
    assert!(says.contains("no copy of the policy yet"), "{says}");
    carla.says(0, &["policy", "fetch"]);
    assert!(carla.says(0, &["inbox"]).contains("Nothing waits."));
    let says = carla.says(11, &["freeze", "expenses"]);
    assert!(says.contains("NOT FROZEN") && says.contains("nobody in the policy has the key"), "{says}");
}
