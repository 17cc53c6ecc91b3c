//! `bursar inbox`: everything that waits for a person.

mod json;
mod page;

use std::path::PathBuf;

use super::desk::Desk;
use super::desk::mail::Mail;
use super::desk::source::Source;
use super::error::CliError;
use super::global::Global;
use super::output::Output;

pub use page::{
    frozen as frozen_table, origins, payments as payment_table, proposals as proposal_table, unverified,
};

/// List everything that waits for a person
///
/// That is payments, versions of the policy that were put forward, and frozen accounts. Reads the
/// exact bytes of each payment itself, and names recipient and categories from this home's own copy of
/// the policy, never from what the requester or the agent calls them. When that copy is not the
/// version that the agent decides by, nothing is named: `bursar policy fetch` takes it over. Whether an
/// account has the address that pays is the agent's word, unless the policy names that under [payers].
/// Who froze an account, when and why is read from what they signed.
///
/// An ID is a payment's number (12), policy-3 for a version of the policy that was put forward, or
/// lift-payroll for a frozen account. `bursar approve ID…` and `bursar refuse ID… --why TEXT` decide.
///
/// Example: bursar inbox
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Write it to a file, too, for a machine that has no way to the agent
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Read it from a file that --save has written, and not from the agent
    #[arg(long, value_name = "FILE", conflicts_with = "save")]
    inbox: Option<PathBuf>,
}

/// Asks the agent, or reads the file.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let desk = Desk::open(global)?;
    let source = Source::open(global, &desk, args.inbox.as_deref())?;
    let inbox = source.inbox(&desk)?;
    if let Some(path) = &args.save {
        source.save(&inbox, path)?;
    }
    let mail = Mail::read(global, &desk, inbox)?;
    Ok(Output::new(&json::view(&mail), page::page(global, &mail, args.save.as_deref())))
}
