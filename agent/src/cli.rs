//! The command line: one file per command.
//!
//! Each command has `Args`, which clap reads, and `run(global, args) -> Result<Output, CliError>`.
//! It prints nothing but notes on standard error: the answer is a value, printed here.

pub mod approvals;
pub mod audit;
mod certificate;
pub mod client;
pub mod clock;
pub mod decide;
pub mod deliver;
mod desk;
pub mod error;
pub mod exit;
pub mod freeze;
pub mod global;
pub mod inbox;
pub mod init;
pub mod issue;
pub mod key;
pub mod ledger;
pub mod openapi;
pub mod output;
pub mod pay;
pub mod policy;
mod policy_names;
mod provision;
pub mod quickstart;
pub mod reexec;
pub mod serve;
pub mod show;
mod spend_page;
pub mod spends;
pub mod status;
pub mod stop;
pub mod test_env;

use std::process::ExitCode;

use clap::Parser;

use error::CliError;
use exit::Exit;
use global::{Global, GlobalArgs};
use output::{Output, Page, Style};

/// Signs payments with keys that stay in a token, and only what a spend policy allows
///
/// Begin with: bursar quickstart
#[derive(Debug, clap::Parser)]
#[command(name = "bursar", bin_name = "bursar", version, propagate_version = false, verbatim_doc_comment, after_help = Exit::help())]
struct Bursar {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Quickstart(quickstart::Args),
    Init(Box<init::Args>),
    Serve(serve::Args),
    Stop(stop::Args),
    Status(status::Args),
    Pay(pay::Args),
    Issue(issue::Args),
    Spends(spends::Args),
    Show(show::Args),
    Inbox(inbox::Args),
    Approve(decide::Approve),
    Refuse(decide::Refuse),
    Deliver(deliver::Args),
    Freeze(freeze::Args),
    Approvals(approvals::Args),
    Policy(policy::Args),
    Key(key::Args),
    Certificate(certificate::Args),
    Ledger(ledger::Args),
    Audit(audit::Args),
    Clock(clock::Args),
    Openapi(openapi::Args),
    TestEnv(test_env::Args),
}

/// Reads the command line, does what it says, prints the answer.
pub fn run() -> ExitCode {
    // Not the agent alone reads PINs.
    crate::harden::harden();
    let bursar = match Bursar::try_parse() {
        Ok(bursar) => bursar,
        Err(error) if error.use_stderr() => {
            // Repeats what was written, which may hold anything; so it goes the way of every other text.
            let text = error.render().to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned();
            report(&CliError::Usage(text), std::env::args_os().any(|arg| arg == "--json"));
            return Exit::Usage.into();
        }
        Err(help) => {
            // Nobody may be reading.
            let _ = help.print();
            return Exit::Done.into();
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
        Command::Quickstart(args) => quickstart::run(global, args),
        Command::Init(args) => init::run(global, *args),
        Command::Serve(args) => serve::run(global, args),
        Command::Stop(args) => stop::run(global, args),
        Command::Status(args) => status::run(global, args),
        Command::Pay(args) => pay::run(global, args),
        Command::Issue(args) => issue::run(global, args),
        Command::Spends(args) => spends::run(global, args),
        Command::Show(args) => show::run(global, args),
        Command::Inbox(args) => inbox::run(global, args),
        Command::Approve(args) => decide::approve(global, args),
        Command::Refuse(args) => decide::refuse(global, args),
        Command::Deliver(args) => deliver::run(global, args),
        Command::Freeze(args) => freeze::run(global, args),
        Command::Approvals(args) => approvals::run(global, args),
        Command::Policy(args) => policy::run(global, args),
        Command::Key(args) => key::run(global, args),
        Command::Certificate(args) => certificate::run(global, args),
        Command::Ledger(args) => ledger::run(global, args),
        Command::Audit(args) => audit::run(global, args),
        Command::Clock(args) => clock::run(global, args),
        Command::Openapi(args) => openapi::run(global, args),
        Command::TestEnv(args) => test_env::run(global, args),
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
