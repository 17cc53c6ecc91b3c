//! `bursar test-env`: the README's examples as they stand there, and its end with its parent.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::error::Error;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bursar_pkcs11::fixture::softhsm_module;
use bursar_tests::home::Ended;
use bursar_tests::patience::Process;
use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use serde_json::Value;
use tempfile::TempDir;

const README: &str = include_str!("../../README.md");
const OWN: &str = include_str!("test_env.rs");

/// The block in this language below the README's heading for testers.
fn block(language: &str) -> &'static str {
    let (_, chapter) = README.split_once("\n## For tests, without a device\n").unwrap();
    let (_, block) = chapter.split_once(&format!("\n```{language}\n")).unwrap();
    block.split_once("\n```\n").unwrap().0
}

/// A folder for temporary files, and `bursar` on the PATH.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::with_prefix("bursar-").unwrap();
        std::fs::create_dir_all(folder.path().join("bin")).unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        symlink(programs!().bursar, folder.path().join("bin/bursar")).unwrap();
        Self { folder }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(program);
        command.env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()));
        command.env("TMPDIR", self.folder.path().join("tmp")).env("NO_COLOR", "1").stdin(Stdio::null());
        command.env_remove("BURSAR_HOME").env_remove("FAILPOINTS").env_remove("SOFTHSM2_CONF");
        command
    }

    fn run(&self, program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Ended {
        Ended(self.command(program).args(args).output().unwrap())
    }

    /// What there is of homes.
    fn homes(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path().join("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Waits for the end of the agent that the example has named in its last line, which takes its home along.
    fn ends(&self, printed: &str) {
        if let Some(agent) = Process::find(printed.lines().last().unwrap()) {
            agent.ended();
        }
        assert_eq!(self.homes(), [] as [&Path; 0]);
    }

    /// An environment with this parent.
    fn env(&self, parent: &Child, more: &[&str]) -> HashMap<String, String> {
        let parent = parent.id().to_string();
        let args = [&["test-env", "--json", "--parent", &parent], more].concat();
        let ended = self.run("bursar", &args).json();
        ended.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect()
    }
}

/// A process that ends when it is killed.
fn parent() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

/// SIGKILL; then the home's agent ends, and its folder is gone.
fn kill(parent: &mut Child, home: &str) {
    let agent = Process::agent(Path::new(home));
    parent.kill().unwrap();
    parent.wait().unwrap();
    agent.ended();
    assert!(!Path::new(home).exists(), "{home}");
}

fn pay<'a>(to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["pay", "20.00", "EUR", "--from", "expenses", "--to", to, "--json"], more].concat()
}

#[test]
fn the_readmes_shell_example_runs() {
    let place = Place::new();
    let script = format!("{}\necho \"\"; cat \"$BURSAR_HOME/lock\"", block("sh"));
    let ended = place.run("sh", &["-euc", &script]);
    let text = String::from_utf8(ended.0.stdout.clone()).unwrap();
    ended.ok();
    for says in ["recorded", "denied, as it should be", "Lucky Star", "no gambling"] {
        assert!(text.contains(says), "{says}: {text}");
    }
    let curl = text.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{text}"));
    let spends: Value = serde_json::from_str(curl).unwrap();
    assert_eq!(spends["spends"].as_array().unwrap().len(), 2, "{spends}");
    // The shell has ended.
    place.ends(&text);
}

#[test]
fn the_readmes_python_example_runs() {
    let place = Place::new();
    let imports = "import json, os, subprocess\nfrom subprocess import PIPE\n";
    let last = "\nprint(open(env['BURSAR_HOME'] + '/lock').read())";
    let ended = place.run("python3", &["-c", &format!("{imports}{}{last}", block("python"))]);
    ended.ok();
    place.ends(String::from_utf8(ended.0.stdout).unwrap().trim_end());
}

/// As the README has it.
fn rust_example() -> Result<(), Box<dyn Error>> {
    let parent = std::process::id().to_string();
    let made = Command::new("bursar").args(["test-env", "--json", "--parent", &parent]).output()?;
    let env: HashMap<String, String> = serde_json::from_slice(&made.stdout)?;
    let pay = ["pay", "20.00", "EUR", "--from", "expenses", "--to", "Fresh Market"];
    assert!(Command::new("bursar").args(pay).envs(&env).status()?.success());
    println!("agent {}", std::fs::read_to_string(format!("{}/lock", env["BURSAR_HOME"]))?);
    Ok(())
}

#[test]
fn the_readmes_rust_example_runs() {
    const INSIDE: &str = "BURSAR_TEST_EXAMPLE";
    if std::env::var_os(INSIDE).is_some() {
        return rust_example().unwrap();
    }
    let example: String = block("rust").lines().map(|line| format!("    {line}\n")).collect();
    assert!(OWN.contains(&example), "rust_example is not what the README says: {example}");
    // As a process of its own, which finds bursar on its PATH.
    let place = Place::new();
    let mut command = place.command(std::env::current_exe().unwrap());
    command.args(["--exact", "the_readmes_rust_example_runs", "--nocapture"]).env(INSIDE, "");
    let text = Ended(command.output().unwrap()).ok();
    assert!(text.contains("1 passed") && text.contains("recorded"), "{text}");
    place.ends(text.lines().find_map(|line| line.strip_prefix("agent ")).unwrap());
}

#[test]
fn it_ends_with_a_parent_that_is_killed() {
    let place = Place::new();
    let mut parent = parent();
    let env = place.env(&parent, &[]);
    let home = PathBuf::from(&env["BURSAR_HOME"]);
    assert_eq!(place.homes(), [home.as_path()]);
    for account in ["EXPENSES", "PAYROLL", "TRAVEL"] {
        let key = &env[&format!("BURSAR_ACCOUNT_{account}")];
        let mut show = place.command("bursar");
        show.args(["key", "show", &account.to_lowercase(), "--json"]).envs(&env);
        assert_eq!(Ended(show.output().unwrap()).json()["key"].as_str(), Some(key.as_str()));
    }
    let paid = Ended(place.command("bursar").args(pay("Fresh Market", &[])).envs(&env).output().unwrap());
    assert_eq!(paid.json()["state"], "recorded");
    assert!(Path::new(&env["BURSAR_SOCKET"]).exists());
    kill(&mut parent, &env["BURSAR_HOME"]);
    assert_eq!(place.homes(), [] as [&Path; 0]);
}

#[test]
fn two_at_once_are_two_homes() {
    let place = Place::new();
    let mut parents = [parent(), parent()];
    let envs = std::thread::scope(|scope| {
        let starting = parents.each_ref().map(|parent| scope.spawn(|| place.env(parent, &[])));
        starting.map(|env| env.join().unwrap())
    });
    assert_ne!(envs[0]["BURSAR_HOME"], envs[1]["BURSAR_HOME"]);
    // The same key, so that one home could not pay both.
    let pay = pay("Fresh Market", &["--key", "one"]);
    for env in &envs {
        let paid = Ended(place.command("bursar").args(&pay).envs(env).output().unwrap()).json();
        assert_eq!((&paid["id"], &paid["state"]), (&1.into(), &"recorded".into()));
    }
    kill(&mut parents[0], &envs[0]["BURSAR_HOME"]);
    let again = Ended(place.command("bursar").args(&pay).envs(&envs[1]).output().unwrap()).json();
    assert_eq!(again["state"], "recorded", "the other one lives");
    kill(&mut parents[1], &envs[1]["BURSAR_HOME"]);
}

#[test]
fn it_takes_a_policy_and_a_module() {
    let place = Place::new();
    let policy = place.file("policy.toml", &bundle(GROCERIES));
    let module = softhsm_module();
    let module = ["--policy", &policy, "--module", module.to_str().unwrap()];
    for more in [&module[..2], &module] {
        let mut parent = parent();
        let env = place.env(&parent, more);
        let pay = |to| Ended(place.command("bursar").args(pay(to, &[])).envs(&env).output().unwrap());
        assert_eq!(pay("Fresh Market").json()["state"], "recorded");
        // In the quick start's policy there is no such recipient, and in this one no rule for it.
        let denied = pay("Grand Casino");
        assert_eq!(denied.0.status.code(), Some(1), "{}", denied.text());
        let config = std::fs::read_to_string(Path::new(&env["BURSAR_HOME"]).join("config.toml")).unwrap();
        assert_eq!(config.contains("softhsm"), more.len() > 2, "{config}");
        kill(&mut parent, &env["BURSAR_HOME"]);
    }
}

#[test]
fn what_cannot_be_started_leaves_nothing_behind() {
    let place = Place::new();
    let mut dead = parent();
    dead.kill().unwrap();
    dead.wait().unwrap();
    let (dead, alive) = (dead.id().to_string(), std::process::id().to_string());
    for parent in [dead.as_str(), "0", "-1", "anna"] {
        place.run("bursar", &["test-env", &format!("--parent={parent}")]).fails(2, "process");
    }
    place.run("bursar", &["test-env"]).fails(2, "--parent");
    let wrong = place.file("wrong.toml", "version = ");
    let nowhere = place.folder.path().join("nowhere.toml");
    let fails = |more: [&str; 2], exit, says| {
        place.run("bursar", &[&["test-env", "--parent", &alive], &more[..]].concat()).fails(exit, says);
    };
    fails(["--policy", &wrong], 3, "policy");
    fails(["--policy", nowhere.to_str().unwrap()], 14, "nowhere.toml");
    fails(["--module", "/nowhere/module.so"], 4, "/nowhere/module.so");
    fails(["--module", "/etc/hostname"], 4, "/etc/hostname");
    assert_eq!(place.homes(), [] as [&Path; 0]);
    // A home of somebody's is not taken, and stays.
    let home = place.folder.path().join("home");
    let home = home.to_str().unwrap();
    place.run("bursar", &["quickstart", "--home", home, "--json"]).ok();
    fails(["--home", home], 3, "is a home folder already");
    place.run("bursar", &["audit", "verify", "--home", home]).ok();
}
