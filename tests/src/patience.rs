//! Waiting for what the kernel tells, with an end.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Longer than anything here takes.
const LONGEST: Duration = Duration::from_secs(60);

/// A process, whoever started it.
#[derive(Debug)]
pub struct Process(rustix::fd::OwnedFd);

impl Process {
    /// Of this number; none if it has ended.
    pub fn find(pid: &str) -> Option<Self> {
        let pid = Pid::from_raw(pid.trim().parse().expect("a number")).expect("a process id");
        pidfd_open(pid, PidfdFlags::empty()).ok().map(Self)
    }

    /// The agent that runs for a home; it has written its number into its lock.
    pub fn agent(home: &Path) -> Self {
        let pid = std::fs::read_to_string(home.join("lock")).expect("an agent has run");
        Self::find(&pid).expect("it runs")
    }

    /// Waits until it has ended.
    pub fn ended(self) {
        readable(&self.0, Instant::now() + LONGEST);
    }
}

/// Hears when a file is opened.
#[derive(Debug)]
pub struct Openings(rustix::fd::OwnedFd);

impl Openings {
    /// From now on.
    pub fn of(file: &Path) -> Self {
        let heard = inotify::init(inotify::CreateFlags::CLOEXEC).expect("inotify");
        inotify::add_watch(&heard, file, inotify::WatchFlags::OPEN).expect("the file is there");
        Self(heard)
    }

    /// Waits until it was opened so often.
    pub fn wait(&self, times: usize) {
        let (mut seen, until) = (0, Instant::now() + LONGEST);
        let mut space = [const { std::mem::MaybeUninit::uninit() }; 4096];
        let mut events = inotify::Reader::new(&self.0, &mut space);
        while seen < times {
            readable(&self.0, until);
            seen += 1;
            events.next().expect("an event");
            while !events.is_buffer_empty() {
                seen += 1;
                events.next().expect("an event");
            }
        }
    }
}

fn readable(handle: &rustix::fd::OwnedFd, until: Instant) {
    let left = Timespec::try_from(until.saturating_duration_since(Instant::now())).expect("a short time");
    let ready = poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&left)).expect("poll");
    assert!(ready > 0, "it did not happen within {LONGEST:?}");
}
