//! `bursar ledger`: the ledger in the home folder.

mod show;
mod verify;

use std::path::PathBuf;

use super::error::CliError;
use super::global::Global;
use super::output::Output;
use crate::config::{Config, LedgerConfig};
use crate::ledger::embedded::genesis::Genesis;

/// The ledger in the home folder
///
/// Example: bursar ledger show
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Show(show::Args),
    Verify(verify::Args),
}

/// Does what the arguments say.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    match args.command {
        Command::Show(args) => show::run(global, args),
        Command::Verify(args) => verify::run(global, args),
    }
}

/// What the ledger of a home began with.
fn genesis(config: &Config) -> Result<(PathBuf, Genesis), CliError> {
    let LedgerConfig::Embedded { genesis: path } = &config.ledger else {
        return Err(CliError::Usage(
            "this home has no ledger of its own: payments are signed and handed out; see [ledger] in config.toml".to_owned(),
        ));
    };
    let genesis =
        Genesis::read(path).map_err(|error| CliError::Damaged(format!("{}: {error}", path.display())))?;
    Ok((path.clone(), genesis))
}
