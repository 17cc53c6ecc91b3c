//! Commands as processes: what they signal, write over, leave readable, and call themselves.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::os::unix::net::UnixListener;
use std::process::Stdio;

use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

#[test]
fn stop_ends_nobody_but_the_agent_of_this_home() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let socket = world.home().join("bursar.sock");
    // This process listens; were it taken for the agent, it would get SIGTERM.
    let strangers = UnixListener::bind(&socket).unwrap();
    let refused = world.run(&["stop"]);
    let says = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{says}");
    assert!(says.contains(&format!("process {}", std::process::id())), "{says}");
    drop(strangers);
    let agent = world.serve();
    assert!(world.run(&["stop"]).status.success());
    assert!(agent.wait().success());
}

#[test]
fn the_log_of_an_earlier_agent_is_kept() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let log = world.home().join("agent.log");
    std::fs::write(&log, "bursar: an earlier agent's last words\n").unwrap();
    assert!(world.run(&["serve", "--background"]).status.success());
    assert!(world.run(&["stop"]).status.success());
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("bursar: an earlier agent's last words\n") && text.contains("ready"), "{text}");
}

#[test]
fn every_command_goes_without_core_files() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let pipe = world.scratch().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut command = world.command(&["policy", "check", pipe.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Waits until the command reads, which it then does until this is closed.
    let writer = std::fs::File::options().write(true).open(&pipe).unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    drop(writer);
    child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

#[test]
fn usage_names_bursar_whatever_the_file_is_called() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let wrong = world.run(&["show", "--frobnicate"]);
    let says = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(says.contains("Usage: bursar show") && !says.contains("bursar-tested"), "{says}");
}
