//! The command line: one file per command.
//!
//! Each command has `Args`, which clap reads, and `run(global, args) -> Result<Output, CliError>`.
//! It prints nothing but notes on standard error: the answer is a value, printed here.

pub mod client;
pub mod error;
pub mod exit;
pub mod global;
pub mod init;
pub mod key;
pub mod output;
pub mod quickstart;
pub mod reexec;

use std::process::ExitCode;

use clap::Parser;

use error::CliError;
use exit::Exit;
use global::{Global, GlobalArgs};
use output::{Output, Page, Style};

/// Signs payments with keys that stay in a token, and only what a spend policy allows.
#[derive(Debug, clap::Parser)]
#[command(name = "bursar", version, propagate_version = false, after_help = Exit::help())]
struct Bursar {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(init::Args),
    Key(key::Args),
}

/// Reads the command line, does what it says, prints the answer.
pub fn run() -> ExitCode {
    let bursar = match Bursar::try_parse() {
        Ok(bursar) => bursar,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            // Nobody may be reading.
            let _ = error.print();
            return exit.into();
        }
    };
    let global = bursar.global.resolve();
    match dispatch(&global, bursar.command).and_then(|output| output.print(global.json)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            report(&error, global.json);
            error.exit().into()
        }
    }
}

fn dispatch(global: &Global, command: Command) -> Result<Output, CliError> {
    match command {
        Command::Init(args) => init::run(global, args),
        Command::Key(args) => key::run(global, args),
    }
}

/// Standard output is for answers, so an error goes to standard error, with `--json` as JSON.
fn report(error: &CliError, json: bool) {
    let exit = error.exit();
    let mut page = Page::new();
    if json {
        let error =
            serde_json::json!({ "error": error.to_string(), "kind": exit.word(), "exit": exit.code() });
        page.text(&output::clean_json(&error.to_string()));
    } else {
        let text = error.to_string();
        let mut lines = text.lines();
        page.styled(Style::Bad, format!("bursar: {}", lines.next().unwrap_or_default()));
        lines.for_each(|line| page.line(line));
    }
    output::note(&page);
}
