//! `bursar policy install`

use std::path::{Path, PathBuf};
use std::str::FromStr;

use bursar_core::approval::Verdict;
use bursar_core::policy::Policy;
use bursar_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::fetch::in_force;
use super::{diff, offline, propose};
use crate::book::hex::Hex;
use crate::book::record::Way;
use crate::cli::client::Ask;
use crate::cli::decide::review;
use crate::cli::desk::ask::Consent;
use crate::cli::desk::mail::has_decided;
use crate::cli::desk::sign::{Needs, Signer};
use crate::cli::desk::source::Source;
use crate::cli::desk::statement::{self, Bundle, Word};
use crate::cli::desk::{Desk, fate};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::global::{Global, quoted};
use crate::cli::output::{self, Output, Page, Style};
use crate::config::Home;
use crate::durable;

/// Put a new version of the policy in force
///
/// With a number: the version that was put forward under it, when enough have agreed. With a file,
/// where the policy in force has one administrator whose key is in this home's token: puts it
/// forward, signs it and puts it in force in one go. Payments that wait are judged anew, and earlier
/// approvals of them are void; what was spent stays counted.
///
/// Examples:
///   bursar policy install policy.toml
///   bursar policy install 3
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The number under which it was put forward, or the bundle's file
    #[arg(value_name = "N|FILE")]
    what: What,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    uncompared: diff::Uncompared,
    /// Try the PIN again after it was refused and corrected
    #[arg(long)]
    retry_pin: bool,
}

#[derive(Clone, Debug)]
enum What {
    Number(u64),
    File(PathBuf),
}

impl FromStr for What {
    type Err = std::convert::Infallible;

    /// Digits alone are a number; a file of such a name is written ./12.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten();
        Ok(number.map_or_else(|| Self::File(text.into()), Self::Number))
    }
}

/// What the agent answers.
#[derive(Debug, Serialize, Deserialize)]
struct InForce {
    state: String,
    version: u64,
    until: Option<Timestamp>,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let desk = Desk::open(global)?;
    let source = Source::open(global, &desk, None)?;
    let client = source.agent()?;
    let before = in_force(client)?;
    let (number, policy) = match &args.what {
        What::Number(number) => (*number, None),
        What::File(path) => {
            let policy = offline::policy(path)?;
            (agree(global, &args, &desk, &source, (path, &policy, &before))?, Some(policy))
        }
    };
    let now = client.ask(&Ask::post(format!("/v1/proposals/{number}/install"), &json!({})))?;
    answer(global, &desk, &before, policy.as_ref(), &now, in_force(client)?)
}

/// Puts a file's version forward and signs it, as the only one who has to; answers its number.
fn agree(
    global: &Global,
    args: &Args,
    desk: &Desk,
    source: &Source,
    (path, policy, before): (&Path, &Policy, &Policy),
) -> Result<u64, CliError> {
    let need = before.administrators().map_or(0, |all| all.need);
    if need > 1 {
        return Err(CliError::Usage(format!(
            "{need} administrators have to agree to a new version; put it forward for them: {}",
            global.command(&format!("policy propose {}", quoted(&path.to_string_lossy())))
        )));
    }
    if policy.version() <= before.version() {
        return Err(CliError::Usage(format!(
            "{} is version {}, and version {} is in force; a new version has a higher number: change `version` in it",
            path.display(),
            policy.version(),
            before.version()
        )));
    }
    let mut page = Page::new();
    page.line(format!("Version {} takes the place of version {}.", policy.version(), before.version()));
    for warning in policy.warnings() {
        let warning = warning.to_string();
        page.styled(Style::Warn, format!("Warning: {}", warning.trim_start_matches("policy: ")));
    }
    let compared = diff::between(before, policy);
    page.append(compared.page);
    review(&mut page, global, desk, path);
    output::note(&page);
    args.uncompared.accept(compared.is_whole)?;
    args.consent.ask("Put it in force?")?;
    let client = source.agent()?;
    if need == 0 {
        return Ok(propose::propose(client, policy, Way::Change)?.proposal);
    }
    // Before it is put forward: with a wrong PIN nothing has happened.
    let signer = Signer::open(desk, Needs { approver: false, administrator: true }, args.retry_pin)?;
    signer.check(before)?;
    let number = propose::propose(client, policy, Way::Change)?.proposal;
    let inbox = source.inbox(desk)?;
    let known = inbox.proposals.iter().find(|proposal| proposal.proposal == number);
    let proposal = known.ok_or_else(|| {
        CliError::Busy(format!("policy-{number} does not wait any more; look at `bursar policy show`"))
    })?;
    // What is signed is the file, whatever the agent calls it.
    if proposal.policy != Hex(policy.hash()) || proposal.previous != Hex(before.hash()) {
        let what = format!("policy-{number} is not about {}; nothing was signed", path.display());
        return Err(CliError::Unverified(what));
    }
    // Given again after an interruption, it is signed already.
    if !has_decided(&proposal.decided, signer.administrator()?) {
        let word = Word { verdict: Verdict::Approve, why: Default::default() };
        let decision = statement::bundle(&signer, &Bundle::of(inbox.home, proposal), &word)?;
        let fates = fate::deliver(client, &[decision])?;
        if let Some(bad) = fates.iter().find(|fate| !fate.good) {
            let message = format!("policy-{number} is not in force: {}", bad.detail);
            return Err(CliError::Ended { exit: Exit::Rows, message });
        }
    }
    Ok(number)
}

/// Says what is in force now. The home's own file follows where it was the version before; a
/// person's copy does so only if that person has just put this very text in force.
fn answer(
    global: &Global,
    desk: &Desk,
    before: &Policy,
    meant: Option<&Policy>,
    now: &InForce,
    policy: Policy,
) -> Result<Output, CliError> {
    let mut page = Page::new();
    if let Some(until) = now.until {
        page.styled(
            Style::Bad,
            format!("BREAK-GLASS: version {} of the policy is in force until {until}.", now.version),
        );
        page.line(format!("Then version {} is in force again.", before.version()));
    } else {
        page.styled(Style::Good, format!("Version {} of the policy is in force.", now.version));
    }
    page.line("Approvals given under the version before are void; payments that wait were judged anew.");
    let path = desk.policy_path();
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let is_known = meant.is_some_and(|meant| meant.hash() == policy.hash());
    let may = matches!(desk.home, Home::Agent(_)) || is_known;
    // A break-glass version goes away by itself; and what somebody is working on stays as it is.
    let follows = now.until.is_none() && may && text == before.text();
    if follows {
        durable::replace(&path, policy.text().as_bytes())
            .map_err(|source| CliError::File { path: path.clone(), source })?;
        page.line(format!("{} is that version now.", path.display()));
    } else if matches!(desk.home, Home::Person(_)) && text != policy.text() {
        page.line(format!("Take it over as your own copy: {}", global.command("policy fetch")));
    }
    let mut value = serde_json::to_value(now).unwrap_or_default();
    value["before"] = before.version().into();
    value["hash"] = Hex(policy.hash()).to_string().into();
    value["followed"] = follows.into();
    Ok(Output::new(&value, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_number() {
        for (text, number) in [("3", Some(3)), ("./3", None), ("3.toml", None), ("+3", None), ("", None)] {
            let found = match text.parse() {
                Ok(What::Number(number)) => Some(number),
                _ => None,
            };
            assert_eq!(found, number, "{text:?}");
        }
    }
}
