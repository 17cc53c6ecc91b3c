//! One waiting payment, as a person decides on it.

use serde::{Deserialize, Serialize};

use super::ApprovalError;
use super::statement::{canonical, read_canonical};
use crate::hex::Hex;
use crate::intent::LedgerId;
use crate::log::{Hash, leaf_hash};
use crate::name::Name;
use crate::time::Timestamp;

/// Id of a home folder: 16 random bytes, as text 32 lower-case hex digits.
pub type HomeId = Hex<16>;

const NOUN: &str = "an item of a ballot";

/// One payment that waits: all that has to stay as it is for an approval to count.
///
/// Its encoding is JSON without white space, with these fields in this order; a Merkle leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The home that asks.
    pub home: HomeId,
    /// The spend's id in that home.
    pub request: u64,
    /// The account that pays.
    pub account: Name,
    /// The ledger that it pays on.
    pub ledger: LedgerId,
    /// Digest of the payment's exact bytes.
    pub digest: Hex<32>,
    /// Hash of the policy bundle in force.
    pub policy: Hex<32>,
    /// When the request expires.
    pub expires: Timestamp,
}

impl Item {
    /// Reads the canonical form, and nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, ApprovalError> {
        read_canonical(NOUN, bytes)
    }

    /// Its canonical form.
    pub fn encode(&self) -> Result<Vec<u8>, ApprovalError> {
        canonical(NOUN, self)
    }

    /// Its hash in the Merkle tree of a ballot.
    pub fn leaf(&self) -> Result<Hash, ApprovalError> {
        Ok(leaf_hash(&self.encode()?))
    }
}
