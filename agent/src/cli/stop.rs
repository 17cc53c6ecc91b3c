//! `bursar stop`: ends the running agent.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};

use super::client::Client;
use super::error::CliError;
use super::global::Global;
use super::output::{Output, Page};
use crate::config::Config;

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

/// Asks the process behind the socket to end, and waits until it has.
pub fn run(global: &Global, _: Args) -> Result<Output, CliError> {
    let config = global.config()?;
    let Some(pid) = pid(&config) else {
        // Whatever the reason is, asking says it better.
        return match Client::to(global, config.socket)?.is_running()? {
            true => Err(CliError::Busy("the agent is ending already; wait a moment".to_owned())),
            false => {
                Err(super::client::ClientError::NotRunning { start: global.command("serve --background") }
                    .into())
            }
        };
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

/// The process that listens on the socket of a home, as the kernel knows it.
pub fn pid(config: &Config) -> Option<Pid> {
    let stream = UnixStream::connect(&config.socket).ok()?;
    rustix::net::sockopt::socket_peercred(&stream).ok().map(|peer| peer.pid)
}
