//! A home folder that the program's own commands make, and what they answer.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{Daemon, Started};
use crate::world::Programs;

/// A place for a home folder, deleted when dropped.
#[derive(Debug)]
pub struct Home {
    program: PathBuf,
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended(pub Output);

impl Home {
    /// No home yet.
    pub fn new(programs: Programs) -> Self {
        Self { program: programs.bursar, folder: TempDir::with_prefix("bursar-").expect("a folder") }
    }

    /// The home folder.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A folder for whatever a test needs.
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// `bursar ARGS… --home HOME`, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).arg("--home").arg(self.path()).stdin(Stdio::null());
        command.env("NO_COLOR", "1").env_remove("FAILPOINTS").env_remove("BURSAR_HOME");
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        Ended(self.command(args).output().expect("bursar starts"))
    }

    /// Starts the agent; it has to become ready.
    pub fn serve(&self) -> Daemon {
        match self.start() {
            Started::Ready(daemon) => daemon,
            Started::Ended(status, printed) => panic!("the agent ended with {status}:\n{printed}"),
        }
    }

    /// Starts the agent, whatever becomes of it.
    pub fn start(&self) -> Started {
        Daemon::start(self.command(&["serve"]), self.path())
    }

    /// Replaces a text in a file of the home folder.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.path().join(name);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{from:?} is not in {text}");
        std::fs::write(&path, text.replace(from, to)).expect("a file");
    }
}

impl Ended {
    /// Everything that it printed.
    pub fn text(&self) -> String {
        [&self.0.stdout, &self.0.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
    }

    /// What it printed, if it went well.
    pub fn ok(&self) -> String {
        assert!(self.0.status.success(), "{}", self.text());
        self.text()
    }

    /// The JSON that it printed, if it went well.
    pub fn json(&self) -> Value {
        self.ok();
        serde_json::from_slice(&self.0.stdout).expect("JSON")
    }

    /// It ended with this exit code and said so.
    pub fn fails(&self, exit: i32, says: &str) {
        let text = self.text();
        assert_eq!(self.0.status.code(), Some(exit), "{text}");
        assert!(text.contains(says), "{says:?} is not in: {text}");
    }
}
