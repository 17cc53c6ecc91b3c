//! `bursar quickstart`: from nothing to judged, signed, recorded and verified payments.

mod home;
mod report;
mod story;
mod verify;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use home::CSV;

use super::client::Client;
use super::error::CliError;
use super::exit::Exit;
use super::global::Global;
use super::output::{self, Output, Page, Style};
use super::pay::batch;
use super::{serve, stop};
use crate::config::Config;
use crate::setup::modules;
use report::Report;

/// How long an agent that is starting already is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// See real payments judged, signed in a token, recorded and verified
///
/// Makes a home folder with a SoftHSM token of its own, keys, a policy and a ledger; starts the
/// agent; pays a small file of payments, of which the policy denies some; shows what happened and
/// why; verifies ledger and audit log; stops the agent. Given again it pays nothing twice and shows
/// the same answers. It only ever works in a home folder that it has made itself.
///
/// Example: bursar quickstart --home /tmp/bursar-demo
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// SoftHSM's PKCS#11 module, where it is not found by itself
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
}

/// Does all of it.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let module = softhsm(args.module)?;
    // Locked until the end, so that two quick starts do not stop each other's agent.
    let (made, _folder) = home::ensure(global, &module)?;
    let config = global.config()?;
    let ran = start(global, &config)?;
    crate::crash::point("setup");
    let paid = pay(global, &config);
    crate::crash::point("setup");
    if !ran {
        say(global, "Stopping the agent …");
        // Before anything is said about the payments: nothing is left running, whatever came of them.
        let stopped = stop::run(global, stop::Args {});
        paid.as_ref().ok().map_or(Ok(()), |_| stopped.map(|_| ()))?;
    }
    let paid = paid?;
    if let Some(error) = paid.stopped {
        return Err(error.into());
    }
    say(global, "Verifying ledger and audit log …");
    let verified = verify::verify(&config)?;
    Ok(Report { global, config: &config, made, ran, rows: &paid.rows, verified }.output())
}

/// Starts the agent; answers whether one was running.
fn start(global: &Global, config: &Config) -> Result<bool, CliError> {
    let client = Client::local(global, config)?;
    if client.is_running()? {
        return Ok(true);
    }
    say(global, "Starting the agent …");
    match serve::start(global, config) {
        Ok(_) => Ok(false),
        // Left behind by a quick start that was killed while its agent was starting.
        Err(error) if error.exit() == Exit::InUse => {
            let begun = Instant::now();
            while !client.is_running()? {
                if begun.elapsed() > PATIENCE {
                    return Err(error);
                }
                std::thread::sleep(PAUSE);
            }
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// In the order of the file, one after the other, so that the verdicts are always the same.
fn pay(global: &Global, config: &Config) -> Result<batch::Paid, CliError> {
    say(global, "Paying …");
    batch::pay(global, &config.home.join(CSV), 1)
}

/// SoftHSM's module. No other one is taken: the first blank token of a real device would be used up.
fn softhsm(named: Option<PathBuf>) -> Result<PathBuf, CliError> {
    let found = match named {
        None => modules::softhsm(Path::new("/")),
        Some(path) if path.file_name().is_some_and(|name| name.to_string_lossy().contains("softhsm")) => {
            Some(path)
        }
        Some(path) => {
            return Err(CliError::Usage(format!(
                "{} is not SoftHSM, and the quick start makes a token of its own; for a token that is there use `bursar init`",
                path.display()
            )));
        }
    };
    let found = found.filter(|path| path.is_file()).ok_or_else(missing)?;
    std::path::absolute(&found).map_err(|source| CliError::File { path: found, source })
}

fn missing() -> CliError {
    CliError::Ended {
        exit: Exit::Token,
        message: "SoftHSM is not installed. On Debian or Ubuntu run, as root:\n  apt-get update && apt-get install -y softhsm2\nor, as \
                  another user:\n  sudo apt-get update && sudo apt-get install -y softhsm2\nthen give the command again. If it is installed \
                  somewhere else, name its libsofthsm2.so with --module."
            .to_owned(),
    }
}

/// What is being done, for people who wait.
fn say(global: &Global, text: &str) {
    if !global.json {
        let mut page = Page::new();
        page.styled(Style::Dim, text);
        output::note(&page);
    }
}
