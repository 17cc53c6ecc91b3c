//! What is decided, before it is signed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bursar_core::amount::Amount;
use bursar_core::approval::Verdict;
use bursar_core::name::Name;

use super::choose::Chosen;
use crate::book::record::Way;
use crate::cli::desk::Desk;
use crate::cli::desk::mail::Mail;
use crate::cli::desk::statement::Word;
use crate::cli::error::CliError;
use crate::cli::global::{Global, quoted};
use crate::cli::inbox;
use crate::cli::output::{Page, Style, count, is_long, note_text};
use crate::cli::policy::diff::{self, Compared};
use crate::config::Home;
use crate::durable;

/// Writes the texts of bundles beside the copy of the one in force, so that they can be compared.
pub fn keep(desk: &Desk, chosen: &Chosen) -> Result<Vec<PathBuf>, CliError> {
    let write = |(proposal, policy): &(&crate::book::inbox::Proposal, bursar_core::policy::Policy)| {
        let path = desk.home.path().join(file(proposal.proposal));
        let written = durable::replace(&path, policy.text().as_bytes());
        written.map(|()| path.clone()).map_err(|source| CliError::File { path, source })
    };
    chosen.proposals.iter().map(write).collect()
}

/// What the text of a bundle that was put forward is called in a home.
pub fn file(proposal: u64) -> String {
    format!("proposal-{proposal}.toml")
}

/// Everything, with the sum for each asset; and whether all of it is there to be seen, as it is not where
/// two bundles cannot be compared.
pub fn page(
    global: &Global,
    desk: &Desk,
    mail: &Mail,
    chosen: &Chosen,
    word: &Word,
    kept: &[PathBuf],
) -> Result<Compared, CliError> {
    let (mut page, mut is_whole) = (Page::new(), true);
    let verb = if word.verdict == Verdict::Approve { "APPROVE" } else { "REFUSE" };
    page.styled(Style::Bold, format!("To {verb}:"));
    if !chosen.payments.is_empty() {
        page.table(inbox::payment_table(mail, chosen.payments.iter().copied()));
        inbox::origins(&mut page, mail, chosen.payments.iter().copied());
        memos(&mut page, chosen);
        for (asset, sum) in sums(global, desk, chosen)? {
            page.styled(Style::Bold, format!("together {sum} {asset}"));
        }
        page.line(format!("{}, one signature.", count(chosen.payments.len() as u64, "payment")));
    }
    if !chosen.proposals.is_empty() {
        page.table(inbox::proposal_table(mail, chosen.proposals.iter().map(|(proposal, _)| *proposal)));
    }
    for ((proposal, policy), path) in chosen.proposals.iter().zip(kept) {
        if proposal.way == Way::BreakGlass {
            page.styled(Style::Bad, "BREAK-GLASS: it holds for 24 hours in place of the bundle in force.");
        }
        page.line(format!(
            "policy-{}: version {} takes the place of version {}. SHA-256 {}",
            proposal.proposal,
            policy.version(),
            mail.inbox.version,
            proposal.policy
        ));
        let compared = diff::between(desk.policy(global)?, policy);
        page.append(compared.page);
        is_whole &= compared.is_whole;
        review(&mut page, global, desk, path);
    }
    if !chosen.lifts.is_empty() {
        page.table(inbox::frozen_table(mail, chosen.lifts.iter().copied()));
        inbox::unverified(&mut page, mail, chosen.lifts.iter().copied());
        for frozen in chosen.lifts.iter().filter(|frozen| !frozen.held.is_empty()) {
            let ids: Vec<_> = frozen.held.iter().map(u64::to_string).collect();
            page.styled(
                Style::Warn,
                format!(
                    "{} goes on with payments that were stopped on their way, as `bursar show ID` has them: {}",
                    frozen.account,
                    ids.join(", ")
                ),
            );
        }
        for frozen in chosen.lifts.iter().filter(|frozen| is_long(frozen.why.as_str())) {
            page.line(format!("why lift-{}, in full: {}", frozen.account, note_text(frozen.why.as_str())));
        }
    }
    if !word.why.as_str().is_empty() {
        page.line(format!("Reason: {}", note_text(word.why.as_str())));
    }
    Ok(Compared { page, is_whole })
}

/// Those that the table has cut short: nobody signs for what they could not see.
fn memos(page: &mut Page, chosen: &Chosen) {
    for waiting in &chosen.payments {
        let Ok(decoded) = &waiting.read else { continue };
        let memo = decoded.payload.transfer().memo.as_str();
        if is_long(memo) {
            page.line(format!("memo of {}, in full: {}", waiting.payment.item.request, note_text(memo)));
        }
    }
}

/// Where its text is, and what the past would have been under it, where there is a past.
pub fn review(page: &mut Page, global: &Global, desk: &Desk, path: &std::path::Path) {
    page.line(format!("Its text: {}", path.display()));
    if matches!(desk.home, Home::Agent(_)) {
        let new = quoted(&path.to_string_lossy());
        page.line(format!("This home's past under it: {}", global.command(&format!("policy replay {new}"))));
    }
}

/// What all of it comes to, by asset.
fn sums(global: &Global, desk: &Desk, chosen: &Chosen) -> Result<Vec<(Name, String)>, CliError> {
    let policy = desk.policy(global)?;
    let mut sums: BTreeMap<Name, Option<Amount>> = BTreeMap::new();
    for decoded in chosen.payments.iter().filter_map(|waiting| waiting.read.as_ref().ok()) {
        let transfer = decoded.payload.transfer();
        let sum = sums.entry(transfer.asset.clone()).or_insert(Some(Amount::from(0)));
        *sum = sum.and_then(|sum| sum.checked_add(transfer.amount));
    }
    let written = |(asset, sum): (Name, Option<Amount>)| {
        let known = policy.asset(asset.as_str());
        let text = known.zip(sum).map(|(known, sum)| known.format_number(sum));
        (asset, text.unwrap_or_else(|| "more than can be counted of".to_owned()))
    };
    Ok(sums.into_iter().map(written).collect())
}
