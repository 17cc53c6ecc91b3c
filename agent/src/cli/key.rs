//! `bursar key`: the keys in the token, and how they are written.

mod attest;
mod generate;
mod list;
pub mod open;
mod show;
mod spki;

use super::error::CliError;
use super::global::Global;
use super::output::Output;

/// The keys in the token.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a key that never leaves the token
    Generate(generate::Args),
    /// List the keys in the token with their roles
    List(list::Args),
    /// Print a public key
    Show(show::Args),
    /// Have a YubiHSM prove that it made a key itself
    Attest(attest::Args),
}

/// Does what the arguments say.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    match args.command {
        Command::Generate(args) => generate::run(global, args),
        Command::List(args) => list::run(global, args),
        Command::Show(args) => show::run(global, args),
        Command::Attest(args) => attest::run(global, args),
    }
}
