//! What the audit log holds: one record for each thing that was decided or done.

use bursar_core::decode::transfer::Kind;
use bursar_core::name::Name;
use bursar_core::policy::{Denial, Draw, Wanted};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::hex::Hex;
use super::request::{IdempotencyKey, SpendRequest};
use crate::caller::User;

/// One record. Its JSON, without white space, is the leaf of the Merkle log, so the fields and
/// their order never change under a name; a new meaning gets a new name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// The book was begun.
    Opened(Opened),
    /// From here on this policy bundle decides.
    Policy(InForce),
    /// A spend was allowed, and its draws are held. Without this record nothing may be signed.
    Allowed(Box<Allowed>),
    /// A spend was denied.
    Denied(Box<Denied>),
    /// The token signed it. Without this record the signature may not leave.
    Signed(Signed),
    /// The ledger recorded it: it counts from then on at the time of the record.
    Recorded(Recorded),
    /// There is no ledger to ask: the envelope went to the caller, and counts until it cannot be used any more.
    HandedOut(Step),
    /// The ledger did not take it; its draws stay held until it provably cannot be recorded.
    Refused(Trouble),
    /// Its time has passed and the ledger proves that it is not recorded: its draws are given back.
    Expired(Step),
    /// A step failed and will be tried again.
    Failed(Trouble),
    /// An operator accepted a book or a ledger that is older than what token or ledger know.
    RollbackAccepted(Rollback),
    /// Somebody confirmed that the clock is right after it had jumped.
    ClockConfirmed(Confirmed),
    /// Somebody asked for what is not for them. Not every time: see [`super::turned_away`].
    TurnedAway(TurnedAway),
    /// A spend needs approvals; nothing is held while it waits.
    Waiting(Box<Waiting>),
    /// Somebody decided on a spend that waits.
    Voted(Voted),
    /// Another policy bundle was put forward.
    Proposed(Proposed),
    /// Somebody decided on a bundle that was put forward.
    Agreed(Agreed),
    /// A bundle that was put forward is out of the question.
    Withdrawn(Withdrawn),
    /// Somebody stopped an account.
    Frozen(Frozen),
    /// Somebody decided whether an account goes on.
    LiftVoted(Frozen),
    /// An account goes on.
    Lifted(Lifted),
}

/// The book was begun.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opened {
    /// When.
    pub at: Timestamp,
    /// The home's random id.
    pub home: String,
}

/// A policy bundle came into force.
#[derive(Debug, Serialize, Deserialize)]
pub struct InForce {
    /// When.
    pub at: Timestamp,
    /// SHA-256 of the bundle's text.
    pub policy: Hex<32>,
    /// The proposal that it was, whose decisions come before this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<u64>,
    /// Break-glass: from then on the bundle before it is in force again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The bundle to go back to then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Hex<32>>,
}

/// A spend was allowed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Allowed {
    /// When.
    pub at: Timestamp,
    /// The spend's id.
    pub spend: u64,
    /// Who asked.
    pub caller: Name,
    /// What they were there for.
    #[serde(default)]
    pub roles: Roles,
    /// Under which key.
    pub key: IdempotencyKey,
    /// SHA-256 of the request.
    pub body: Hex<32>,
    /// Whose money.
    pub account: Name,
    /// The recipient's name in the policy bundle.
    pub recipient: Name,
    /// How many decimals the asset is written with.
    pub decimals: u8,
    /// The bundle that decided.
    pub policy: Hex<32>,
    /// The rule that decided.
    pub rule: Name,
    /// What it draws from which budgets.
    pub draws: Vec<Draw>,
    /// The exact payload to be signed.
    pub transfer: Box<RawValue>,
    /// Which transaction the payload is of; a payment where it is left out.
    #[serde(default, skip_serializing_if = "Kind::is_pay")]
    pub action: Kind,
    /// Positions of the decisions that were counted, if it had to wait for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<u64>,
    /// Which user of this machine that was; older records do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
}

/// A spend waits for approvals.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    /// When.
    pub at: Timestamp,
    /// The spend's id.
    pub spend: u64,
    /// Who asked.
    pub caller: Name,
    /// What they are there for.
    pub roles: Roles,
    /// Under which key.
    pub key: IdempotencyKey,
    /// What was asked.
    pub request: SpendRequest,
    /// The recipient's name in the policy bundle.
    pub recipient: Name,
    /// How many decimals the asset is written with.
    pub decimals: u8,
    /// The bundle by which it waits.
    pub policy: Hex<32>,
    /// Who has to approve, by rule.
    pub wanted: Vec<Wanted>,
    /// The exact payload that is approved, and then signed. Its valid-until ends the waiting.
    pub transfer: Box<RawValue>,
    /// Which user of this machine that was; older records do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
}

/// A decision on a spend that waits.
#[derive(Debug, Serialize, Deserialize)]
pub struct Voted {
    /// When it was received.
    pub at: Timestamp,
    /// The spend's id.
    pub spend: u64,
    /// The signed ballot, the item, and the proof that they belong together.
    pub vote: Box<RawValue>,
}

/// How a bundle comes into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The administrators agree; it stays.
    Change,
    /// Those whom the bundle in force names for that agree; it lasts a day.
    BreakGlass,
}

/// Another bundle was put forward.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proposed {
    /// When.
    pub at: Timestamp,
    /// Its number in this home, counted from 1.
    pub proposal: u64,
    /// How it would come into force.
    pub way: Way,
    /// SHA-256 of its text.
    pub policy: Hex<32>,
    /// Its version.
    pub version: u64,
    /// The bundle in force then; it takes the place of that one only.
    pub previous: Hex<32>,
    /// Who put it forward.
    pub caller: Name,
    /// Until when it may be agreed to.
    pub expires: Timestamp,
}

/// A decision on a bundle.
#[derive(Debug, Serialize, Deserialize)]
pub struct Agreed {
    /// When it was received.
    pub at: Timestamp,
    /// Which bundle.
    pub proposal: u64,
    /// The signed statement, a DSSE envelope.
    pub envelope: Box<RawValue>,
}

/// A bundle is out of the question.
#[derive(Debug, Serialize, Deserialize)]
pub struct Withdrawn {
    /// When.
    pub at: Timestamp,
    /// Which bundle.
    pub proposal: u64,
    /// Why.
    pub why: String,
}

/// An account was stopped, or somebody decided whether it goes on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Frozen {
    /// When it was received.
    pub at: Timestamp,
    /// Which account.
    pub account: Name,
    /// The signed statement, a DSSE envelope.
    pub envelope: Box<RawValue>,
}

/// An account goes on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Lifted {
    /// When.
    pub at: Timestamp,
    /// Which account.
    pub account: Name,
    /// Digest of the freeze that ends.
    pub freeze: Hex<32>,
}

/// A spend was denied.
#[derive(Debug, Serialize, Deserialize)]
pub struct Denied {
    /// When.
    pub at: Timestamp,
    /// The spend's id.
    pub spend: u64,
    /// Who asked.
    pub caller: Name,
    /// What they were there for.
    #[serde(default)]
    pub roles: Roles,
    /// Under which key.
    pub key: IdempotencyKey,
    /// What was asked.
    pub request: SpendRequest,
    /// The bundle that decided.
    pub policy: Hex<32>,
    /// Why, and what would be allowed.
    pub denial: Denial,
    /// Positions of the decisions that people had made on it, if it had waited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<u64>,
    /// Which user of this machine that was; older records do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
}

/// The token signed it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Signed {
    /// When.
    pub at: Timestamp,
    /// The spend's id.
    pub spend: u64,
    /// The account key's signature over the payload's DSSE PAE.
    pub signature: Hex<64>,
}

/// The ledger recorded it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// When the agent learned it.
    pub at: Timestamp,
    /// The spend's id.
    pub spend: u64,
    /// Where on the ledger.
    pub position: u64,
    /// When, by the ledger's time.
    pub recorded: Timestamp,
}

/// A step without more to say.
#[derive(Debug, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// The spend's id.
    pub spend: u64,
}

/// A step that went wrong.
#[derive(Debug, Serialize, Deserialize)]
pub struct Trouble {
    /// When.
    pub at: Timestamp,
    /// The spend's id.
    pub spend: u64,
    /// What happened.
    pub reason: String,
}

/// An older state was accepted.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rollback {
    /// When.
    pub at: Timestamp,
    /// Entries on the embedded ledger then; absent without one.
    pub ledger: Option<u64>,
}

/// The clock is right, somebody says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Confirmed {
    /// The time that was confirmed.
    pub at: Timestamp,
    /// Who says so.
    pub caller: Name,
}

/// Somebody was turned away.
#[derive(Debug, Serialize, Deserialize)]
pub struct TurnedAway {
    /// When.
    pub at: Timestamp,
    /// A caller's name, `uid 1000`, or `certificate sha256:…`.
    pub who: String,
    /// Method and path of what was asked for: `POST /v1/spends`.
    pub route: String,
    /// Why not: no caller, or not the role.
    pub why: String,
}

impl Record {
    /// When it was made.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Opened(r) => r.at,
            Self::Policy(r) => r.at,
            Self::Allowed(r) => r.at,
            Self::Denied(r) => r.at,
            Self::Signed(r) => r.at,
            Self::Recorded(r) => r.at,
            Self::HandedOut(r) | Self::Expired(r) => r.at,
            Self::Refused(r) | Self::Failed(r) => r.at,
            Self::RollbackAccepted(r) => r.at,
            Self::ClockConfirmed(r) => r.at,
            Self::TurnedAway(r) => r.at,
            Self::Waiting(r) => r.at,
            Self::Voted(r) => r.at,
            Self::Proposed(r) => r.at,
            Self::Agreed(r) => r.at,
            Self::Withdrawn(r) => r.at,
            Self::Frozen(r) | Self::LiftVoted(r) => r.at,
            Self::Lifted(r) => r.at,
        }
    }

    /// The spend it is about.
    pub fn spend(&self) -> Option<u64> {
        match self {
            Self::Opened(_)
            | Self::Policy(_)
            | Self::RollbackAccepted(_)
            | Self::ClockConfirmed(_)
            | Self::TurnedAway(_)
            | Self::Proposed(_)
            | Self::Agreed(_)
            | Self::Withdrawn(_)
            | Self::Frozen(_)
            | Self::LiftVoted(_)
            | Self::Lifted(_) => None,
            Self::Waiting(r) => Some(r.spend),
            Self::Voted(r) => Some(r.spend),
            Self::Allowed(r) => Some(r.spend),
            Self::Denied(r) => Some(r.spend),
            Self::Signed(r) => Some(r.spend),
            Self::Recorded(r) => Some(r.spend),
            Self::HandedOut(r) | Self::Expired(r) => Some(r.spend),
            Self::Refused(r) | Self::Failed(r) => Some(r.spend),
        }
    }
}
