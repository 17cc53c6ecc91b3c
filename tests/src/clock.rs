//! A wall clock that a test turns while the agent runs: libfaketime.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::daemon::Daemon;
use crate::world::World;

/// How far the agent's wall clock is off; its other clocks are right.
#[derive(Debug)]
pub struct FakeClock {
    file: PathBuf,
    library: PathBuf,
}

impl FakeClock {
    /// A clock that is this far off, like `+2h` or `-3d`.
    pub fn new(world: &World, offset: &str) -> Self {
        let clock = Self { file: world.scratch().join("faketime"), library: library() };
        clock.set(offset);
        clock
    }

    /// Turns it.
    pub fn set(&self, offset: &str) {
        // Replaced whole: the agent reads it at any time.
        let draft = self.file.with_extension("draft");
        std::fs::write(&draft, format!("{offset}\n")).expect("a file for the clock");
        std::fs::rename(&draft, &self.file).expect("a file for the clock");
    }

    /// A command that has this clock.
    pub fn command(&self, world: &World, args: &[&str]) -> Command {
        let mut command = world.command(args);
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_DONT_RESET", "1")
            .env_remove("FAKETIME");
        command
    }

    /// Starts the agent with this clock.
    pub fn serve(&self, world: &World) -> Daemon {
        world.ready(self.command(world, &["serve"]))
    }
}

/// Debian's libfaketime for programs with threads.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("/usr/lib");
    let found = folders
        .filter_map(|folder| Some(folder.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|path| Path::is_file(path));
    found.expect("libfaketimeMT.so.1 is missing: apt-get install faketime")
}
