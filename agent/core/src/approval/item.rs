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
///
/// Items of the first books end with `expires`, and their people signed nothing about who asked. They
/// are read and counted as they were: to count them by the record alone adds no way to cheat that was
/// not there when they were signed, and to refuse them would make a lawful history unlawful. Since
/// then every item names its requester, no vote without one is [taken any more](super::one_more), and
/// one that names another requester than the record counts nowhere.
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
    /// The caller who asked, as the home knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<Name>,
    /// The user id behind the home's Unix socket; none where the request came over the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
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
