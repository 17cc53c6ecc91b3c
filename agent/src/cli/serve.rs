//! `bursar serve`: runs the agent.

mod background;

use std::io::IsTerminal;
use std::path::Path;

use rustix::process::Pid;

use super::error::CliError;
use super::global::Global;
use super::output::{Output, Page};
use super::reexec;
use crate::agent::Leniency;
use crate::config::Config;
use crate::serve::{Options, ServeError};

/// Run the agent of a home folder
///
/// Opens the token, the book and the ledger, finishes what an earlier run had begun, and answers on
/// the Unix socket in the home folder until it gets SIGTERM or SIGINT. What it does is written to
/// standard error; BURSAR_LOG sets how much of it (error, warn, info, debug).
///
/// Example: bursar serve --background
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Try the PIN again after it was refused and corrected
    #[arg(long)]
    retry_pin: bool,
    /// Go on with a book that is older than the token remembers: what is missing could be paid again
    #[arg(long)]
    accept_rollback: bool,
    /// Return as soon as it is ready; it goes on without a terminal and writes to agent.log in the home folder
    #[arg(long)]
    background: bool,
    /// Set by --background for the process that it starts
    #[arg(long, hide = true, conflicts_with = "background")]
    detached: bool,
    /// Stop when this process ends
    #[arg(long, hide = true, value_name = "PID", value_parser = super::test_env::pid)]
    until: Option<Pid>,
}

/// Serves until it is told to stop, or until it is ready in the background.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let config = global.config()?;
    if args.background {
        return background::start(global, &config, &args);
    }
    if args.detached {
        // A session of its own: no terminal, and no SIGHUP when that is closed. It fails only where
        // this process leads a group already, after it has replaced itself for the environment.
        let _ = rustix::process::setsid();
    }
    reexec::with_environment(&config.token.environment())?;
    log(args.detached);
    let leniency = Leniency { retry_pin: args.retry_pin, accept_rollback: args.accept_rollback };
    crate::serve::run(config, Options { leniency, until: args.until }).map_err(|error| match error {
        ServeError::Locked(home) => CliError::InUse(in_use(global, &home)),
        other => other.into(),
    })?;
    Ok(Output::new(&serde_json::json!({ "state": "stopped" }), Page::new()))
}

/// Starts the agent in the background and waits until it is ready.
pub fn start(global: &Global, config: &Config) -> Result<Output, CliError> {
    background::start(global, config, &Args::in_background(None))
}

/// The same; it stops when this process ends.
pub fn start_until(global: &Global, config: &Config, until: Pid) -> Result<Output, CliError> {
    background::start(global, config, &Args::in_background(Some(until)))
}

impl Args {
    fn in_background(until: Option<Pid>) -> Self {
        Self { retry_pin: false, accept_rollback: false, background: true, detached: false, until }
    }
}

fn in_use(global: &Global, home: &Path) -> String {
    let stop = global.command("stop");
    format!("an agent runs on {} already, and one home has one agent; stop it with: {stop}", home.display())
}

fn log(detached: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BURSAR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let colour = !detached && std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    // Fails where a program that runs this one as a library listens already.
    let _ = logs.try_init();
}
