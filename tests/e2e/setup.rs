//! `quickstart`, `init` and `key`: a home folder from nothing, interrupted, given again, and with
//! everything that can be wrong.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bursar_pkcs11::fixture::{External, SoftHsm};
use bursar_tests::programs;
use serde_json::Value;
use tempfile::TempDir;

/// What the policy of the quick start says of its payments, by hand.
const VERDICTS: [(&str, &str); 14] = [
    ("groceries-1", "recorded"),
    ("first-aid", "recorded"),
    ("paper", "recorded"),
    ("party", "denied"),
    ("groceries-2", "recorded"),
    ("groceries-3", "denied"),
    ("chips", "denied"),
    ("kiosk", "denied"),
    ("dollars", "denied"),
    ("salary-anna", "recorded"),
    ("salary-ben", "recorded"),
    ("salary-anna-again", "denied"),
    ("snacks", "denied"),
    ("train", "recorded"),
];

fn bursar(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(programs!().bursar);
    command.args(args).arg("--home").arg(home).env_remove("FAILPOINTS").env_remove("SOFTHSM2_CONF");
    command.stdin(Stdio::null());
    command
}

fn answer(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn verdicts(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    answer["payments"].as_array().unwrap().iter().map(|row| (text(&row["id"]), text(&row["state"]))).collect()
}

fn expected() -> Vec<(String, String)> {
    VERDICTS.map(|(id, state)| (id.to_owned(), state.to_owned())).to_vec()
}

fn ended(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_second_quick_start_pays_nothing_and_shows_the_same() {
    let folder = TempDir::with_prefix("bursar-").unwrap();
    let home = folder.path().join("it's a home");
    let first = answer(&bursar(&home, &["quickstart", "--json"]).output().unwrap());
    let second = answer(&bursar(&home, &["quickstart", "--json"]).output().unwrap());
    assert_eq!(verdicts(&first), expected());
    assert_eq!((&first["existed"], &second["existed"]), (&Value::Bool(false), &Value::Bool(true)));
    for same in ["payments", "next", "agent"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    assert_eq!((&first["agent"], &first["verified"]["entries"]), (&"stopped".into(), &7.into()));
    assert_eq!(second["verified"]["entries"], 7);
    assert_eq!(
        second["verified"]["records"], second["verified"]["signed"],
        "the audit key signs when the agent stops"
    );
    let spends = answer(&bursar(&home, &["spends", "--limit", "100", "--json"]).output().unwrap());
    assert_eq!(spends.as_array().map(Vec::len), Some(VERDICTS.len()));
}

#[test]
fn a_quick_start_with_softhsm_says_the_same() {
    let folder = TempDir::with_prefix("bursar-").unwrap();
    let home = folder.path().join("home");
    let token = SoftHsm::external();
    let module = ["quickstart", "--json", "--module", token.module().to_str().unwrap()];
    assert_eq!(verdicts(&answer(&bursar(&home, &module).output().unwrap())), expected());
    let text = std::fs::read_to_string(home.join("config.toml")).unwrap();
    assert!(
        text.contains("pkcs11:token=") && text.contains("SOFTHSM2_CONF") && !text.contains("simulated =")
    );
}

#[test]
fn an_interrupted_quick_start_goes_on_wherever_it_was_killed() {
    let token = SoftHsm::external();
    killed_everywhere(&["quickstart", "--json"]);
    killed_everywhere(&["quickstart", "--json", "--module", token.module().to_str().unwrap()]);
}

fn killed_everywhere(args: &[&str]) {
    let folder = TempDir::with_prefix("bursar-").unwrap();
    let mut points = 0;
    loop {
        let home = folder.path().join(format!("{points}"));
        let killed =
            bursar(&home, args).env("FAILPOINTS", format!("setup={points}*off->return")).output().unwrap();
        if killed.status.success() {
            break;
        }
        assert_eq!(killed.status.signal(), Some(9), "{points}: {}", String::from_utf8_lossy(&killed.stderr));
        let again = answer(&bursar(&home, args).output().unwrap());
        assert_eq!(verdicts(&again), expected(), "{points}");
        assert_eq!(again["verified"]["entries"], 7, "{points}");
        if again["agent"] == "running" {
            assert!(bursar(&home, &["stop"]).output().unwrap().status.success(), "{points}");
        }
        points += 1;
    }
    // Files, keys, token, agent, payments: were there fewer, the points would not be reached.
    assert!(points > 15, "{points}");
}

#[test]
fn two_quick_starts_at_once_make_one_home() {
    let folder = TempDir::with_prefix("bursar-").unwrap();
    let home = folder.path().join("home");
    let start = || {
        bursar(&home, &["quickstart", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    assert!(both.iter().any(|output| output.status.success()));
    for output in &both {
        let (code, says) = ended(output);
        assert!(code == 0 || (code == 9 && says.contains("right now")), "{code}: {says}");
    }
    assert_eq!(verdicts(&answer(&bursar(&home, &["quickstart", "--json"]).output().unwrap())), expected());
}

#[test]
fn the_quick_start_keeps_away_from_what_it_did_not_make() {
    let folder = TempDir::with_prefix("bursar-").unwrap();
    let refused = |home: &Path, args: &[&str], exit: i32, word: &str| {
        let (code, says) = ended(&bursar(home, args).output().unwrap());
        assert_eq!(code, exit, "{says}");
        assert!(says.contains(word), "{says}");
    };
    let notes = folder.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    std::fs::set_permissions(&notes, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(notes.join("diary"), "").unwrap();
    refused(&notes, &["quickstart"], 3, "diary");
    let made = Made::new();
    made.init();
    refused(&made.home(), &["quickstart"], 3, "no quick start has made");
    let fresh = folder.path().join("fresh");
    refused(&fresh, &["quickstart", "--module", "/nowhere/libsofthsm2.so"], 4, "softhsm2");
    let module = made.module();
    refused(
        &folder.path().join("a=b"),
        &["quickstart", "--module", module],
        3,
        "SoftHSM cannot be configured",
    );
    refused(&folder.path().join("x".repeat(100)), &["quickstart"], 3, "107 bytes");
    assert!(!fresh.exists());
    let lost = folder.path().join("lost");
    answer(&bursar(&lost, &["quickstart", "--json"]).output().unwrap());
    std::fs::remove_file(lost.join("config.toml")).unwrap();
    refused(&lost, &["quickstart"], 3, "config.toml is missing");
    assert!(lost.join("book.db").exists());
}

/// A token, its PIN in a file, and a home that `init` makes.
struct Made {
    folder: TempDir,
    token: External,
}

impl Made {
    fn new() -> Self {
        let made = Self { folder: TempDir::with_prefix("bursar-").unwrap(), token: SoftHsm::external() };
        made.write_pin(made.token.pin(), 0o600);
        made
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn write_pin(&self, pin: &str, mode: u32) {
        let path = self.folder.path().join("pin");
        std::fs::write(&path, pin).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn with(&self, args: &[&str]) -> Output {
        bursar(&self.home(), args).env("SOFTHSM2_CONF", self.token.conf()).output().unwrap()
    }

    /// `init` with the token and these options.
    fn init_with(&self, module: &str, token: &str, more: &[&str]) -> Output {
        let pin = self.folder.path().join("pin");
        let mut args =
            vec!["init", "--json", "--module", module, "--token", token, "--pin-file", pin.to_str().unwrap()];
        args.extend(more);
        self.with(&args)
    }

    fn module(&self) -> &str {
        self.token.module().to_str().unwrap()
    }

    fn init(&self) -> Value {
        answer(&self.init_with(
            self.module(),
            self.token.label(),
            &["--account", "expenses=card", "--account", "payroll", "--balance", "expenses=1000.00 EUR"],
        ))
    }
}

#[test]
fn init_lists_what_is_there_and_says_what_to_do_next() {
    let made = Made::new();
    let found = answer(&made.with(&["init", "--json"]));
    let tokens: Vec<_> =
        found["modules"].as_array().unwrap().iter().flat_map(|m| m["tokens"].as_array().unwrap()).collect();
    assert!(
        tokens.iter().any(|token| token["label"] == made.token.label() && token["pin_initialized"] == true),
        "{found}"
    );
    let next = found["next"].as_str().unwrap();
    assert!(next.contains("init --module") && next.contains(made.token.label()), "{next}");
    assert!(!made.home().exists(), "looking changes nothing");
}

#[test]
fn init_says_what_is_wrong_and_writes_no_home() {
    let made = Made::new();
    let (module, label) = (made.module().to_owned(), made.token.label().to_owned());
    let check = |output: Output, exit: i32, word: &str| {
        let (code, says) = ended(&output);
        assert_eq!(code, exit, "{says}");
        assert!(says.contains(word), "{says}");
        assert!(!made.home().join("config.toml").exists(), "{word}");
    };
    check(made.init_with("/nowhere/module.so", &label, &[]), 4, "/nowhere/module.so");
    check(made.init_with("/etc/hostname", &label, &[]), 4, "cannot be used as a PKCS#11 module");
    check(made.init_with(&module, "another", &[]), 4, &label.replace(' ', "%20"));
    check(made.init_with(&module, &label, &["--account", "a=audit"]), 6, "each role needs a key of its own");
    check(made.init_with(&module, &label, &["--balance", "a=1.00 EUR"]), 2, "--account a");
    check(made.init_with(&module, &label, &["--account", "a", "--balance", "a=1.001 EUR"]), 2, "1.001");
    check(made.init_with(&module, &label, &["--account", "a:b"]), 2, "a:b");
    check(made.with(&["init", "--module", &module, "--token", &label]), 2, "--pin-prompt");
    check(made.with(&["init", "--module", &module, "--token", &label, "--pin-prompt"]), 5, "terminal");
    made.write_pin(made.token.pin(), 0o644);
    check(made.init_with(&module, &label, &[]), 5, "chmod 600");
    made.write_pin("not the PIN", 0o600);
    check(made.init_with(&module, &label, &[]), 5, "refused the PIN");
    // The right PIN now, but nobody has said so.
    made.write_pin(made.token.pin(), 0o600);
    check(made.init_with(&module, &label, &[]), 5, "--retry-pin");
    std::fs::set_permissions(made.home(), std::fs::Permissions::from_mode(0o755)).unwrap();
    check(made.init_with(&module, &label, &["--retry-pin"]), 3, "chmod 700");
    std::fs::set_permissions(made.home(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let made_now = answer(&made.init_with(&module, &label, &["--retry-pin", "--account", "expenses"]));
    assert_eq!(made_now["generated"], serde_json::json!(["audit", "node", "administrator", "expenses"]));
}

#[test]
fn a_home_of_init_serves_denies_and_is_never_overwritten() {
    let made = Made::new();
    made.init();
    let policy = made.home().join("policy.toml");
    let text = std::fs::read(&policy).unwrap();
    let again = made.init();
    assert_eq!((&again["existed"], &again["differences"]), (&Value::Bool(true), &serde_json::json!([])));
    let other = made.init_with(made.module(), made.token.label(), &["--account", "expenses=other"]);
    assert_eq!(other.status.code(), Some(3));
    assert_eq!(std::fs::read(&policy).unwrap(), text);
    // Without SOFTHSM2_CONF: the home records what its module reads.
    answer(&bursar(&made.home(), &["serve", "--background", "--json"]).output().unwrap());
    let denied = bursar(&made.home(), &["pay", "1.00", "EUR", "--from", "expenses", "--to", "anybody"])
        .output()
        .unwrap();
    let stopped = bursar(&made.home(), &["stop"]).output().unwrap();
    assert_eq!(denied.status.code(), Some(1), "{}", String::from_utf8_lossy(&denied.stderr));
    assert!(stopped.status.success());
}

#[test]
fn an_interrupted_init_goes_on_wherever_it_was_killed() {
    let mut points = 0;
    loop {
        let made = Made::new();
        let pin = made.folder.path().join("pin");
        let args = [
            "init",
            "--json",
            "--module",
            made.module(),
            "--token",
            made.token.label(),
            "--pin-file",
            pin.to_str().unwrap(),
            "--account",
            "expenses",
        ];
        let killed = bursar(&made.home(), &args)
            .env("SOFTHSM2_CONF", made.token.conf())
            .env("FAILPOINTS", format!("setup={points}*off->return"))
            .output()
            .unwrap();
        if killed.status.success() {
            break;
        }
        assert_eq!(killed.status.signal(), Some(9), "{points}");
        answer(&made.with(&args));
        answer(&bursar(&made.home(), &["audit", "verify", "--json"]).output().unwrap());
        answer(&bursar(&made.home(), &["ledger", "verify", "--json"]).output().unwrap());
        points += 1;
    }
    assert!(points > 8, "{points}");
}

#[test]
fn keys_are_made_listed_and_shown() {
    let made = Made::new();
    made.init();
    let key = |args: &[&str]| {
        let mut all = vec!["key"];
        all.extend(args);
        bursar(&made.home(), &all).output().unwrap()
    };
    for (label, algorithm) in [("e", "ed25519"), ("s", "secp256k1"), ("p", "p256")] {
        let new = answer(&key(&["generate", label, "--algorithm", algorithm, "--account", label, "--json"]));
        let shown = answer(&key(&["show", label, "--json"]));
        assert_eq!((&new["key"], &new["address"]), (&shown["key"], &shown["address"]));
        assert_eq!(shown["role"], format!("account {label}"));
        assert!(shown["key"].as_str().unwrap().starts_with(algorithm), "{shown}");
    }
    let listed = answer(&key(&["list", "--json"]));
    let labels: Vec<_> =
        listed.as_array().unwrap().iter().map(|key| key["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["administrator", "audit", "card", "e", "node", "p", "payroll", "s"]);
    for (args, exit) in [
        (&["generate", "e", "--algorithm", "ed25519"][..], 2),
        (&["generate", "f", "--algorithm", "ed25519", "--account", "expenses"], 2),
        (&["generate", "f", "--algorithm", "rsa"], 2),
        (&["generate", "f", "--algorithm", "p256", "--role", "audit"], 2),
        (&["generate", "f", "--algorithm", "secp256k1", "--role", "approver"], 2),
        (&["generate", "administrator", "--algorithm", "ed25519"], 2),
        (&["show", "nobody"], 6),
    ] {
        assert_eq!(key(args).status.code(), Some(exit), "{args:?}");
    }
    // A role of a key is no secret: no PIN is needed to show it.
    std::fs::remove_file(made.folder.path().join("pin")).unwrap();
    assert!(key(&["show", "expenses", "--format", "pem"]).status.success());
    assert_eq!(key(&["list"]).status.code(), Some(5));
}
