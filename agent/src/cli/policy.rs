//! `bursar policy`: what may be paid.

mod check;
pub mod diff;
mod explain;
mod fetch;
mod install;
mod lineage;
pub mod offline;
mod propose;
mod replay;
mod show;
mod stolen;
mod test;

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
    Test(test::Args),
    Diff(diff::Args),
    Replay(replay::Args),
    Propose(propose::Args),
    Install(install::Args),
    Fetch(fetch::Args),
}

/// Does what the arguments say.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    match args.command {
        Command::Check(args) => check::run(global, args),
        Command::Show(args) => show::run(global, args),
        Command::Explain(args) => explain::run(global, args),
        Command::Test(args) => test::run(global, args),
        Command::Diff(args) => diff::run(args),
        Command::Replay(args) => replay::run(global, args),
        Command::Propose(args) => propose::run(global, args),
        Command::Install(args) => install::run(global, args),
        Command::Fetch(args) => fetch::run(global, args),
    }
}
