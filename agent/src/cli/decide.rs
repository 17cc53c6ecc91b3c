//! `bursar approve` and `bursar refuse`: a person's decisions, signed in the person's own token.

mod choose;
mod show;

use std::path::PathBuf;

use bursar_core::approval::Verdict;
use bursar_core::decode::memo::Memo;
use serde_json::json;

use super::desk::ask::Consent;
use super::desk::decision::Decision;
use super::desk::id::Pick;
use super::desk::mail::Mail;
use super::desk::sign::Signer;
use super::desk::source::Source;
use super::desk::statement::{self, Bundle, Word};
use super::desk::{Desk, fate, file};
use super::error::CliError;
use super::global::{Global, quoted};
use super::output::{self, Output, Page, Style, count};
use super::policy::diff::Uncompared;
use choose::Chosen;

pub use show::{file as proposal_file, review};

/// What approving and refusing have in common.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// What to decide on, as `bursar inbox` lists it: 12, 12-51 for many payments, policy-3, lift-payroll
    #[arg(value_name = "ID", required = true)]
    ids: Vec<Pick>,
    #[command(flatten)]
    consent: Consent,
    /// Read the inbox from a file that `bursar inbox --save` has written, and not from the agent
    #[arg(long, value_name = "FILE", requires = "out")]
    inbox: Option<PathBuf>,
    /// Write the signed decisions to a file for `bursar deliver`, and do not ask the agent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Try the PIN again after it was refused and corrected
    #[arg(long)]
    retry_pin: bool,
}

/// Approve what waits, with the key in your own token
///
/// Shows each payment as its exact bytes say it, with the names of this home's own copy of the policy,
/// asks, and signs. One signature approves all payments that are named, up to 1,000; each version of
/// the policy and each frozen account takes one of its own. The payment whose quorum is complete is
/// judged again, whole, then signed and paid.
///
/// Exit code 0: each decision counts, also where it waits for others. 11: some do not count, or the
/// payment was denied all the same; the table says why. 17: a version of the policy cannot be compared
/// with the one in force, and nothing was signed; --uncompared signs for it all the same.
///
/// Examples:
///   bursar approve 12
///   bursar approve 12-51 lift-payroll
///   bursar approve 12 --inbox inbox.json --out decisions.jsonl
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Approve {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    uncompared: Uncompared,
    /// A note; at most 140 bytes, signed with the decision
    #[arg(long, value_name = "TEXT")]
    why: Option<Memo>,
}

/// Refuse what waits, with the key in your own token
///
/// A refusal is signed, recorded and final for whoever signs it. When the others are too few without
/// you, what you refuse is denied at once. Everything else is as with `bursar approve`.
///
/// Example: bursar refuse 12 --why "not ordered by us"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Refuse {
    #[command(flatten)]
    common: Common,
    /// The reason; at most 140 bytes, signed with the decision
    #[arg(long, value_name = "TEXT")]
    why: Memo,
}

/// Yes.
pub fn approve(global: &Global, args: Approve) -> Result<Output, CliError> {
    let word = Word { verdict: Verdict::Approve, why: args.why.unwrap_or_default() };
    run(global, args.common, &word, Some(&args.uncompared))
}

/// No.
pub fn refuse(global: &Global, args: Refuse) -> Result<Output, CliError> {
    if args.why.as_str().trim().is_empty() {
        return Err(CliError::Usage("a refusal needs a reason; say why with --why TEXT".to_owned()));
    }
    run(global, args.common, &Word { verdict: Verdict::Refuse, why: args.why }, None)
}

/// What a person refuses, nobody has to see whole.
fn run(
    global: &Global,
    args: Common,
    word: &Word,
    uncompared: Option<&Uncompared>,
) -> Result<Output, CliError> {
    let desk = Desk::open(global)?;
    let source = Source::open(global, &desk, args.inbox.as_deref())?;
    let mail = Mail::read(global, &desk, source.inbox(&desk)?)?;
    let chosen = choose::choose(&mail, &source, &args.ids)?;
    let kept = show::keep(&desk, &chosen)?;
    let shown = show::page(global, &desk, &mail, &chosen, word, &kept)?;
    output::note(&shown.page);
    uncompared.map_or(Ok(()), |uncompared| uncompared.accept(shown.is_whole))?;
    let needs = chosen.needs();
    args.consent.ask(&question(word.verdict, &chosen))?;
    let signer = Signer::open(&desk, needs, args.retry_pin)?;
    signer.check(desk.policy(global)?)?;
    let decisions = sign(&signer, &mail, &chosen, word)?;
    if let Some(path) = &args.out {
        file::write(path, &decisions)?;
        return Ok(written(global, path, &decisions));
    }
    Ok(fate::output(&fate::deliver(source.agent()?, &decisions)?))
}

fn question(verdict: Verdict, chosen: &Chosen) -> String {
    let word = if verdict == Verdict::Approve { "Approve" } else { "Refuse" };
    let parts = [
        (chosen.payments.len(), "payment"),
        (chosen.proposals.len(), "version"),
        (chosen.lifts.len(), "frozen account"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<_> = parts.map(|(number, noun)| count(number as u64, noun)).collect();
    format!("{word} {}?", parts.join(", "))
}

/// One ballot for all payments, and one statement for each other thing.
fn sign(signer: &Signer, mail: &Mail, chosen: &Chosen, word: &Word) -> Result<Vec<Decision>, CliError> {
    let home = mail.inbox.home;
    let mut decisions = Vec::new();
    if !chosen.payments.is_empty() {
        let items = chosen.payments.iter().map(|waiting| waiting.payment.item.clone()).collect();
        decisions.extend(statement::votes(signer, items, word)?);
    }
    for (proposal, _) in &chosen.proposals {
        decisions.push(statement::bundle(signer, &Bundle::of(home, proposal), word)?);
    }
    for frozen in &chosen.lifts {
        decisions.push(statement::lift(signer, home, frozen, word)?);
    }
    Ok(decisions)
}

/// The answer where nothing was delivered yet.
pub fn written(global: &Global, path: &std::path::Path, decisions: &[Decision]) -> Output {
    let next = global.command(&format!("deliver {}", quoted(&path.to_string_lossy())));
    let mut page = Page::new();
    page.styled(
        Style::Good,
        format!("{} written to {}.", count(decisions.len() as u64, "signed decision"), path.display()),
    );
    page.line(format!(
        "Nothing is decided until they are delivered, from a home that can reach the agent: {next}"
    ));
    let ids: Vec<_> = decisions.iter().map(ToString::to_string).collect();
    Output::new(&json!({ "file": path, "decisions": ids, "next": next }), page)
}
