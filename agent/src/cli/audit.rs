//! `bursar audit`: every decision, provable later.

mod book;
mod export;
pub mod exported;
mod verify;

pub use book::verify as verify_book;

use super::client::{Ask, Client};
use super::error::CliError;
use super::global::Global;
use super::output::Output;
use crate::config::Config;

/// The audit log: every decision, allowed or denied
///
/// Example: bursar audit verify
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Verify(verify::Args),
    Export(export::Args),
}

/// Does what the arguments say.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    match args.command {
        Command::Verify(args) => verify::run(global, args),
        Command::Export(args) => export::run(global, args),
    }
}

/// Has the running agent sign a checkpoint over everything so far, kept beside the log.
fn fresh_checkpoint(global: &Global, config: &Config) -> Result<String, CliError> {
    let client = Client::to(global, config)?;
    let note = client.run(|link| async move { link.ask(&Ask::get("/v1/audit/checkpoint")).await?.text() })?;
    Ok(note)
}
