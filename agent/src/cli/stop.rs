//! `bursar stop`: ends the running agent.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};

use super::client::Client;
use super::error::CliError;
use super::global::Global;
use super::output::{Output, Page};
use crate::config::Config;

/// The agent's lock in the home folder; its process id stands in it, decimal.
const LOCK: &str = "lock";
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
/// asked: anybody could listen on a socket whose agent is away.
pub fn run(global: &Global, _: Args) -> Result<Output, CliError> {
    let config = global.config()?;
    let Some(pid) = pid(&config) else {
        // Whatever the reason is, asking says it better.
        return match Client::local(global, &config)?.is_running()? {
            true => Err(CliError::Busy("the agent is ending already; wait a moment".to_owned())),
            false => {
                Err(super::client::ClientError::NotRunning { start: global.command("serve --background") }
                    .into())
            }
        };
    };
    let lock = config.home.join(LOCK);
    if !holds(&lock, pid).map_err(|source| CliError::File { path: lock.clone(), source })? {
        return Err(CliError::Home(format!(
            "process {} listens on {}, but the agent of this home it is not: it does not hold {}; it was not stopped. See what \
             it is, and end it, or set another `socket` under [agent] in config.toml",
            pid.as_raw_nonzero(),
            config.socket.display(),
            lock.display()
        )));
    }
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

/// Does this process hold the lock? Whoever does has written its id into it; where nothing is written, it
/// is enough that somebody holds it.
fn holds(lock: &Path, pid: Pid) -> std::io::Result<bool> {
    let mut file = match File::open(lock) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        // Nobody: let go again at once.
        Ok(()) => return Ok(false),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut text = String::new();
    file.by_ref().take(32).read_to_string(&mut text)?;
    Ok(text.is_empty() || text.trim_end().parse() == Ok(pid.as_raw_nonzero().get()))
}

/// The process that listens on the socket of a home, as the kernel knows it.
pub fn pid(config: &Config) -> Option<Pid> {
    let stream = UnixStream::connect(&config.socket).ok()?;
    rustix::net::sockopt::socket_peercred(&stream).ok().map(|peer| peer.pid)
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
    }
}
