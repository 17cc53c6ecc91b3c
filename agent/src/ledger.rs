//! Where signed payments go: hand one in, or ask what became of it.
//!
//! One ledger is one folder below this one. Whatever it is, submitting the same transaction again
//! is harmless, and a payment is given up only on a ledger's own word that it can never be recorded.

pub mod embedded;
pub mod unrecorded;

use std::future::Future;
use std::pin::Pin;

use bursar_core::decode::transfer::SignedTransfer;
use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A boxed future: what lets one `dyn Ledger` stand for every kind.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A ledger, as the spend path sees it.
pub trait Ledger: Send + Sync {
    /// SHA-256 of its genesis: what a transaction has to name.
    fn id(&self) -> LedgerId;

    /// Hands in a transaction. Idempotent by digest: the same transaction again, with whatever
    /// valid signature, gives the same receipt.
    fn submit<'a>(&'a self, signed: &'a SignedTransfer) -> BoxFuture<'a, Result<Outcome, LedgerError>>;

    /// What became of the transaction with this digest.
    fn status<'a>(&'a self, digest: &'a [u8; 32]) -> BoxFuture<'a, Result<Status, LedgerError>>;
}

/// What became of a transaction that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on the ledger, durably.
    Recorded(Receipt),
    /// There is no ledger to record it: its envelope is the result. Its amount counts as spent
    /// for the transaction's whole life, since nobody can tell when it is used.
    HandedOut,
}

/// A ledger's answer about one digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is on the ledger, durably.
    Recorded(Receipt),
    /// It is not on the ledger at the ledger's time `as_of`. The ledger never takes an earlier
    /// time for its own again: with a valid-until at or before `as_of`, it never will be.
    Absent {
        /// The ledger's time.
        as_of: Timestamp,
    },
}

/// Where and when a ledger recorded a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Which ledger.
    pub ledger: LedgerId,
    /// Position in its log, from 0.
    pub position: u64,
    /// The ledger's time.
    pub recorded: Timestamp,
    /// Id of the transaction; in JSON 64 lower-case hex digits.
    #[serde(with = "digest_text")]
    pub digest: [u8; 32],
}

/// Why a ledger does not give a receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// It will not record this transaction, at least not now.
    #[error("the ledger refused: {0}")]
    Refused(#[from] Refusal),
    /// It has too much to do; nothing happened.
    #[error("the ledger is busy; try again in a second")]
    Busy,
    /// It is not known whether it was recorded: ask for the status, or send the same bytes again.
    #[error("it is not known whether the ledger recorded this: {0}; the same bytes may be sent again")]
    Unknown(String),
}

/// Why a transaction is not recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It names another ledger.
    #[error("it is for the ledger {0}, another one; configure the ledger it is for")]
    OtherLedger(LedgerId),
    /// The ledger has no such asset.
    #[error("this ledger has no asset {0}; `bursar ledger show` lists them")]
    UnknownAsset(Name),
    /// Made further in the future than clocks may differ.
    #[error("it was created at {created}, but it is {now} here; set the clocks right")]
    NotYet {
        /// When it says that it was made.
        created: Timestamp,
        /// The ledger's time.
        now: Timestamp,
    },
    /// Its time is over.
    #[error("it was valid until {valid_until}, and it is {now} here; make a new payment")]
    Expired {
        /// Its end.
        valid_until: Timestamp,
        /// The ledger's time.
        now: Timestamp,
    },
    /// Another transaction of this account has its nonce.
    #[error("its nonce was used by the transaction at position {0}; make a new payment with a fresh nonce")]
    NonceUsed(u64),
    /// The payer has less.
    #[error("the account has {have}, less than {asked}; fund it first")]
    Funds {
        /// What the account has, with the asset's name.
        have: String,
        /// What was asked, with the asset's name.
        asked: String,
    },
    /// An issue of an asset of which all was there from the beginning.
    #[error(
        "nobody issues {0} on this ledger, which began with all of it; issue an asset whose issuer the genesis names"
    )]
    NoIssuer(Name),
    /// An issue by an account that is not the asset's issuer.
    #[error("only {address} issues {asset} on this ledger; have that account issue it", address = issuer.address())]
    NotIssuer {
        /// Of what.
        asset: Name,
        /// Who may.
        issuer: Box<PublicKey>,
    },
    /// With this issue there would be more of an asset than an amount can hold.
    #[error("there would be more than 2^256 - 1 minor units of {0}; issue less")]
    Supply(Name),
    /// The recipient would have more than an amount can hold.
    #[error("the recipient would have more than 2^256 - 1 minor units of {0}; pay another account")]
    Overflow(Name),
}

mod digest_text {
    use bursar_core::intent::LedgerId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    // A ledger's id is a SHA-256 in the same spelling.
    pub fn serialize<S: Serializer>(digest: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        LedgerId(*digest).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        LedgerId::deserialize(deserializer).map(|id| id.0)
    }
}
