//! `bursar deliver`: takes signed decisions to the agent.

use std::path::PathBuf;

use super::desk::{Desk, fate, file};
use super::error::CliError;
use super::global::Global;
use super::output::Output;

/// Deliver decisions that were signed on another machine
///
/// FILE is what `bursar approve`, `refuse` or `freeze` has written with --out. Anybody may deliver
/// it whom the agent lets in as an approver or administrator: what counts is the signature of each
/// decision, not who brings it. Every signature is verified before anything is sent.
///
/// Exit code 0: each decision counts. 11: some do not; the table says why.
///
/// Example: bursar deliver decisions.jsonl
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The decisions
    file: PathBuf,
}

/// Posts each.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let decisions = file::read(&args.file)?;
    let client = Desk::client_of(&global.any_home()?, global)?;
    Ok(fate::output(&fate::deliver(&client, &decisions)?))
}
