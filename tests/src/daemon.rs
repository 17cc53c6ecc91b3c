//! A running agent.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::api::Api;

/// For an agent to become ready, or to say why not.
const LONGEST_START: Duration = Duration::from_secs(60);

/// An agent that said that it is ready; killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    socket: PathBuf,
    log: PathBuf,
}

/// What became of a start.
#[derive(Debug)]
pub enum Started {
    /// It is ready.
    Ready(Daemon),
    /// It ended instead: its status and what it printed.
    Ended(ExitStatus, String),
}

impl Daemon {
    /// Starts the command and waits until it says that it is ready (as systemd would) or ends.
    pub fn start(mut command: Command, home: PathBuf) -> Started {
        let notify = home.join("notify.sock");
        let _ = std::fs::remove_file(&notify);
        let ready = UnixDatagram::bind(&notify).expect("a socket for readiness");
        // The agent may run as another user; the home folder keeps everybody else out.
        std::fs::set_permissions(&notify, std::fs::Permissions::from_mode(0o666)).expect("permissions");
        ready.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        let log = home.join("agent.log");
        let file = std::fs::File::options().create(true).append(true).open(&log).expect("a log file");
        let mut child = command
            .env("NOTIFY_SOCKET", &notify)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("bursar starts");
        let mut message = [0; 64];
        let begun = Instant::now();
        loop {
            if let Ok(length) = ready.recv(&mut message)
                && message[..length].starts_with(b"READY=1")
            {
                return Started::Ready(Daemon { child, socket: home.join("bursar.sock"), log });
            }
            if let Some(status) = child.try_wait().expect("a child") {
                return Started::Ended(status, std::fs::read_to_string(&log).unwrap_or_default());
            }
            if begun.elapsed() > LONGEST_START {
                let _ = child.kill();
                let _ = child.wait();
                panic!("neither ready nor ended: {}", std::fs::read_to_string(&log).unwrap_or_default());
            }
        }
    }

    /// A new connection.
    pub fn api(&self) -> Api {
        Api::connect(&self.socket).expect("the agent listens")
    }

    /// A new connection to an agent that may be dying.
    pub fn try_api(&self) -> std::io::Result<Api> {
        Api::connect(&self.socket)
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for its end, whatever ends it.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("a child")
    }

    /// Stops it the ordinary way.
    pub fn stop(self) -> ExitStatus {
        kill_process(self.pid(), Signal::TERM).expect("it runs");
        self.wait()
    }

    /// SIGKILL.
    pub fn kill(self) {
        let _ = kill_process(self.pid(), Signal::KILL);
        self.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
