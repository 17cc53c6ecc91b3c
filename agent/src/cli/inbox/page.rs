//! An inbox for people.

use std::collections::BTreeSet;
use std::path::Path;

use crate::book::inbox::{Frozen, Proposal};
use crate::book::record::Way;
use crate::caller::asker;
use crate::cli::desk::id::Id;
use crate::cli::desk::mail::{Mail, Vouched, Waiting, decided, missing, names, rules, short};
use crate::cli::global::{Global, quoted};
use crate::cli::output::{Cell, Page, Style, Table, count, short_note};

/// What stands before everything that is for the reader.
const YOU: &str = "you";

/// All of it.
pub fn page(global: &Global, mail: &Mail, saved: Option<&Path>) -> Page {
    let inbox = &mail.inbox;
    let mut page = Page::new();
    if let Some(until) = inbox.until {
        page.styled(
            Style::Bad,
            format!(
                "BREAK-GLASS: version {} of the policy is for an emergency, and ends {until}.",
                inbox.version
            ),
        );
    }
    let mut mine = Vec::new();
    if !mail.payments.is_empty() {
        page.table(payments(mail, mail.payments.iter()));
        origins(&mut page, mail, mail.payments.iter());
        unreadable(&mut page, &mail.payments);
        let own = mail.payments.iter().filter(|waiting| waiting.read.is_ok() && mail.is_mine(waiting));
        mine.extend(own.map(|waiting| Id::Payment(waiting.payment.item.request)));
        page.blank();
    }
    if !inbox.proposals.is_empty() {
        page.table(proposals(mail, inbox.proposals.iter()));
        let own = inbox.proposals.iter().filter(|proposal| mail.is_my_proposal(proposal));
        mine.extend(own.map(|proposal| Id::Policy(proposal.proposal)));
        page.blank();
    }
    if !inbox.frozen.is_empty() {
        page.table(frozen(mail, inbox.frozen.iter()));
        unverified(&mut page, mail, inbox.frozen.iter());
        let own = inbox.frozen.iter().filter(|frozen| mail.is_my_lift(frozen));
        mine.extend(own.map(|frozen| Id::Lift(frozen.account.clone())));
        page.blank();
    }
    let all = mail.payments.len() + inbox.proposals.len() + inbox.frozen.len();
    if all == 0 {
        page.line("Nothing waits.");
    } else if mine.is_empty() {
        page.line("Nothing of this waits for you.");
    } else {
        page.styled(Style::Warn, format!("{} for you. To approve:", waits(mine.len())));
        for words in commands(&mine) {
            page.styled(Style::Warn, format!("  {}", global.command(&words)));
        }
    }
    page.styled(
        Style::Dim,
        format!("Named by version {} of the policy, sha-256 {}….", inbox.version, short(&inbox.policy)),
    );
    if let Some(path) = saved {
        page.line(format!("Saved to {}.", path.display()));
    }
    page
}

/// Payments in one go, as one signature approves them all. Bundles and frozen accounts one by one: each
/// is to be looked at for itself, and of two bundles at most one can come into force.
fn commands(mine: &[Id]) -> Vec<String> {
    // As many as fit a line, and a screen; the others are listed above.
    const PAYMENTS: usize = 50;
    const OTHERS: usize = 20;
    let (payments, others): (Vec<_>, Vec<_>) = mine.iter().partition(|id| matches!(id, Id::Payment(_)));
    let payments: Vec<_> = payments.into_iter().take(PAYMENTS).map(ToString::to_string).collect();
    let payments = (!payments.is_empty()).then(|| format!("approve {}", payments.join(" ")));
    let others = others.into_iter().take(OTHERS).map(|id| format!("approve {}", quoted(&id.to_string())));
    payments.into_iter().chain(others).collect()
}

fn waits(number: usize) -> String {
    let things = count(number as u64, "thing");
    if number == 1 { format!("{things} waits") } else { format!("{things} wait") }
}

fn you(mine: bool) -> Cell {
    if mine { Cell::new(YOU, Style::Warn) } else { "".into() }
}

/// Payments, each as its bytes say.
pub fn payments<'a>(mail: &Mail, waiting: impl Iterator<Item = &'a Waiting>) -> Table<12> {
    let mut table = Table::new([
        ">ID",
        "FOR",
        "ACTION",
        ">AMOUNT",
        "ASSET",
        "ACCOUNT",
        "RECIPIENT",
        "CATEGORIES",
        "MEMO",
        "ASKED BY",
        "MISSING",
        "UNTIL",
    ]);
    for waiting @ Waiting { payment, read, .. } in waiting {
        let Ok(decoded) = read else { continue };
        let transfer = decoded.payload.transfer();
        let recipient = if decoded.known {
            Cell::from(decoded.recipient.as_str())
        } else {
            Cell::new(format!("UNKNOWN {}", decoded.recipient), Style::Bad)
        };
        let mut wanted = format!("{}, by rule {}", missing(payment), rules(payment));
        if !payment.decided.is_empty() {
            wanted = format!("{wanted}; {}", decided(&payment.decided));
        }
        table.row([
            payment.item.request.to_string().into(),
            you(mail.is_mine(waiting)),
            decoded.payload.kind().to_string().into(),
            decoded.number.as_str().into(),
            transfer.asset.as_str().into(),
            payment.item.account.as_str().into(),
            recipient,
            names(&decoded.categories).into(),
            short_note(transfer.memo.as_str()).into(),
            asker(&payment.caller, payment.user).into(),
            wanted.into(),
            payment.item.expires.to_string().into(),
        ]);
    }
    table
}

/// Which home asks, where it is recorded, and which addresses pay: all of it from what would be signed.
/// Nobody approves for another home, ledger or account than they could see.
pub fn origins<'a>(page: &mut Page, mail: &Mail, waiting: impl Iterator<Item = &'a Waiting>) {
    let read = waiting.filter_map(|waiting| Some((&waiting.payment.item, waiting.read.as_ref().ok()?)));
    let mut ledgers = BTreeSet::new();
    let mut accounts = BTreeSet::new();
    for (item, decoded) in read {
        let transfer = decoded.payload.transfer();
        ledgers.insert(transfer.ledger.to_string());
        accounts.insert((item.account.clone(), transfer.from.address(), decoded.vouched));
    }
    if ledgers.is_empty() {
        return;
    }
    page.line(format!("Asked by the home {}.", mail.inbox.home));
    for ledger in ledgers {
        page.line(format!("Recorded on the ledger {ledger}."));
    }
    for (account, from, vouched) in accounts {
        let (style, says) = match vouched {
            Vouched::Home => (Style::Dim, "this home's own key"),
            Vouched::Policy => (Style::Dim, "as the policy names it"),
            Vouched::Agent => (Style::Warn, "the name is the agent's word alone"),
            Vouched::Contradicted => {
                (Style::Bad, "the agent's word, and THE POLICY SAYS OTHERWISE: compare its payers")
            }
        };
        page.styled(style, format!("{account} pays from {from}: {says}."));
    }
}

/// Who stopped these is not known but from the agent.
pub fn unverified<'a>(page: &mut Page, mail: &Mail, frozen: impl Iterator<Item = &'a Frozen>) {
    for (account, why) in frozen.filter_map(|one| mail.unverified.get_key_value(&one.account)) {
        let says = format!(
            "lift-{account}: who froze it, when and why is the agent's word alone, for it does not verify: {why}"
        );
        page.styled(Style::Bad, says);
    }
}

/// Payments that nobody should decide on.
fn unreadable(page: &mut Page, waiting: &[Waiting]) {
    for Waiting { payment, read, .. } in waiting {
        if let Err(why) = read {
            let id = payment.item.request;
            page.styled(Style::Bad, format!("{id} cannot be decided on: {why}; ask who runs the agent"));
        }
    }
}

/// Bundles that were put forward.
pub fn proposals<'a>(mail: &Mail, proposals: impl Iterator<Item = &'a Proposal>) -> Table<8> {
    let mut table =
        Table::new(["ID", "FOR", ">VERSION", "SHA-256", "WAY", "PUT FORWARD BY", "MISSING", "UNTIL"]);
    for proposal in proposals {
        let way = match proposal.way {
            Way::Change => "change".into(),
            Way::BreakGlass => Cell::new("BREAK-GLASS", Style::Bad),
        };
        table.row([
            Id::Policy(proposal.proposal).to_string().into(),
            you(mail.is_my_proposal(proposal)),
            proposal.version.to_string().into(),
            format!("{}…", short(&proposal.policy)).into(),
            way,
            proposal.caller.as_str().into(),
            quorum(proposal.need, &proposal.from, &decided(&proposal.decided)).into(),
            proposal.expires.to_string().into(),
        ]);
    }
    table
}

/// Frozen accounts.
pub fn frozen<'a>(mail: &Mail, frozen: impl Iterator<Item = &'a Frozen>) -> Table<7> {
    let mut table = Table::new(["ID", "FOR", "FROZEN ACCOUNT", "BY", "SINCE", "WHY", "TO LET IT GO ON"]);
    for one in frozen {
        table.row([
            Id::Lift(one.account.clone()).to_string().into(),
            you(mail.is_my_lift(one)),
            Cell::new(one.account.as_str(), Style::Bad),
            if mail.unverified.contains_key(&one.account) {
                Cell::new(format!("UNVERIFIED {}", one.by), Style::Bad)
            } else {
                one.by.as_str().into()
            },
            one.since.to_string().into(),
            short_note(one.why.as_str()).into(),
            quorum(one.need, &one.from, &decided(&one.decided)).into(),
        ]);
    }
    table
}

fn quorum(need: u32, from: &[bursar_core::name::Name], decided: &str) -> String {
    let need = format!("{need} of {}", names(from));
    if decided.is_empty() { need } else { format!("{need}; {decided}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bundles_that_exclude_each_other_are_approved_one_by_one() {
        let lift = Id::Lift("petty cash".parse().unwrap());
        let mine = [Id::Payment(2), Id::Payment(3), Id::Policy(1), Id::Policy(2), lift];
        let expected = ["approve 2 3", "approve policy-1", "approve policy-2", "approve 'lift-petty cash'"];
        assert_eq!(commands(&mine), expected);
        assert_eq!(commands(&[Id::Policy(7)]), ["approve policy-7"]);
        assert_eq!(commands(&[Id::Payment(7)]), ["approve 7"]);
    }
}
