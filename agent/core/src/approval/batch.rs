//! The payments that one signature decides on.

use std::collections::{HashMap, HashSet};

use super::{ApprovalError, Ballot, Item, MAX_BATCH, Payload, SignedBallot, Verdict, Vote};
use crate::decode::memo::Memo;
use crate::hex::Hex;
use crate::log::{Frontier, Hash, ProofError, inclusion_proof};
use crate::name::Name;
use crate::time::Timestamp;

/// 1 to [`MAX_BATCH`] different items, in the order in which they were shown, and their tree.
#[derive(Clone, Debug)]
pub struct Batch {
    items: Vec<Item>,
    count: u32,
    root: Hash,
    /// By level and index.
    nodes: HashMap<(u8, u64), Hash>,
}

/// Why items are not a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// None, or too many.
    #[error("one signature decides on 1 to {MAX_BATCH} payments, not {0}; decide on them in several steps")]
    Count(usize),
    /// One request twice.
    #[error("request {request} of the home {home} is there twice; name each once")]
    Twice {
        /// Whose.
        home: super::HomeId,
        /// Which.
        request: u64,
    },
    /// An item has no encoding.
    #[error(transparent)]
    Item(#[from] ApprovalError),
}

impl Batch {
    /// Puts items together, each request once.
    pub fn new(items: Vec<Item>) -> Result<Self, BatchError> {
        let count = u32::try_from(items.len()).ok().filter(|count| (1..=MAX_BATCH).contains(count));
        let count = count.ok_or(BatchError::Count(items.len()))?;
        let (mut tree, mut nodes, mut seen) = (Frontier::empty(), HashMap::new(), HashSet::new());
        for item in &items {
            if !seen.insert((item.home, item.request)) {
                return Err(BatchError::Twice { home: item.home, request: item.request });
            }
            nodes.extend(tree.push(item.leaf()?).iter().map(|node| ((node.level, node.index), node.hash)));
        }
        Ok(Self { items, count, root: tree.root(), nodes })
    }

    /// The items.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The RFC 6962 root of the items.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// What a person signs to decide on all of them.
    pub fn ballot(
        &self,
        approver: Name,
        verdict: Verdict,
        why: Memo,
        signed: Timestamp,
        expires: Timestamp,
    ) -> Result<Payload<Ballot>, ApprovalError> {
        let (count, root) = (self.count, Hex(self.root));
        Payload::encode(Ballot { approver, verdict, count, root, signed, expires, why })
    }

    /// The signed ballot as one vote for each item, in their order.
    pub fn votes(&self, ballot: &SignedBallot) -> Result<Vec<Vote>, ApprovalError> {
        let signed = ballot.statement();
        if (signed.count, signed.root.0) != (self.count, self.root) {
            return Err(ApprovalError::OtherItems);
        }
        let node = |level: u8, index: u64| {
            let missing = ProofError::Range { position: index << level, size: self.count.into() };
            self.nodes.get(&(level, index)).copied().ok_or(missing)
        };
        let vote = |(index, item): (u32, &Item)| {
            let proof = inclusion_proof::<ProofError>(index.into(), self.count.into(), node)?;
            Vote::new(ballot.clone(), item.clone(), index, proof)
        };
        (0..).zip(&self.items).map(vote).collect()
    }
}
