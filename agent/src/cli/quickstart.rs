//! `bursar quickstart`: from nothing to judged, signed, recorded and verified payments.

mod home;
mod report;
mod story;
mod verify;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use home::{CSV, ensure};

use super::client::Client;
use super::error::CliError;
use super::exit::Exit;
use super::global::Global;
use super::output::{self, Output, Page, Style};
use super::pay::batch;
use super::{serve, stop};
use crate::config::Config;
use report::Report;

/// How long an agent that is starting already is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// See real payments judged, signed in a token, recorded and verified
///
/// Makes a home folder with a simulated YubiHSM, keys, a policy and a ledger; starts the agent; pays a
/// small file of payments, of which the policy denies some; shows what happened and why; verifies
/// ledger and audit log; stops the agent. Given again it pays nothing twice and shows the same answers.
/// It only ever works in a home folder that it has made itself.
///
/// With --module the token is one behind that PKCS#11 module instead: the first that is not initialised
/// yet. SoftHSM always has one, and then keeps it in the home folder.
///
/// Examples:
///   bursar quickstart --home /tmp/bursar-demo
///   bursar quickstart --module /usr/lib/softhsm/libsofthsm2.so
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A PKCS#11 module, like SoftHSM's, instead of the simulated device
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
}

/// Does all of it.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let module = args.module.map(module).transpose()?;
    // Locked until the end, so that two quick starts do not stop each other's agent.
    let (made, _folder) = ensure(global, module.as_deref(), None)?;
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

/// The module's file, by a path that holds wherever the agent is started.
pub fn module(path: PathBuf) -> Result<PathBuf, CliError> {
    if !path.is_file() {
        return Err(CliError::Ended {
            exit: Exit::Token,
            message: format!(
                "there is no PKCS#11 module {}; `bursar init` lists the ones that are installed (Debian and Ubuntu have SoftHSM in \
                 the package softhsm2), and without --module a simulated device does",
                path.display()
            ),
        });
    }
    std::path::absolute(&path).map_err(|source| CliError::File { path, source })
}

/// What is being done, for people who wait.
fn say(global: &Global, text: &str) {
    if !global.json {
        let mut page = Page::new();
        page.styled(Style::Dim, text);
        output::note(&page);
    }
}
