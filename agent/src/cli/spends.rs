//! `bursar spends`: the payments and issues so far.

use bursar_core::name::Name;

use super::error::CliError;
use super::global::Global;
use super::output::{Cell, Output, Page, Style, Table, note_text};
use super::spend_page::state_cell;
use crate::book::read;
use crate::book::view::{Spend, State};

/// List payments and issues, newest first
///
/// Works with and without a running agent.
///
/// Example: bursar spends --state denied --limit 5
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Only those with a lower id
    #[arg(long, value_name = "ID", value_parser = id)]
    before: Option<u64>,
    /// Only from this account
    #[arg(long, value_name = "NAME")]
    account: Option<Name>,
    /// Only in this state: waiting, denied, reserved, signed, refused, recorded, handed-out or expired
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<State>,
}

fn state(text: &str) -> Result<State, String> {
    let known: Result<State, serde::de::value::Error> =
        serde::Deserialize::deserialize(serde::de::value::StrDeserializer::new(text));
    known.map_err(|_| {
        "a state is waiting, denied, reserved, signed, refused, recorded, handed-out or expired".to_owned()
    })
}

/// An id, for clap.
pub fn id(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "an id is a whole number, as `bursar spends` lists them".to_owned())
}

/// Reads the book.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let book = read::open(&global.config()?.home)?;
    let mut found = Vec::new();
    let mut before = args.before;
    loop {
        let (page, next) = read::spends(&book, None, before, read::PAGE)?;
        let wanted = |spend: &Spend| {
            args.state.is_none_or(|state| spend.state == state)
                && args.account.as_ref().is_none_or(|account| spend.account == *account)
        };
        found.extend(page.into_iter().filter(wanted).take(args.limit.saturating_sub(found.len())));
        if next.is_none() || found.len() >= args.limit {
            break;
        }
        before = next;
    }
    Ok(Output::new(&found, page(&found)))
}

fn page(spends: &[Spend]) -> Page {
    let mut table = Table::new([
        ">ID",
        "STATE",
        "ACTION",
        ">AMOUNT",
        "ASSET",
        "ACCOUNT",
        "RECIPIENT",
        "MEMO",
        "RULE",
        "REASON",
    ]);
    for spend in spends {
        table.row([
            spend.id.to_string().into(),
            state_cell(spend.state),
            spend.action.to_string().into(),
            spend.amount.as_str().into(),
            spend.asset.as_str().into(),
            spend.account.as_str().into(),
            spend.recipient.as_str().into(),
            note_text(spend.memo.as_str()).into(),
            spend.rule.as_ref().map(ToString::to_string).unwrap_or_default().into(),
            Cell::new(spend.reason.clone().unwrap_or_default(), Style::Dim),
        ]);
    }
    let mut page = Page::new();
    if table.is_empty() {
        page.line("There are no such payments.");
    } else {
        page.table(table);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_word() {
        for known in [
            State::Denied,
            State::Reserved,
            State::Signed,
            State::Refused,
            State::Recorded,
            State::HandedOut,
            State::Expired,
            State::Waiting,
        ] {
            assert_eq!(state(&known.to_string()), Ok(known));
        }
        assert!(state("Denied").is_err());
    }
}
