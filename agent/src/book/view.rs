//! A spend as callers see it.

use bursar_core::decode::transfer::Kind;
use bursar_core::name::Name;
use bursar_core::policy::{Denial, Wanted};
use bursar_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::hex::Hex;
use crate::caller::User;

/// Where a spend stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The policy said no. Final.
    Denied,
    /// Allowed and held, not yet signed.
    Reserved,
    /// Signed, not yet known to be recorded.
    Signed,
    /// The ledger did not take it; held until it provably cannot be recorded.
    Refused,
    /// On the ledger. Final.
    Recorded,
    /// Signed and handed to the caller: there is no ledger to forward it to. Final.
    HandedOut,
    /// Its time passed and it is not on the ledger; given back. Final.
    Expired,
    /// Not decided: somebody has to approve first. Nothing is held.
    Waiting,
}

impl State {
    /// Will it stay so?
    pub fn is_final(self) -> bool {
        matches!(self, Self::Denied | Self::Recorded | Self::HandedOut | Self::Expired)
    }

    /// As it is stored.
    pub fn code(self) -> u8 {
        match self {
            Self::Denied => 0,
            Self::Reserved => 1,
            Self::Signed => 2,
            Self::Refused => 3,
            Self::Recorded => 4,
            Self::HandedOut => 5,
            Self::Expired => 6,
            Self::Waiting => 7,
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Denied => "denied",
            Self::Reserved => "reserved",
            Self::Signed => "signed",
            Self::Refused => "refused",
            Self::Recorded => "recorded",
            Self::HandedOut => "handed-out",
            Self::Expired => "expired",
            Self::Waiting => "waiting",
        })
    }
}

/// One spend, as of now.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Spend {
    /// Its id in this home, counted from 1.
    pub id: u64,
    /// Where it stands.
    pub state: State,
    /// What it does; left out for a payment.
    #[serde(default, skip_serializing_if = "Kind::is_pay")]
    #[schema(value_type = Option<String>)]
    pub action: Kind,
    /// Whose money, or who issues it.
    #[schema(value_type = String)]
    pub account: Name,
    /// Who receives it: the name in the policy bundle, or what the caller wrote if there is none.
    pub recipient: String,
    /// How much, like `120.50`.
    pub amount: String,
    /// Of what.
    #[schema(value_type = String)]
    pub asset: Name,
    /// What for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memo: String,
    /// Who asked.
    #[schema(value_type = String)]
    pub caller: Name,
    /// Which user of the agent's machine that was, where they asked there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Under which Idempotency-Key.
    pub key: String,
    /// When it was decided.
    #[schema(value_type = String)]
    pub decided: Timestamp,
    /// The rule that decided.
    #[schema(value_type = Option<String>)]
    pub rule: Option<Name>,
    /// Why it is not recorded: the denial, the ledger's refusal, or what failed.
    pub reason: Option<String>,
    /// Who has to approve it, while it waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub approvals: Vec<Wanted>,
    /// The denial for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub denial: Option<Denial>,
    /// Id of the transaction: SHA-256 of the bytes that were signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub digest: Option<Hex<32>>,
    /// From then on no ledger records it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub valid_until: Option<Timestamp>,
    /// Where the ledger recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Position>,
}

/// Where the ledger recorded a spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Position {
    /// Counted from 0.
    pub position: u64,
    /// By the ledger's time.
    #[schema(value_type = String)]
    pub recorded: Timestamp,
}
