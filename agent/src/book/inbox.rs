//! Everything that waits for a person, as it goes out to them.
//!
//! It holds the exact bytes that a decision is about: whoever decides reads those, and not what
//! somebody else says about them.

use bursar_core::approval::{HomeId, Item, Tally, Verdict};
use bursar_core::decode::transfer::Kind;
use bursar_core::name::Name;
use bursar_core::policy::Wanted;
use bursar_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::hex::Hex;
use super::record::Way;
use crate::caller::User;

/// All of it, or a part, as of now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inbox {
    /// The home whose inbox it is.
    pub home: HomeId,
    /// SHA-256 of the policy bundle in force: decisions are about it, too.
    pub policy: Hex<32>,
    /// Its version.
    pub version: u64,
    /// Break-glass: from then on the bundle before it is in force again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Payments, oldest first.
    pub payments: Vec<Payment>,
    /// Policy bundles that were put forward, oldest first.
    pub proposals: Vec<Proposal>,
    /// Frozen accounts.
    pub frozen: Vec<Frozen>,
    /// Where to go on with the payments; absent at their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// Most payments in one answer.
pub const PAGE: usize = 1_000;

/// Which part of it.
#[derive(Clone, Debug)]
pub struct Part {
    /// Only payments with a higher id. What is no payment stands in the first part alone.
    pub after: Option<u64>,
    /// At most so many payments, and never more than [`PAGE`].
    pub limit: usize,
    /// Only what this caller has asked for; everything without one.
    pub of: Option<Name>,
}

/// A payment that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payment {
    /// What a vote has to be about.
    pub item: Item,
    /// Which transaction the bytes are of.
    #[serde(default, skip_serializing_if = "Kind::is_pay")]
    pub kind: Kind,
    /// The exact payload; its digest is the item's.
    pub transfer: Box<RawValue>,
    /// Who asked.
    pub caller: Name,
    /// Which user of the agent's machine that was, where they asked there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// When.
    pub asked: Timestamp,
    /// Who still has to approve.
    pub wanted: Vec<Wanted>,
    /// Who has decided.
    pub decided: Vec<Decided>,
}

/// Somebody's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Who.
    pub person: Name,
    /// Yes or no.
    pub verdict: Verdict,
}

/// Whose decisions count now: one that expired or became void may be made again.
pub fn decided(counted: &Tally) -> Vec<Decided> {
    let decided = |person: &Name, verdict| Decided { person: person.clone(), verdict };
    let approved = counted.approved.iter().map(|person| decided(person, Verdict::Approve));
    let refused = counted.refused.iter().map(|refusal| decided(&refusal.approver, Verdict::Refuse));
    approved.chain(refused).collect()
}

/// A bundle that was put forward.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proposal {
    /// Its number.
    pub proposal: u64,
    /// How it would come into force.
    pub way: Way,
    /// SHA-256 of its text.
    pub policy: Hex<32>,
    /// Its version.
    pub version: u64,
    /// The bundle whose place it takes.
    pub previous: Hex<32>,
    /// Who put it forward.
    pub caller: Name,
    /// When.
    pub asked: Timestamp,
    /// Until when it may be agreed to.
    pub expires: Timestamp,
    /// How many have to agree, and who they are.
    pub need: u32,
    /// Who may decide.
    pub from: Vec<Name>,
    /// Who has decided.
    pub decided: Vec<Decided>,
}

/// An account that was stopped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frozen {
    /// Which.
    pub account: Name,
    /// Digest of the freeze, which a lift names.
    pub freeze: Hex<32>,
    /// The signed freeze, a DSSE envelope: whoever decides reads who stopped the account there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Box<RawValue>>,
    /// Who stopped it.
    pub by: Name,
    /// Why.
    pub why: String,
    /// When.
    pub since: Timestamp,
    /// How many have to let it go on.
    pub need: u32,
    /// Who may decide.
    pub from: Vec<Name>,
    /// Who has decided.
    pub decided: Vec<Decided>,
    /// Payments that were stopped on their way, by spend: they go on when the account does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<u64>,
}
