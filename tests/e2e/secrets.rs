//! The PIN appears nowhere, and nobody looks into the agent's memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Child, Command, Stdio};

use bursar_tests::daemon::Started;
use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

/// A user that owns nothing else.
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The command as an ordinary user: root may look everywhere, so it would show nothing.
fn unprivileged(command: &Command) -> Command {
    let mut other;
    if is_root() {
        other = Command::new("setpriv");
        other.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups", "--"]);
        other.arg(command.get_program());
    } else {
        other = Command::new(command.get_program());
    }
    other.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    other
}

/// Gives the world, and a copy of the program, to the ordinary user.
fn give(world: &World) -> std::path::PathBuf {
    let program = world.scratch().join("bursar");
    std::fs::copy(programs!().bursar, &program).unwrap();
    if is_root() {
        let owner = format!("{NOBODY}:{NOBODY}");
        let status = Command::new("chown")
            .arg("-R")
            .arg(&owner)
            .args([world.scratch(), world.token().folder()])
            .status();
        assert!(status.unwrap().success());
    }
    program
}

fn cat(path: &str) -> std::process::Output {
    unprivileged(Command::new("cat").arg(path)).stdin(Stdio::null()).output().unwrap()
}

/// An ordinary process of the same user, to show that looking would work.
fn other_process() -> Child {
    unprivileged(&Command::new("cat")).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn nobody_looks_into_a_running_agent() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let program = give(&world);
    let mut command = Command::new(program);
    command.args(["serve", "--home"]).arg(world.home());
    let Started::Ready(agent) = world.start(unprivileged(&command)) else {
        panic!("{}", std::fs::read_to_string(world.home().join("agent.log")).unwrap_or_default())
    };
    let pid = agent.pid().as_raw_nonzero();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");

    let mut other = other_process();
    for name in ["environ", "maps", "mem"] {
        let looked = cat(&format!("/proc/{pid}/{name}"));
        assert!(!looked.status.success() && looked.stdout.is_empty(), "{name} of the agent can be read");
        let says = String::from_utf8_lossy(&looked.stderr).into_owned();
        assert!(says.contains("Permission denied"), "{name}: {says}");
    }
    for name in ["environ", "maps"] {
        let looked = cat(&format!("/proc/{}/{name}", other.id()));
        assert!(looked.status.success(), "{name} of another process cannot be read either: {looked:?}");
    }
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(agent.api().marked("a", "Fresh Market", "1.00 EUR").unwrap().status, 201);
}

#[test]
fn the_pin_appears_nowhere() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let pin = world.token().pin().to_owned();
    let contains = |bytes: &[u8]| bytes.windows(pin.len()).any(|window| window == pin.as_bytes());
    assert!(contains(&std::fs::read(world.pin_file()).unwrap()), "the search finds it where it is");

    let mut command = world.command(&["serve"]);
    command.env("BURSAR_LOG", "trace");
    let agent = world.ready(command);
    let pid = agent.pid().as_raw_nonzero();
    assert_eq!(agent.api().marked("a", "Fresh Market", "1.00 EUR").unwrap().status, 201);
    assert_eq!(agent.api().marked("b", "Grand Casino", "1.00 EUR").unwrap().status, 403);
    assert!(!contains(&std::fs::read(format!("/proc/{pid}/cmdline")).unwrap()));
    match std::fs::read(format!("/proc/{pid}/environ")) {
        Ok(environ) => assert!(is_root() && !contains(&environ)),
        // Its own user cannot look; see above.
        Err(error) => assert!(!is_root() && error.kind() == std::io::ErrorKind::PermissionDenied, "{error}"),
    }
    let log_path = world.home().join("agent.log");
    assert!(agent.stop().success());
    let log = std::fs::read(&log_path).unwrap();
    assert!(log.len() > 300, "the log says something: {}", log.len());
    assert!(!contains(&log), "{}", String::from_utf8_lossy(&log));

    // A PIN that is refused is not repeated, either; here the right one is wrong by its last digit.
    let wrong = format!("{pin}0");
    std::fs::write(world.pin_file(), &wrong).unwrap();
    let mut command = world.command(&["serve"]);
    command.env("BURSAR_LOG", "trace");
    let Started::Ended(_, says) = world.start(command) else { panic!("it started with a wrong PIN") };
    assert!(says.contains("PIN") && !contains(says.as_bytes()), "{says}");
    let retried = world.command(&["key", "list", "--retry-pin"]).output().unwrap();
    assert_eq!(retried.status.code(), Some(5));
    assert!(!contains(&retried.stderr) && !contains(&retried.stdout), "{retried:?}");

    // Nor is it in any file of the home.
    for entry in std::fs::read_dir(world.home()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert!(!contains(&std::fs::read(&path).unwrap()), "{}", path.display());
        }
    }
}
