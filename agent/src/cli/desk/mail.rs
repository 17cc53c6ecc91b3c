//! An inbox as its reader understands it: every payment decoded from its exact bytes and named by
//! the reader's own copy of the policy bundle, whatever somebody else calls it.

use std::collections::{BTreeMap, BTreeSet};

use bursar_core::approval::{Freeze, HomeId, Item, Signed};
use bursar_core::decode::transfer::Payload;
use bursar_core::name::Name;
use bursar_core::policy::Policy;
use serde::Serialize;

use super::Desk;
use crate::book::hex::Hex;
use crate::book::inbox::{self, Decided, Inbox};
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::clock;
use crate::config::Home;
use crate::keys_file::KeysFile;

/// Everything that waits, read.
pub struct Mail {
    /// As it came.
    pub inbox: Inbox,
    /// Payments, oldest first.
    pub payments: Vec<Waiting>,
    /// As whom the reader decides on payments.
    pub approver: Option<Name>,
    /// As whom the reader decides on bundles.
    pub administrator: Option<Name>,
    /// Frozen accounts of which only the agent says who stopped them, and why that is so. Of all
    /// others the inbox says what is signed.
    pub unverified: BTreeMap<Name, String>,
}

/// A payment that waits.
pub struct Waiting {
    /// As it came.
    pub payment: inbox::Payment,
    /// What its bytes say, or why nobody should decide on it.
    pub read: Result<Decoded, String>,
    /// Was it asked for under a name of the reader?
    pub is_own: bool,
}

/// Whose word it is that the account of a payment has the address that pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vouched {
    /// This home has the account's key.
    Home,
    /// The policy names the payer so.
    Policy,
    /// The agent alone says so.
    Agent,
    /// The agent says so, and the policy has another name for the address, or another address for the name.
    Contradicted,
}

/// What the bytes of a payment say.
pub struct Decoded {
    /// The bytes.
    pub payload: Payload,
    /// How much, like `120.50`.
    pub number: String,
    /// The recipient's name in the policy, or its address if it has none.
    pub recipient: String,
    /// Does the policy know the recipient?
    pub known: bool,
    /// What the policy says that the recipient is.
    pub categories: Vec<Name>,
    /// Who vouches for the account's name.
    pub vouched: Vouched,
}

impl Mail {
    /// Reads an inbox. Refuses one under another bundle than the reader's copy: names would be those
    /// of yesterday.
    pub fn read(global: &Global, desk: &Desk, mut inbox: Inbox) -> Result<Self, CliError> {
        let policy = desk.policy(global)?;
        if Hex(policy.hash()) != inbox.policy {
            return Err(other_policy(global, desk, policy, &inbox));
        }
        // Which key an account has, only its own home knows.
        let accounts = match &desk.home {
            Home::Agent(config) if config.remote.is_none() => KeysFile::load(&config.home).ok(),
            _ => None,
        };
        let approver = desk.approver();
        let read = |payment: &inbox::Payment| Waiting {
            read: decode(policy, &inbox, payment).and_then(|decoded| {
                let own = accounts.as_ref().and_then(|keys| keys.accounts.get(&payment.item.account));
                match own {
                    Some(key) if *key != decoded.payload.transfer().from => {
                        Err(format!("its bytes are not of the account {}", payment.item.account))
                    }
                    Some(_) => Ok(Decoded { vouched: Vouched::Home, ..decoded }),
                    None => Ok(decoded),
                }
            }),
            is_own: approver
                .as_ref()
                .is_some_and(|me| policy.roster().asking_as(&payment.caller).contains(me)),
            payment: payment.clone(),
        };
        let payments = inbox.payments.iter().map(read).collect();
        let mut unverified = BTreeMap::new();
        for frozen in &mut inbox.frozen {
            match freeze(policy, inbox.home, frozen) {
                Ok(freeze) => {
                    let Freeze { approver, why, signed, .. } = freeze;
                    (frozen.by, frozen.why, frozen.since) = (approver, why.as_str().to_owned(), signed);
                }
                Err(why) => drop(unverified.insert(frozen.account.clone(), why)),
            }
        }
        Ok(Self { payments, approver, administrator: desk.administrator(), unverified, inbox })
    }

    /// Has the reader a say in this payment, and not said it?
    pub fn is_mine(&self, Waiting { payment, is_own, .. }: &Waiting) -> bool {
        self.approver.as_ref().is_some_and(|me| {
            let asked = payment.wanted.iter().flat_map(|wanted| &wanted.missing);
            asked.flat_map(|missing| &missing.of).any(|name| name == me)
                && !has_decided(&payment.decided, me)
                && !is_own
        })
    }

    /// Likewise, of a bundle that was put forward.
    pub fn is_my_proposal(&self, proposal: &inbox::Proposal) -> bool {
        open_to(self.decides(proposal), &proposal.from, &proposal.decided)
    }

    /// Likewise, of a frozen account.
    pub fn is_my_lift(&self, frozen: &inbox::Frozen) -> bool {
        open_to(self.approver.as_ref(), &frozen.from, &frozen.decided)
    }

    /// As whom the reader decides on this bundle.
    pub fn decides(&self, proposal: &inbox::Proposal) -> Option<&Name> {
        match proposal.way {
            crate::book::record::Way::Change => self.administrator.as_ref(),
            crate::book::record::Way::BreakGlass => self.approver.as_ref(),
        }
    }
}

fn open_to(me: Option<&Name>, from: &[Name], decided: &[Decided]) -> bool {
    me.is_some_and(|me| from.contains(me) && !has_decided(decided, me))
}

/// Has this person decided?
pub fn has_decided(decided: &[Decided], person: &Name) -> bool {
    decided.iter().any(|one| one.person == *person)
}

/// Reads the bytes, and compares them with what a vote would be about.
fn decode(policy: &Policy, inbox: &Inbox, payment: &inbox::Payment) -> Result<Decoded, String> {
    let payload = Payload::decode(payment.kind, payment.transfer.get().as_bytes().to_vec())
        .map_err(|error| error.to_string())?;
    let transfer = payload.transfer();
    let Item { home, ledger, digest, policy: about, expires, requester, uid, account, .. } = &payment.item;
    let Some(requester) = requester else {
        return Err(
            "what would be signed does not say who asked: the agent is older than this `bursar`".to_owned()
        );
    };
    let differs = [
        (*digest != Hex(payload.digest()), "the digest to be signed is not that of its bytes"),
        (*home != inbox.home, "it is of another home"),
        (*about != inbox.policy, "it is about another policy"),
        (*ledger != transfer.ledger, "its bytes are for another ledger"),
        (*expires != transfer.valid_until, "its bytes expire at another time"),
        (*requester != payment.caller, "somebody else asked for it than would be signed for"),
        (*uid != payment.user.map(|user| user.uid), "another user asked for it than would be signed for"),
    ];
    if let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) {
        return Err(what.to_owned());
    }
    let recipient = policy.recipient_at(&transfer.to);
    let number = policy.asset(transfer.asset.as_str()).map(|asset| asset.format_number(transfer.amount));
    let number = number.ok_or_else(|| format!("the policy has no asset {}", transfer.asset))?;
    Ok(Decoded {
        number,
        recipient: recipient.map_or_else(|| transfer.to.address(), |known| known.name.to_string()),
        known: recipient.is_some(),
        categories: recipient.map(|known| known.categories.clone()).unwrap_or_default(),
        vouched: match policy.payer(&transfer.from) {
            Some(payer) if payer == account => Vouched::Policy,
            None if !policy.has_payer(account) => Vouched::Agent,
            _ => Vouched::Contradicted,
        },
        payload,
    })
}

/// What is signed of a frozen account, by somebody who may freeze under this copy of the bundle.
fn freeze(policy: &Policy, home: HomeId, frozen: &inbox::Frozen) -> Result<Freeze, String> {
    let envelope = frozen.envelope.as_ref().ok_or("the agent sent no signed freeze")?;
    let signed: Signed<Freeze> =
        Signed::parse(envelope.get().as_bytes()).map_err(|error| error.to_string())?;
    let freeze = signed.statement();
    if Hex(signed.digest()) != frozen.freeze || freeze.account != frozen.account {
        return Err("the signed freeze is not the one that would be lifted".to_owned());
    }
    Freeze::admit(&signed, policy.roster(), home, clock::wall()).map_err(|error| error.why)?;
    if !policy.freezers().contains(&freeze.approver) {
        return Err(format!("by the policy in force {} may not freeze an account", freeze.approver));
    }
    Ok(freeze.clone())
}

fn other_policy(global: &Global, desk: &Desk, own: &Policy, inbox: &Inbox) -> CliError {
    let next = match &desk.home {
        Home::Person(_) => format!("take it over with: {}", global.command("policy fetch")),
        Home::Agent(_) => {
            "the agent that answers is not that of this home: decide in a home of its own (`bursar init \
                           --approver`)"
                .to_owned()
        }
    };
    CliError::Home(format!(
        "nothing is named: this home's copy of the policy is version {} (sha-256 {}…), and the agent decides by version {} \
         (sha-256 {}…); {next}",
        own.version(),
        short(&Hex(own.hash())),
        inbox.version,
        short(&inbox.policy)
    ))
}

/// The first digits of a hash.
pub fn short(hash: &Hex<32>) -> String {
    hash.to_string().chars().take(16).collect()
}

/// Whose decision is missing, in words: `2 of managers (anna, ben or chloe can)`.
pub fn missing(payment: &inbox::Payment) -> String {
    let words = payment.wanted.iter().flat_map(|wanted| &wanted.missing).map(|missing| {
        let left = (missing.need as usize).saturating_sub(missing.have.len());
        format!("{left} of {} ({})", missing.label, names(&missing.of))
    });
    // Two rules may ask for the same people.
    let mut seen = BTreeSet::new();
    words.filter(|word| seen.insert(word.clone())).collect::<Vec<_>>().join(" and ")
}

/// The rules that ask.
pub fn rules(payment: &inbox::Payment) -> String {
    payment.wanted.iter().map(|wanted| wanted.rule.as_str()).collect::<Vec<_>>().join(", ")
}

/// Names in words.
pub fn names(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

/// Who has decided how.
pub fn decided(decided: &[Decided]) -> String {
    use bursar_core::approval::Verdict;
    let one = |one: &Decided| {
        let verdict = if one.verdict == Verdict::Approve { "yes" } else { "no" };
        format!("{} {verdict}", one.person)
    };
    decided.iter().map(one).collect::<Vec<_>>().join(", ")
}
