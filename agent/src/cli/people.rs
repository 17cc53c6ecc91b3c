//! What commands for people share: what waits for them, in the words of their own copy of the bundle.

use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;

use bursar_core::amount::Amount;
use bursar_core::decode::transfer::Payload;
use bursar_core::policy::Policy;
use serde::Serialize;

use super::client::{Ask, Client};
use super::error::CliError;
use super::global::Global;
use super::output::{Cell, Page, Style, Table, note};
use super::policy::offline;
use crate::book::hex::Hex;
use crate::book::in_force;
use crate::book::inbox::{Frozen, Inbox, Payment, Proposal};
use crate::config::Config;

/// What waits, whom to tell, and by which bundle it is read.
pub struct Desk {
    /// The agent that asks.
    pub client: Client,
    /// Everything that waits there.
    pub inbox: Inbox,
    /// The decider's own copy of the bundle in force.
    pub bundle: Arc<Policy>,
}

/// A payment in the words of the own copy: decoded from the bytes that a decision is about.
#[derive(Clone, Debug, Serialize)]
pub struct Read {
    /// The spend's id.
    pub id: u64,
    /// Pay or issue.
    pub action: String,
    /// The account that pays.
    pub from: String,
    /// The recipient's name.
    pub to: String,
    /// What the recipient is.
    pub categories: Vec<String>,
    /// How much, like `3000.00 EUR`.
    pub amount: String,
    /// What for.
    pub memo: String,
    /// Who asked.
    pub caller: String,
    /// Until when it waits.
    pub expires: String,
    /// Who has to approve still.
    pub wanted: Vec<String>,
    /// Who has decided, and how.
    pub decided: Vec<String>,
}

impl Desk {
    /// Asks the agent, and compares its bundle with the own copy.
    pub fn open(global: &Global) -> Result<Self, CliError> {
        let config = global.config()?;
        let client = Client::to(global, &config)?;
        let inbox: Inbox = client.ask(&Ask::get("/v1/inbox"))?;
        let bundle = own_copy(&config)?;
        if Hex(bundle.hash()) != inbox.policy {
            return Err(CliError::Home(format!(
                "your copy of the policy is version {} ({}), and version {} ({}) is in force there: look at the difference, then take it over with: {}",
                bundle.version(),
                Hex(bundle.hash()),
                inbox.version,
                inbox.policy,
                global.command("policy fetch")
            )));
        }
        Ok(Self { client, inbox, bundle })
    }

    /// Reads a payment from its exact bytes; refuses what is not what it says.
    pub fn read(&self, payment: &Payment) -> Result<Read, CliError> {
        let id = payment.item.request;
        let wrong = |what: &str| CliError::Unverified(format!("payment {id}: {what}; do not decide on it"));
        let bytes = payment.transfer.get().as_bytes().to_vec();
        let payload = Payload::decode(payment.kind, bytes).map_err(|error| wrong(&error.to_string()))?;
        if Hex(payload.digest()) != payment.item.digest {
            return Err(wrong("its bytes are not those that a decision would be about"));
        }
        let transfer = payload.transfer();
        if transfer.ledger != payment.item.ledger || transfer.valid_until != payment.item.expires {
            return Err(wrong("its ledger or its end is not what it says"));
        }
        let to = self.bundle.recipient_at(&transfer.to);
        let to = to.ok_or_else(|| wrong("your copy of the policy does not know its recipient"))?;
        let asset = self.bundle.asset(transfer.asset.as_str());
        let asset = asset.ok_or_else(|| wrong("your copy of the policy does not know its asset"))?;
        let decided = payment.decided.iter().map(|one| format!("{} {}", one.person, word(one.verdict)));
        Ok(Read {
            id,
            action: payload.kind().action().to_string(),
            from: payment.item.account.to_string(),
            to: to.name.to_string(),
            categories: to.categories.iter().map(ToString::to_string).collect(),
            amount: asset.format(transfer.amount),
            memo: transfer.memo.as_str().to_owned(),
            caller: payment.caller.to_string(),
            expires: payment.item.expires.to_string(),
            wanted: payment.wanted.iter().map(ToString::to_string).collect(),
            decided: decided.collect(),
        })
    }

    /// What several payments come to, by asset.
    pub fn sums(&self, payments: &[&Payment]) -> Vec<String> {
        let mut sums = Vec::new();
        for asset in self.bundle.assets() {
            let amounts = payments.iter().filter_map(|payment| {
                let bytes = payment.transfer.get().as_bytes().to_vec();
                let payload = Payload::decode(payment.kind, bytes).ok()?;
                let transfer = payload.transfer();
                (transfer.asset == *asset.name()).then_some(transfer.amount)
            });
            let sum = amounts.fold(Some(Amount::ZERO), |sum, amount| sum?.checked_add(amount));
            match sum {
                Some(sum) if sum.is_zero() => {}
                Some(sum) => sums.push(asset.format(sum)),
                None => sums.push(format!("more {} than an amount can hold", asset.name())),
            }
        }
        sums
    }
}

/// The bundle that the decider goes by: of an agent's own home, what its book has in force; of
/// another home, its file.
pub fn own_copy(config: &Config) -> Result<Arc<Policy>, CliError> {
    if config.remote.is_none()
        && let Some(standing) = in_force::of_home(&config.home)?
    {
        return Ok(standing.policy);
    }
    offline::policy(&config.policy_path()).map(Arc::new)
}

fn word(verdict: bursar_core::approval::Verdict) -> &'static str {
    match verdict {
        bursar_core::approval::Verdict::Approve => "approves",
        bursar_core::approval::Verdict::Refuse => "refuses",
    }
}

/// Payments as a table.
pub fn payments(page: &mut Page, read: &[Read]) {
    let mut table = Table::new([">ID", "FROM", "TO", ">AMOUNT", "FOR", "ASKED BY", "WAITS FOR", "UNTIL"]);
    for one in read {
        let to = format!("{} ({})", one.to, one.categories.join(", "));
        let to = if one.categories.is_empty() { one.to.clone() } else { to };
        let action = if one.action == "pay" { String::new() } else { format!("{} ", one.action) };
        table.row([
            one.id.to_string().into(),
            one.from.as_str().into(),
            to.into(),
            format!("{action}{}", one.amount).into(),
            one.memo.as_str().into(),
            one.caller.as_str().into(),
            Cell::new(one.wanted.join("; "), Style::Warn),
            one.expires.as_str().into(),
        ]);
    }
    page.table(table);
}

/// A bundle in a line.
pub fn proposal(page: &mut Page, one: &Proposal) {
    let decided: Vec<_> = one.decided.iter().map(|d| format!("{} {}", d.person, word(d.verdict))).collect();
    let way = match one.way {
        crate::book::record::Way::Change => "policy version",
        crate::book::record::Way::BreakGlass => "BREAK-GLASS for 24 hours: policy version",
    };
    page.styled(
        Style::Warn,
        format!(
            "policy-{}: {way} {} ({}), put forward by {}; {} of {} have to agree until {}{}",
            one.proposal,
            one.version,
            one.policy,
            one.caller,
            one.need,
            one.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            one.expires,
            if decided.is_empty() { String::new() } else { format!("; {}", decided.join(", ")) }
        ),
    );
}

/// A frozen account in a line.
pub fn frozen(page: &mut Page, one: &Frozen) {
    let why = if one.why.is_empty() { String::new() } else { format!(" ({})", one.why) };
    let decided: Vec<_> = one.decided.iter().map(|d| format!("{} {}", d.person, word(d.verdict))).collect();
    page.styled(
        Style::Bad,
        format!(
            "lift-{}: the account {} is frozen by {}{why} since {}; {} of {} let it go on{}",
            one.account,
            one.account,
            one.by,
            one.since,
            one.need,
            one.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            if decided.is_empty() { String::new() } else { format!("; {}", decided.join(", ")) }
        ),
    );
}

/// Asks yes or no on the terminal; without one only `--yes` is a yes.
pub fn confirm(question: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(
            "there is no terminal to ask on; say --yes if you have looked".to_owned(),
        ));
    }
    eprint!("{question} [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    match answer.trim() {
        "y" | "yes" => Ok(()),
        _ => Err(CliError::Usage("nothing was signed".to_owned())),
    }
}

/// Before a token is asked: it may wait for a finger.
pub fn touch() {
    let mut page = Page::new();
    page.styled(Style::Bold, "Signing: touch your token now, if it asks for that.");
    note(&page);
}
