//! The Merkle log that the ledger and the audit log share: RFC 6962 trees with C2SP checkpoints.
//!
//! Nothing here stores anything: the shell keeps leaves and [`tree::Node`]s, and hands them in.

pub mod checkpoint;
pub mod note;
pub mod proof;
pub mod tree;

use sha2::{Digest, Sha256};

pub use checkpoint::{Checkpoint, CheckpointError, Origin, SignedCheckpoint};
pub use proof::{ProofError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use tree::{Frontier, Node, STORED_EVERY, node_from_stored};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Hash of a leaf: SHA-256 of `0x00` and the leaf's bytes (RFC 6962, section 2.1).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// Hash of an inner node: SHA-256 of `0x01`, left and right (RFC 6962, section 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}
