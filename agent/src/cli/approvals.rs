//! `bursar approvals`: what people decided, verified by anybody.

use std::path::PathBuf;

use bursar_core::approval::{Asked, Item, MAX_BATCH, NotCounted, Tally, Verdict, Vote, tally};
use bursar_core::decode::transfer::{Payload, Transfer};
use bursar_core::envelope::Envelope;
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{Counters, Policy, Question, judge};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::error::CliError;
use super::exit::Exit;
use super::global::Global;
use super::output::{Cell, Output, Page, Style, Table};
use super::policy::offline;
use crate::book::hex::Hex;
use crate::durable;
use crate::http::wire::Votes;

/// Longest file of approvals, in bytes.
const LONGEST: u64 = 16 << 20;
/// Longest envelope of a payment, in bytes.
const ENVELOPE: u64 = 64 << 10;

/// What people decided on a payment
///
/// Example: bursar approvals verify approvals.json --policy policy.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Verify(Verify),
}

/// Verify the approvals of a payment, offline
///
/// Needs neither a home folder nor an agent. Verifies each signature, that the payment is one of those
/// that were signed for, and by the policy bundle whose key it is; then counts as the agent does: one
/// person one vote, nobody who is revoked, and nobody who asked, under whatever name of theirs. Who
/// asked is signed; approvals of the first books do not say it, and --requester does. With --payment it
/// says, too, whether they are enough for this payment by itself; what a sum over time or a first
/// payment to somebody asks for, the agent alone knows. Exit code 12 if one does not count, if they are
/// too few, or if nobody approves.
///
/// Example: bursar show 12 --approvals > approvals.json
///          bursar show 12 --envelope > payment.json
///          bursar approvals verify approvals.json --policy policy.toml --payment payment.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Verify {
    /// The approvals, as `bursar show ID --approvals` prints them
    file: PathBuf,
    /// The policy bundle under which they were given
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The signed envelope of the payment: were these very bytes approved
    #[arg(long, value_name = "FILE")]
    payment: Option<PathBuf>,
    /// Who asked for the payment: approvals that name somebody else do not count
    #[arg(long, value_name = "NAME")]
    requester: Option<Name>,
}

#[derive(Serialize)]
struct Answer {
    item: Item,
    policy: u64,
    /// As of when they are counted: when the last one was signed.
    at: Timestamp,
    approved: Vec<Name>,
    refused: Vec<Refused>,
    not_counted: Vec<NotCounted>,
    /// Who asked, as far as that was said.
    requester: Option<Name>,
    /// Is that signed in every one of them?
    signed: bool,
    /// Who pays, by address, if they were compared with a payment: the account is the agent's word for it.
    from: Option<PublicKey>,
    /// Are they enough for the payment by itself? Unknown without payment and requester.
    enough: Option<bool>,
    /// Why they are not.
    lacking: Option<String>,
}

#[derive(Serialize)]
struct Refused {
    person: Name,
    why: String,
}

/// Does what the arguments say.
pub fn run(_: &Global, args: Args) -> Result<Output, CliError> {
    let Command::Verify(args) = args.command;
    let policy = offline::policy(&args.policy)?;
    let votes = votes(&args.file)?;
    let item = asked(&votes, &policy)?;
    let payment = args.payment.as_ref().map(|path| compare(path, &item)).transpose()?;
    let signed = votes.iter().map(|vote| vote.ballot().statement().signed);
    let at = signed.max().unwrap_or(Timestamp::EPOCH);
    let requester = args.requester.or_else(|| item.requester.clone());
    let counted = count(&policy, &item, requester.clone(), at, &votes)?;
    let lacking = match (&payment, &requester) {
        (Some(payment), Some(requester)) => Some(lacking(&policy, &item, payment, requester, at, &counted)),
        _ => None,
    };
    let answer = Answer {
        from: payment.as_ref().map(|payment| payment.transfer().from),
        enough: lacking.as_ref().map(Option::is_none),
        lacking: lacking.flatten(),
        policy: policy.version(),
        at,
        approved: counted.approved.iter().cloned().collect(),
        refused: counted
            .refused
            .iter()
            .map(|refusal| Refused { person: refusal.approver.clone(), why: refusal.why.as_str().to_owned() })
            .collect(),
        not_counted: counted.not_counted,
        signed: votes.iter().all(|vote| vote.item().requester.is_some()),
        requester,
        item,
    };
    let exit = if is_good(&answer) { Exit::Done } else { Exit::Unverified };
    Ok(Output::new(&answer, page(&answer, &votes)).with_exit(exit))
}

/// Every vote of a file; signature and proof of each hold.
fn votes(path: &std::path::Path) -> Result<Vec<Vote>, CliError> {
    let failed = |source| CliError::File { path: path.to_owned(), source };
    let wrong = |what: String| CliError::Unverified(format!("{}: {what}", path.display()));
    let bytes = durable::read(path, LONGEST).map_err(failed)?;
    let Votes { votes } = serde_json::from_slice(&bytes)
        .map_err(|error| wrong(format!("{error}; `bursar show ID --approvals` prints such a file")))?;
    if votes.is_empty() {
        return Err(CliError::Usage(format!(
            "{}: nobody decided on this payment; the policy did not ask for it, or it waits",
            path.display()
        )));
    }
    if votes.len() > MAX_BATCH as usize {
        return Err(wrong(format!("more than {MAX_BATCH} decisions on one payment")));
    }
    let one = |(number, vote): (usize, &RawValue)| {
        Vote::parse(vote.get().as_bytes())
            .map_err(|error| wrong(format!("decision {} of {}: {error}", number + 1, votes.len())))
    };
    votes.iter().map(AsRef::as_ref).enumerate().map(one).collect()
}

/// The payment that they are about, under the bundle that is at hand.
fn asked(votes: &[Vote], policy: &Policy) -> Result<Item, CliError> {
    let Some(first) = votes.first() else {
        return Err(CliError::Usage("there is no decision to verify".to_owned()));
    };
    // One that says who asked says all that the others do.
    let item = votes.iter().map(Vote::item).find(|item| item.requester.is_some());
    let item = item.unwrap_or_else(|| first.item()).clone();
    if item.policy != Hex(policy.hash()) {
        return Err(CliError::Unverified(format!(
            "these decisions were made under the policy with the sha-256 {}, and the file has {}; name that version with --policy",
            item.policy,
            Hex(policy.hash())
        )));
    }
    Ok(item)
}

fn is_good(answer: &Answer) -> bool {
    answer.not_counted.is_empty() && !answer.approved.is_empty() && answer.enough != Some(false)
}

/// What is missing for this payment by itself, if anything is: as the agent judges it, of a recipient
/// that was paid before.
fn lacking(
    policy: &Policy,
    item: &Item,
    payment: &Payload,
    requester: &Name,
    now: Timestamp,
    counted: &Tally,
) -> Option<String> {
    let (intent, account) = (payment.intent(), &item.account);
    // What the requester was there for is not in the file: any role.
    let question = Question { intent: &intent, account, caller: requester, roles: Roles::ALL, now };
    let permit = match judge(policy, &question) {
        bursar_core::policy::Verdict::Allow(permit) => permit,
        bursar_core::policy::Verdict::Deny(denial) => return Some(format!("the policy denies it: {denial}")),
    };
    let mut counters = Counters::default();
    counters.learn(account, payment.transfer().to);
    match counters.wanted(&permit, &counted.approved, now) {
        Ok(wanted) if wanted.is_empty() => None,
        Ok(wanted) => Some(wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        Err(denial) => Some(format!("the policy denies it: {denial}")),
    }
}

fn compare(path: &std::path::Path, item: &Item) -> Result<Payload, CliError> {
    let wrong = |what: String| CliError::Unverified(format!("{}: {what}", path.display()));
    let bytes =
        durable::read(path, ENVELOPE).map_err(|source| CliError::File { path: path.to_owned(), source })?;
    let envelope = Envelope::from_json(&bytes).map_err(|error| wrong(error.to_string()))?;
    let (payload, _) = Payload::from_envelope(&envelope).map_err(|error| wrong(error.to_string()))?;
    let Transfer { ledger, valid_until, .. } = payload.transfer();
    if Hex(payload.digest()) != item.digest || *ledger != item.ledger || *valid_until != item.expires {
        return Err(wrong("the decisions are about another payment".to_owned()));
    }
    Ok(payload)
}

fn count(
    policy: &Policy,
    item: &Item,
    requester: Option<Name>,
    at: Timestamp,
    votes: &[Vote],
) -> Result<Tally, CliError> {
    let requester = match requester {
        Some(requester) => requester,
        None => outsider(policy)?,
    };
    Ok(tally(policy.roster(), &Asked { item: item.clone(), requester }, at, votes))
}

/// A name of nobody in the policy, where it is not known who asked.
fn outsider(policy: &Policy) -> Result<Name, CliError> {
    let names = (0..u32::MAX).map(|number| format!("somebody {number}"));
    let mut free = names.filter_map(|name| name.parse().ok());
    free.find(|name| policy.roster().asking_as(name).is_empty())
        .ok_or_else(|| CliError::Usage("say who asked, with --requester NAME".to_owned()))
}

/// Who asked, and from where.
fn requester(answer: &Answer) -> String {
    let Some(requester) = &answer.requester else { return "not said".to_owned() };
    match answer.item.uid.filter(|_| answer.item.requester.as_ref() == Some(requester)) {
        Some(uid) => format!("{requester}, user id {uid} on the agent's machine"),
        None => requester.to_string(),
    }
}

fn page(answer: &Answer, votes: &[Vote]) -> Page {
    let mut page = Page::new();
    let item = &answer.item;
    page.pairs([
        ("payment", format!("spend {} of the home {}", item.request, item.home).into()),
        ("account", item.account.as_str().into()),
        ("asked by", requester(answer).into()),
        ("paid by", answer.from.map_or_else(|| "not looked at".to_owned(), |from| from.to_string()).into()),
        ("transaction", item.digest.to_string().into()),
        ("ledger", item.ledger.to_string().into()),
        ("policy", format!("version {}", answer.policy).into()),
    ]);
    page.blank();
    let mut table = Table::new(["PERSON", "DECIDED", "SIGNED", "WHY", "KEY"]);
    for vote in votes {
        let ballot = vote.ballot().statement();
        let (word, style) = match ballot.verdict {
            Verdict::Approve => ("approves", Style::Good),
            Verdict::Refuse => ("refuses", Style::Bad),
        };
        table.row([
            ballot.approver.as_str().into(),
            Cell::new(word, style),
            ballot.signed.to_string().into(),
            ballot.why.as_str().into(),
            vote.ballot().key().to_string().into(),
        ]);
    }
    page.table(table);
    page.blank();
    for one in &answer.not_counted {
        page.styled(Style::Bad, format!("Not counted: the decision of {}: {}", one.approver, one.why));
    }
    if answer.approved.is_empty() {
        page.styled(Style::Bad, "Nobody approves it.");
    }
    if let Some(lacking) = &answer.lacking {
        page.styled(Style::Bad, format!("Not enough: {lacking}"));
    }
    if is_good(answer) && answer.enough.is_some() {
        let says =
            "Verified: every signature holds, every decision counts, and they are enough for this payment.";
        page.styled(Style::Good, says);
    } else if is_good(answer) {
        page.line("Every signature holds, and every decision counts.");
        page.styled(
            Style::Warn,
            if answer.requester.is_some() {
                "Whether they are enough was not looked at: give --payment, too."
            } else {
                "Whether they are enough was not looked at: give --payment and --requester, too."
            },
        );
    }
    if answer.requester.is_none() {
        page.line("Whether somebody approved their own request, --requester NAME tells.");
    } else if !answer.signed {
        page.styled(
            Style::Warn,
            "Who asked is not signed in all of them: the first books did not have it. It is the word of --requester, or of the others.",
        );
    }
    if answer.from.is_none() {
        page.line("Whether the payment that was made is the one above, --payment ENVELOPE tells.");
    }
    page
}
