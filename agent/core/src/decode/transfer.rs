//! `transfer.v1` and `issue.v1`, the transactions of Bursar's native ledgers that move an amount:
//! one account pays another, or an issuer makes what it then has.

mod error;
mod kind;
mod nonce;
mod payload;
mod signed;

use serde::{Deserialize, Serialize};

pub use super::memo::{MAX_MEMO, Memo, MemoError};
use crate::amount::Amount;
use crate::intent::LedgerId;
use crate::key::PublicKey;
use crate::name::Name;
use crate::time::Timestamp;
pub use error::TransferError;
pub use kind::Kind;
pub use nonce::{Nonce, NonceError};
pub use payload::Payload;
pub use signed::SignedTransfer;

/// What is signed stays below this many bytes, so that every token signs it at once (a YubiHSM
/// takes 2,048).
pub const MAX_SIGNING_BYTES: usize = 1900;

/// Longest life of a transaction, in milliseconds: 7 days, so that one that waits for people
/// outlives a weekend.
pub const MAX_LIFE_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// A payment or an issue as it is written down. A [`Payload`] is one that keeps all rules.
///
/// Its encoding is JSON without white space, with these fields in this order: hex for ids,
/// tagged hex for keys, digits for the amount, RFC 3339 UTC in whole seconds for times; in the
/// memo only `"` and `\` are escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Id of the ledger it is for.
    pub ledger: LedgerId,
    /// The account that pays or issues, and whose signature it needs.
    pub from: PublicKey,
    /// The account that receives; another one.
    pub to: PublicKey,
    /// Of what.
    pub asset: Name,
    /// Minor units, more than zero.
    pub amount: Amount,
    /// A note.
    pub memo: Memo,
    /// Makes it unlike every other transaction of this account, for ever.
    pub nonce: Nonce,
    /// When it was made; whole seconds.
    pub created: Timestamp,
    /// From then on no ledger records it; whole seconds, after `created`, by at most [`MAX_LIFE_MS`].
    pub valid_until: Timestamp,
}
