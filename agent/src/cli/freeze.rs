//! `bursar freeze`: stops an account at once.

use std::path::PathBuf;

use bursar_core::approval::HomeId;
use bursar_core::decode::memo::Memo;
use bursar_core::name::Name;

use super::client::{Ask, Client};
use super::decide::written;
use super::desk::sign::{Needs, Signer};
use super::desk::source::Source;
use super::desk::{Desk, fate, file, statement};
use super::error::CliError;
use super::global::{Global, quoted};
use super::output::{self, Output, Page, Style};
use crate::http::wire::AccountView;

/// Stop an account: nothing leaves it until a quorum lets it go on
///
/// One approver is enough, and nobody is asked twice. It is signed by the key in your own token, so it
/// takes your PIN. Payments that were signed before are on their way already.
///
/// `bursar approve lift-ACCOUNT` lets it go on, when enough have said so.
///
/// Example: bursar freeze payroll --why "a laptop was stolen"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The account
    account: Name,
    /// A reason; at most 140 bytes, signed with it
    #[arg(long, value_name = "TEXT")]
    why: Option<Memo>,
    /// Read the home's id from a file that `bursar inbox --save` has written, and not from the agent
    #[arg(long, value_name = "FILE", requires = "out")]
    inbox: Option<PathBuf>,
    /// Write it, signed, to a file for `bursar deliver`, and do not tell the agent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Try the PIN again after it was refused and corrected
    #[arg(long)]
    retry_pin: bool,
}

/// Signs, and tells the agent.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let desk = Desk::open(global)?;
    let source = Source::open(global, &desk, args.inbox.as_deref())?;
    let home: HomeId = source.inbox()?.home;
    if let Source::Agent(client) = &source {
        check(client, &args.account)?;
    }
    let signer = Signer::open(&desk, Needs { approver: true, administrator: false }, args.retry_pin)?;
    let decision = statement::freeze(&signer, home, args.account.clone(), args.why.unwrap_or_default())?;
    let decisions = [decision];
    if let Some(path) = &args.out {
        file::write(path, &decisions)?;
        return Ok(written(global, path, &decisions));
    }
    let fates = fate::deliver(source.agent()?, &decisions)?;
    let mut page = Page::new();
    if fates.iter().all(|fate| fate.good) {
        let lift = global.command(&format!("approve {}", quoted(&format!("lift-{}", args.account))));
        page.styled(Style::Bad, format!("FROZEN: nothing leaves the account {} any more.", args.account));
        page.line(format!("A quorum lets it go on: {lift}"));
    } else {
        page.styled(Style::Bad, format!("NOT FROZEN: the account {} goes on.", args.account));
    }
    output::note(&page);
    Ok(fate::output(&fates))
}

/// A name with a mistake in it would freeze nothing, and nobody would notice.
fn check(client: &Client, account: &Name) -> Result<(), CliError> {
    let accounts: Vec<AccountView> = client.ask(&Ask::get("/v1/accounts"))?;
    if accounts.iter().any(|known| known.name == *account) {
        return Ok(());
    }
    let names: Vec<_> = accounts.iter().map(|known| known.name.as_str()).collect();
    Err(CliError::Usage(format!(
        "NOT FROZEN: the agent has no account {account}; its accounts are {}",
        names.join(", ")
    )))
}
