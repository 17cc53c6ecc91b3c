//! The growing edge of an RFC 6962 Merkle tree.
//!
//! Nodes are named by level and index: level 0 holds the leaf hashes, and node (l, i) covers the
//! leaves from i * 2^l up to (i + 1) * 2^l. Only nodes whose leaves all exist have a name.

use sha2::{Digest, Sha256};

use super::{Hash, node_hash};

/// Where nodes have to be stored so that proofs stay cheap: levels that are multiples of this.
///
/// [`node_from_stored`] finds each other node from at most 2^7 of them. Level 8 and above take
/// one stored hash per 256 entries; level 0 can be computed from the leaves themselves.
pub const STORED_EVERY: u8 = 8;

/// A node whose subtree is complete; its hash never changes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// 0 for a leaf.
    pub level: u8,
    /// Position within the level.
    pub index: u64,
    /// Leaf or node hash.
    pub hash: Hash,
}

/// A tree reduced to what appending and its root need: the roots of its complete subtrees,
/// at most 64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Largest subtree first: one for each bit that is set in `size`.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The tree of this size whose peaks these are, largest first, as [`peaks`](Self::peaks)
    /// gives them; none if their number does not fit the size.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (u32::try_from(peaks.len()) == Ok(size.count_ones())).then_some(Self { size, peaks })
    }

    /// The tree of this size, its peaks fetched by level and index.
    pub fn restore<E>(size: u64, mut node: impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Self, E> {
        let peaks = peaks_of(0, size).map(|(level, index)| node(level, index)).collect::<Result<_, E>>()?;
        Ok(Self { size, peaks })
    }

    /// Appends a leaf. Answers the nodes that this completes, from the leaf upwards.
    pub fn push(&mut self, leaf_hash: Hash) -> Vec<Node> {
        let mut node = Node { level: 0, index: self.size, hash: leaf_hash };
        let mut completed = vec![node];
        while node.index % 2 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            node = Node { level: node.level + 1, index: node.index / 2, hash: node_hash(&left, &node.hash) };
            completed.push(node);
        }
        self.peaks.push(node.hash);
        self.size += 1;
        completed
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The Merkle tree hash of all leaves (RFC 6962, section 2.1).
    pub fn root(&self) -> Hash {
        fold(&self.peaks)
    }
}

/// Root over subtree roots, largest first; of none, SHA-256 of nothing.
pub(super) fn fold(peaks: &[Hash]) -> Hash {
    match peaks.split_last() {
        None => Sha256::digest([]).into(),
        Some((last, others)) => others.iter().rev().fold(*last, |right, left| node_hash(left, &right)),
    }
}

/// The complete subtrees, largest first, that make up the leaves `start..end`; `start` has to be
/// a multiple of the largest.
pub(super) fn peaks_of(start: u64, end: u64) -> impl Iterator<Item = (u8, u64)> {
    let count = end - start;
    (0..64u8).rev().filter(move |level| count >> level & 1 == 1).map(move |level| {
        // What is above this bit lies to the left of this subtree.
        let before = count >> level & !1;
        (level, (start >> level) + before)
    })
}

/// Any node from those on levels that are multiples of [`STORED_EVERY`], which `stored` gives.
pub fn node_from_stored<E>(
    level: u8,
    index: u64,
    stored: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    if level.is_multiple_of(STORED_EVERY) {
        return stored(level, index);
    }
    let left = node_from_stored(level - 1, 2 * index, stored)?;
    let right = node_from_stored(level - 1, 2 * index + 1, stored)?;
    Ok(node_hash(&left, &right))
}
