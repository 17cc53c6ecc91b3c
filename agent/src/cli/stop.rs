//! `bursar stop`: ends the running agent.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};

use super::client::ClientError;
use super::error::CliError;
use super::global::Global;
use super::output::{Output, Page};
use crate::config::Config;
use crate::socket::{self, Address, SocketError};

/// The agent's lock in the home folder; its process id stands in it, decimal.
const LOCK: &str = "lock";
/// Where the kernel lists all locks.
const LOCKS: &str = "/proc/locks";
/// For a connection: its queue may be full.
const CONNECT: Duration = Duration::from_secs(2);
/// Longer than the agent lets payments under way finish.
const PATIENCE: Duration = Duration::from_secs(40);

/// Stop the running agent
///
/// Payments under way are finished first; what is not finished then is finished at the next start.
///
/// Example: bursar stop
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

/// Asks the process behind the socket to end, and waits until it has. Only the agent of this home is
/// asked: anybody could listen on a socket whose agent is away. One that does not answer is known by
/// the lock that it holds.
pub fn run(global: &Global, _: Args) -> Result<Output, CliError> {
    let config = global.config()?;
    let lock = config.home.join(LOCK);
    let unreadable = |source| CliError::File { path: lock.clone(), source };
    let connected = Address::of_home(&config.home, &config.socket).connect(CONNECT);
    let pid = match connected.and_then(|stream| Ok(socket::listener(&stream)?)) {
        Ok(pid) if holds(&lock, pid).map_err(unreadable)? => pid,
        Ok(pid) => return Err(not_the_agent(&config, &lock, pid)),
        Err(why @ SocketError::Stranger { .. }) => {
            return Err(ClientError::Untrusted { socket: config.socket, why }.into());
        }
        Err(error) => match holder(&lock).map_err(unreadable)? {
            Held::By(pid) => pid,
            Held::Unsaid => {
                return Err(CliError::Busy("an agent is starting just now; wait a moment".to_owned()));
            }
            Held::Not => return Err(not_running(global, config, error)),
        },
    };
    let failed = |error: rustix::io::Errno| {
        CliError::Home(format!(
            "the agent (process {}) cannot be stopped: {error}; run the command as its user",
            pid.as_raw_nonzero()
        ))
    };
    // A descriptor of the process, so that no other one is meant if it ends in between.
    let process = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(failed)?;
    rustix::process::pidfd_send_signal(&process, Signal::TERM).map_err(failed)?;
    let begun = Instant::now();
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        let timeout = rustix::time::Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut ended = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
        match rustix::event::poll(&mut ended, Some(&timeout)) {
            Ok(0) => {
                return Err(CliError::Busy(format!(
                    "the agent (process {}) is still finishing payments; it ends when they are done",
                    pid.as_raw_nonzero()
                )));
            }
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let mut page = Page::new();
    page.line("The agent has stopped.");
    Ok(Output::new(&serde_json::json!({ "state": "stopped", "pid": pid.as_raw_nonzero() }), page))
}

fn not_the_agent(config: &Config, lock: &Path, pid: Pid) -> CliError {
    CliError::Home(format!(
        "process {} listens on {}, but the agent of this home it is not: it does not hold {}; it was not stopped. See what \
         it is, and end it, or set another `socket` under [agent] in config.toml",
        pid.as_raw_nonzero(),
        config.socket.display(),
        lock.display()
    ))
}

/// Nobody holds the lock, and nobody answers: why not.
fn not_running(global: &Global, config: Config, why: SocketError) -> CliError {
    let socket = config.socket;
    match why {
        SocketError::Forbidden => ClientError::Forbidden { socket },
        SocketError::Folder { .. } => ClientError::Untrusted { socket, why },
        SocketError::Other(source) => ClientError::Socket { socket, source },
        _ => ClientError::NotRunning { start: global.command("serve --background") },
    }
    .into()
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// Nobody.
    Not,
    /// This process.
    By(Pid),
    /// Somebody who has not said yet who it is.
    Unsaid,
}

/// Does this process hold the lock? Whoever does has written its id into it; where nothing is written, it
/// is enough that somebody holds it.
fn holds(lock: &Path, pid: Pid) -> std::io::Result<bool> {
    let Some(text) = held(lock)?.map(|(_, text)| text) else { return Ok(false) };
    Ok(text.is_empty() || text.trim_end().parse() == Ok(pid.as_raw_nonzero().get()))
}

/// The process that holds the lock: the one that is written there, if the kernel says so, too. An agent
/// that has just taken it has not written yet, and then it is the id of an earlier one.
fn holder(lock: &Path) -> std::io::Result<Held> {
    let Some((file, text)) = held(lock)? else { return Ok(Held::Not) };
    let Some(pid) = text.trim_end().parse().ok().and_then(Pid::from_raw) else { return Ok(Held::Unsaid) };
    let kernel = std::fs::read_to_string(LOCKS)?;
    let is_said = locked(&kernel, pid, file.metadata()?.ino());
    Ok(if is_said { Held::By(pid) } else { Held::Unsaid })
}

/// Does the list of all locks name this one (proc_locks(5))? File systems do not agree with it on the
/// number of their device, so the file's own number has to do.
fn locked(kernel: &str, pid: Pid, inode: u64) -> bool {
    kernel.lines().any(|line| {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", of, file, ..] = words.as_slice() else { return false };
        let number = file.rsplit(':').next().and_then(|number| number.parse().ok());
        of.parse() == Ok(pid.as_raw_nonzero().get()) && number == Some(inode)
    })
}

/// The lock and what is written in it, if somebody holds it.
fn held(lock: &Path) -> std::io::Result<Option<(File, String)>> {
    let mut file = match File::open(lock) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        // Nobody: let go again at once.
        Ok(()) => return Ok(None),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut text = String::new();
    file.by_ref().take(32).read_to_string(&mut text)?;
    Ok(Some((file, text)))
}

/// The process that listens on the socket of a home, as the kernel knows it; without waiting.
pub fn pid(config: &Config) -> Option<Pid> {
    let stream = Address::of_home(&config.home, &config.socket).attempt().ok()?;
    socket::listener(&stream).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_agent_is_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        let own = rustix::process::getpid();
        let text = own.as_raw_nonzero().to_string();
        assert!(!holds(&path, own).unwrap(), "there is none");
        std::fs::write(&path, format!("{text}\n")).unwrap();
        assert!(!holds(&path, own).unwrap(), "nobody holds it");
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        for (content, holds_it) in [
            (format!("{text}\n"), true),
            (String::new(), true),
            (format!("{text}0\n"), false),
            ("?".to_owned(), false),
        ] {
            std::fs::write(&path, &content).unwrap();
            assert_eq!(holds(&path, own).unwrap(), holds_it, "{content:?}");
        }
        // Without an answer on the socket, the kernel has to say so, too.
        for (content, says) in [
            (format!("{text}\n"), Held::By(own)),
            (String::new(), Held::Unsaid),
            (format!("{}\n", std::os::unix::process::parent_id()), Held::Unsaid),
            ("?".to_owned(), Held::Unsaid),
        ] {
            std::fs::write(&path, &content).unwrap();
            assert_eq!(holder(&path).unwrap(), says, "{content:?}");
        }
        drop(held);
        std::fs::write(&path, format!("{text}\n")).unwrap();
        assert_eq!(holder(&path).unwrap(), Held::Not);
    }

    #[test]
    fn locks_are_read_as_proc_locks_5_says() {
        let pid = |n| Pid::from_raw(n).unwrap();
        let kernel = "1: POSIX  ADVISORY  WRITE 7 08:02:10 0 EOF\n2: FLOCK  ADVISORY  READ 7 08:02:10 0 EOF\n\
                      3: FLOCK  ADVISORY  WRITE 8 08:02:10 0 EOF\n3: -> FLOCK  ADVISORY  WRITE 9 08:02:10 0 EOF\n";
        for (n, inode, expected) in [(7, 10, false), (8, 10, true), (8, 11, false), (9, 10, false)] {
            assert_eq!(locked(kernel, pid(n), inode), expected, "{n} {inode}");
        }
    }
}
