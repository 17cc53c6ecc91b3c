//! Whoever asks on the Unix socket makes sure that the agent is there, and one that does not answer is
//! stopped all the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bursar_tests::files;
use bursar_tests::policy::{GROCERIES, bundle};
use bursar_tests::programs;
use bursar_tests::world::World;

/// A user who is nobody here.
const NOBODY: u32 = 65534;

/// Every kind of command that asks.
const COMMANDS: [&[&str]; 5] = [
    &["pay", "1.00", "EUR", "--from", "expenses", "--to", "Fresh Market", "--key", "k", "--json"],
    &["policy", "show", "--json"],
    &["inbox"],
    &["clock", "confirm"],
    &["stop"],
];

fn set(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A world whose socket is in this folder.
fn world(place: &Path) -> World {
    let world = World::new(programs!(), &bundle(GROCERIES));
    world.edit("config.toml", "[agent]", &format!("[agent]\nsocket = {:?}", place.join("bursar.sock")));
    world
}

/// Somebody else's program that listens there, and takes what it is sent.
struct Squatter(Child);

impl Squatter {
    fn new(socket: &Path) -> Self {
        let script = "import os, socket, sys\nos.umask(0)\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\n\
                      s.listen(64)\nprint('ready', flush=True)\nwhile True:\n  c, _ = s.accept()\n  if c.recv(1): print('asked', flush=True)\n";
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups", "--"]);
        command.args(["/usr/bin/python3", "-c", script]).arg(socket).stdout(Stdio::piped());
        let mut child = command.spawn().expect("setpriv and python3 are there");
        let mut line = String::new();
        BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    /// Ends it; was it asked anything?
    fn was_asked(mut self) -> bool {
        self.0.kill().unwrap();
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.0.wait().unwrap();
        !line.is_empty()
    }
}

#[test]
fn nothing_is_asked_of_somebody_elses_program() {
    let place = tempfile::tempdir().unwrap();
    // Like /tmp: everybody may put a socket there as long as there is none.
    set(place.path(), 0o1777);
    let world = world(place.path());
    let squatter = Squatter::new(&place.path().join("bursar.sock"));
    for args in COMMANDS {
        let refused = world.run(args);
        let says = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(3), "{args:?}: {says}");
        assert!(says.contains(&format!("a process of the user {NOBODY} listens")), "{args:?}: {says}");
    }
    assert!(!squatter.was_asked());
    // The agent's own is asked in such a folder.
    std::fs::remove_file(place.path().join("bursar.sock")).unwrap();
    let _agent = world.serve();
    assert_eq!(world.run(COMMANDS[0]).status.code(), Some(0));
}

#[test]
fn a_folder_in_which_others_write_is_refused() {
    let place = tempfile::tempdir().unwrap();
    set(place.path(), 0o755);
    let world = world(place.path());
    let agent = world.serve();
    set(place.path(), 0o777);
    for args in &COMMANDS[..4] {
        let refused = world.run(args);
        let says = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(3), "{args:?}: {says}");
        assert!(says.contains("chmod go-w") && says.contains(&*place.path().to_string_lossy()), "{says}");
    }
    assert!(files::entries(&world.home()).is_empty());
    // Stopping it needs no socket.
    assert_eq!(world.run(&["stop"]).status.code(), Some(0));
    assert!(agent.wait().success());
    let (code, says) = world.serve_refused();
    assert_eq!(code, 3, "{says}");
    assert!(says.contains("chmod go-w"), "{says}");
}

#[test]
fn an_agent_whose_socket_is_gone_is_stopped() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    std::fs::remove_file(world.home().join("bursar.sock")).unwrap();
    let pid = agent.pid().as_raw_nonzero().get();
    let stopped = world.run(&["stop", "--json"]);
    assert_eq!(stopped.status.code(), Some(0), "{stopped:?}");
    let says: serde_json::Value = serde_json::from_slice(&stopped.stdout).unwrap();
    assert_eq!(says["pid"], pid);
    assert!(agent.wait().success());
    assert_eq!(world.run(&["stop"]).status.code(), Some(8), "there is none any more");
}
