//! `bursar policy`: what may be paid.

mod check;
mod diff;
mod explain;
mod offline;
mod show;

use super::error::CliError;
use super::global::Global;
use super::output::Output;

/// What may be paid: the policy bundle
///
/// Example: bursar policy check
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
    Show(show::Args),
    Explain(explain::Args),
    Diff(diff::Args),
}

/// Does what the arguments say.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    match args.command {
        Command::Check(args) => check::run(global, args),
        Command::Show(args) => show::run(global, args),
        Command::Explain(args) => explain::run(global, args),
        Command::Diff(args) => diff::run(args),
    }
}
