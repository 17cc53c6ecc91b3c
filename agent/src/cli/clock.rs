//! `bursar clock`: what people say about the time.

use super::client::{Ask, Client};
use super::error::CliError;
use super::global::Global;
use super::output::{Output, Page, Style};

/// The clock that windows and hours are counted by
///
/// Example: bursar clock confirm
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Take the clock's time as right after it had jumped
    ///
    /// When the clock runs ahead of what can have passed, nothing is signed until you have looked.
    /// Every window of the policy then counts by the time you confirm.
    ///
    /// Example: bursar clock confirm
    #[command(verbatim_doc_comment)]
    Confirm,
}

/// Does what the arguments say.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let Command::Confirm = args.command;
    let answer: serde_json::Value =
        Client::new(global)?.ask(&Ask::post("/v1/clock/confirm", &serde_json::json!({})))?;
    let mut page = Page::new();
    let now = answer.get("now").and_then(serde_json::Value::as_str).unwrap_or_default();
    page.styled(Style::Good, format!("The clock is confirmed: it is {now}."));
    Ok(Output::new(&answer, page))
}
