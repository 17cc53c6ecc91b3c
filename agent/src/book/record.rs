//! What the audit log holds: one record for each thing that was decided or done.

use bursar_core::decode::transfer::Kind;
use bursar_core::name::Name;
use bursar_core::policy::{Denial, Draw};
use bursar_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::hex::Hex;
use super::request::{IdempotencyKey, SpendRequest};

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
    /// Under which key.
    pub key: IdempotencyKey,
    /// What was asked.
    pub request: SpendRequest,
    /// The bundle that decided.
    pub policy: Hex<32>,
    /// Why, and what would be allowed.
    pub denial: Denial,
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
        }
    }

    /// The spend it is about.
    pub fn spend(&self) -> Option<u64> {
        match self {
            Self::Opened(_)
            | Self::Policy(_)
            | Self::RollbackAccepted(_)
            | Self::ClockConfirmed(_)
            | Self::TurnedAway(_) => None,
            Self::Allowed(r) => Some(r.spend),
            Self::Denied(r) => Some(r.spend),
            Self::Signed(r) => Some(r.spend),
            Self::Recorded(r) => Some(r.spend),
            Self::HandedOut(r) | Self::Expired(r) => Some(r.spend),
            Self::Refused(r) | Self::Failed(r) => Some(r.spend),
        }
    }
}
