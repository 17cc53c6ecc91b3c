//! `bursar freeze`: stops an account at once.

use std::path::PathBuf;

use bursar_core::approval::HomeId;
use bursar_core::decode::memo::Memo;
use bursar_core::name::Name;

use super::client::{Ask, Client};
use super::decide::written;
use super::desk::fate::Fate;
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
/// takes your PIN. What was signed and not sent stays here; what the ledger has been handed already, and
/// has not answered, is named: that may still be recorded.
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
    let home: HomeId = source.inbox(&desk)?.home;
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
    let next = Next {
        lift: global.command(&format!("approve {}", quoted(&format!("lift-{}", args.account)))),
        inbox: global.command("inbox"),
        again: global.command(&format!("freeze {}", quoted(args.account.as_str()))),
    };
    output::note(&page(&args.account, Outcome::of(&fates), &next));
    Ok(fate::output(&fates))
}

/// What is known of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing leaves it.
    Frozen,
    /// The agent did not take it; the table says why.
    Refused,
    /// The agent may have taken it: it was in trouble, or away, before it could say so.
    Unknown,
}

impl Outcome {
    fn of(fates: &[Fate]) -> Self {
        if fates.iter().all(|fate| fate.good) {
            Self::Frozen
        } else if fates.iter().any(Fate::is_unknown) {
            Self::Unknown
        } else {
            Self::Refused
        }
    }
}

/// Commands that may be next.
struct Next {
    lift: String,
    inbox: String,
    again: String,
}

fn page(account: &Name, outcome: Outcome, next: &Next) -> Page {
    let Next { lift, inbox, again } = next;
    let mut page = Page::new();
    match outcome {
        Outcome::Frozen => {
            page.styled(Style::Bad, format!("FROZEN: nothing leaves the account {account} any more."));
            page.line(format!("A quorum lets it go on: {lift}"));
        }
        Outcome::Refused => {
            page.styled(
                Style::Bad,
                format!("NOT FROZEN: the account {account} goes on; the table says why."),
            );
        }
        Outcome::Unknown => {
            page.styled(Style::Bad, format!("It is NOT KNOWN whether the account {account} is frozen."));
            page.line(format!("It is if lift-{account} is listed by: {inbox}"));
            page.line(format!("If it is not, freeze it again, which does no harm where it is: {again}"));
        }
    }
    page
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn says_what_is_known_and_no_more() {
        let next = Next { lift: "LIFT".to_owned(), inbox: "INBOX".to_owned(), again: "AGAIN".to_owned() };
        for (state, good, outcome, says) in [
            ("frozen", true, Outcome::Frozen, ["FROZEN: nothing leaves the account payroll", "LIFT"]),
            ("not-counted", false, Outcome::Refused, ["NOT FROZEN: the account payroll goes on", ""]),
            ("failed", false, Outcome::Refused, ["NOT FROZEN", ""]),
            (
                "unknown",
                false,
                Outcome::Unknown,
                ["NOT KNOWN whether the account payroll is frozen", "INBOX"],
            ),
        ] {
            let fate = Fate {
                id: "freeze-payroll".to_owned(),
                person: "anna".to_owned(),
                state: state.to_owned(),
                detail: String::new(),
                good,
            };
            assert_eq!(Outcome::of(&[fate]), outcome, "{state}");
            let page = page(&"payroll".parse().unwrap(), outcome, &next).render(false);
            assert!(says.iter().all(|says| page.contains(says)), "{state}: {page}");
            assert_eq!(page.contains("AGAIN"), outcome == Outcome::Unknown, "{page}");
            assert_eq!(page.contains("NOT FROZEN"), outcome == Outcome::Refused, "{page}");
        }
    }
}
