//! `bursar inbox`: everything that waits for a person.

use serde::Serialize;

use super::error::CliError;
use super::global::Global;
use super::output::{Output, Page, Style};
use super::people::{self, Desk, Read};
use crate::book::inbox::{Frozen, Proposal};

/// List everything that waits for a person: payments, policy bundles, frozen accounts
///
/// Payments are decoded from the bytes that an approval signs for, and named by this home's own copy
/// of the policy.
///
/// Example: bursar inbox
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

#[derive(Serialize)]
struct Answer {
    version: u64,
    payments: Vec<Read>,
    proposals: Vec<Proposal>,
    frozen: Vec<Frozen>,
}

/// Lists it.
pub fn run(global: &Global, _: Args) -> Result<Output, CliError> {
    let desk = Desk::open(global)?;
    let read = desk.inbox.payments.iter().map(|payment| desk.read(payment)).collect::<Result<Vec<_>, _>>()?;
    let mut page = Page::new();
    if let Some(until) = desk.inbox.until {
        page.styled(
            Style::Bad,
            format!("BREAK-GLASS: policy version {} is in force until {until}", desk.inbox.version),
        );
    }
    if read.is_empty() && desk.inbox.proposals.is_empty() && desk.inbox.frozen.is_empty() {
        page.styled(Style::Good, "Nothing waits for anybody.");
    }
    if !read.is_empty() {
        people::payments(&mut page, &read);
    }
    desk.inbox.proposals.iter().for_each(|one| people::proposal(&mut page, one));
    desk.inbox.frozen.iter().for_each(|one| people::frozen(&mut page, one));
    let Desk { inbox, .. } = desk;
    let answer =
        Answer { version: inbox.version, payments: read, proposals: inbox.proposals, frozen: inbox.frozen };
    Ok(Output::new(&answer, page))
}
