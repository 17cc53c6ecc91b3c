//! Proofs about an RFC 6962 Merkle tree, made and verified.

use super::tree::{fold, peaks_of};
use super::{Hash, node_hash};

/// Why a proof cannot be made, or does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// No such leaf, or an older tree that is larger.
    #[error("position {position} is beyond a log of {size} entries; take one that the log holds")]
    Range {
        /// The leaf, or the size of the older tree.
        position: u64,
        /// Size of the tree.
        size: u64,
    },
    /// Too few or too many hashes.
    #[error("the proof has the wrong number of hashes; export it again from the log")]
    Length,
    /// Leads to another root.
    #[error(
        "the proof leads to another root: the entry or the log was changed; do not rely on it, and keep both as evidence"
    )]
    Root,
}

/// The hashes that lead from leaf `index` to the root of the tree with `size` leaves
/// (RFC 6962, section 2.1.1). `node` gives the hash of a complete subtree by level and index.
pub fn inclusion_proof<E: From<ProofError>>(
    index: u64,
    size: u64,
    mut node: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    if index >= size {
        return Err(ProofError::Range { position: index, size }.into());
    }
    let (mut start, mut end) = (0, size);
    let mut proof = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(subtree(middle, end, &mut node)?);
            end = middle;
        } else {
            proof.push(subtree(start, middle, &mut node)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The hashes that show that the tree with `size` leaves only appended to the one with
/// `old_size` (RFC 6962, section 2.1.2). Empty where `old_size` is zero or equal.
pub fn consistency_proof<E: From<ProofError>>(
    old_size: u64,
    size: u64,
    mut node: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    if old_size > size {
        return Err(ProofError::Range { position: old_size, size }.into());
    }
    let mut proof = Vec::new();
    if old_size == 0 {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, size);
    while old_size != end {
        let middle = start + split(end - start);
        if old_size <= middle {
            proof.push(subtree(middle, end, &mut node)?);
            end = middle;
        } else {
            proof.push(subtree(start, middle, &mut node)?);
            start = middle;
        }
    }
    // The verifier has the old root; it needs this subtree only where it is not all of it.
    if start > 0 {
        proof.push(subtree(start, end, &mut node)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Largest power of two below `leaves`, which is at least 2.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

fn subtree<E>(start: u64, end: u64, node: &mut impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let peaks =
        peaks_of(start, end).map(|(level, index)| node(level, index)).collect::<Result<Vec<_>, E>>()?;
    Ok(fold(&peaks))
}

/// Does `proof` lead from this leaf to this root? (RFC 9162, section 2.1.3.2)
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range { position: index, size });
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf_hash;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node % 2 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // Up to the next level at which this subtree has a sibling to its right.
            while node.is_multiple_of(2) && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match (last, hash == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// Does `proof` show that the newer tree only appended to the older? (RFC 9162, section 2.1.4.2)
///
/// Every tree appends to the empty one; its root still has to be SHA-256 of nothing.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > size {
        return Err(ProofError::Range { position: old_size, size });
    }
    if old_size == 0 || old_size == size {
        let expected = if old_size == 0 { fold(&[]) } else { *root };
        return match (proof.is_empty(), expected == *old_root) {
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::Root),
            (false, _) => Err(ProofError::Length),
        };
    }
    // An old tree that is one complete subtree is its own first hash.
    let (first, rest) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or(ProofError::Length)?
    };
    let (mut node, mut last) = (old_size - 1, size - 1);
    while node % 2 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node % 2 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node.is_multiple_of(2) && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match (last, old == *old_root && new == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}
