//! A receipt that can be checked offline, with the genesis alone.

use bursar_core::decode::transfer::{SignedTransfer, TransferError};
use bursar_core::log::{
    CheckpointError, Hash, ProofError, SignedCheckpoint, inclusion_proof, leaf_hash, verify_inclusion,
};
use data_encoding::BASE64;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, EntryError};
use super::genesis::Genesis;
use super::replay;
use crate::ledger::Receipt;
use crate::store::StoreError;
use crate::store::log;

/// An entry, the way from it to a root, and the node's signature on that root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct ProvenReceipt {
    leaf: Vec<u8>,
    proof: Vec<Hash>,
    checkpoint: String,
}

/// As JSON: the leaf as text, hashes in base64, the signed checkpoint as text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    leaf: String,
    proof: Vec<String>,
    checkpoint: String,
}

/// What a proven receipt proves.
#[derive(Debug)]
pub struct Proven {
    /// Where and when it was recorded.
    pub receipt: Receipt,
    /// What was recorded; its signature holds.
    pub transfer: SignedTransfer,
    /// What the node key signed.
    pub checkpoint: SignedCheckpoint,
}

/// Why a receipt cannot be proved, or a proof does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node key has not signed so far yet.
    #[error(
        "no signed checkpoint covers entry {0} yet; the running agent signs one each minute: try again then"
    )]
    NotCovered(u64),
    /// The log has fewer entries, or the proof leads elsewhere.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The node's signature.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// What should be an entry.
    #[error("the receipt's entry is damaged: {0}; export the receipt again")]
    Entry(#[from] EntryError),
    /// The signature of who paid or issued.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// A transaction of another ledger.
    #[error("the receipt is of the ledger {0}, another one; take the genesis that belongs to it")]
    OtherLedger(bursar_core::intent::LedgerId),
}

impl TryFrom<Wire> for ProvenReceipt {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let hash = |text: &String| {
            let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(|| format!("{text:?} is not a hash: 32 bytes in base64"))
        };
        let proof = wire.proof.iter().map(hash).collect::<Result<_, _>>()?;
        Ok(Self { leaf: wire.leaf.into_bytes(), proof, checkpoint: wire.checkpoint })
    }
}

impl From<ProvenReceipt> for Wire {
    fn from(receipt: ProvenReceipt) -> Self {
        let proof = receipt.proof.iter().map(|hash| BASE64.encode(hash)).collect();
        // Leaves are JSON; one that is not would fail to verify, whatever stands here.
        let leaf = String::from_utf8_lossy(&receipt.leaf).into_owned();
        Self { leaf, proof, checkpoint: receipt.checkpoint }
    }
}

/// Proves an entry under the latest signed checkpoint.
pub fn prove(
    connection: &Connection,
    genesis: &Genesis,
    position: u64,
) -> Result<ProvenReceipt, ReceiptError> {
    let signed = replay::checkpoint(connection, genesis)?;
    let signed = signed.filter(|signed| signed.checkpoint().size > position);
    let signed = signed.ok_or(ReceiptError::NotCovered(position))?;
    let size = signed.checkpoint().size;
    let missing = || replay::damaged(connection, format!("entry {position}"), "it is missing");
    let leaf = log::record(connection, position)?.ok_or_else(missing)?;
    let node = |level, place| log::node(connection, level, place).map_err(ReceiptError::Store);
    let proof = inclusion_proof(position, size, node)?;
    Ok(ProvenReceipt { leaf, proof, checkpoint: signed.as_str().to_owned() })
}

/// Verifies a proven receipt with nothing but the genesis.
pub fn verify_receipt(genesis: &Genesis, proven: &ProvenReceipt) -> Result<Proven, ReceiptError> {
    let checkpoint = SignedCheckpoint::parse(&proven.checkpoint, genesis.origin(), genesis.node())?;
    let entry = Entry::decode(&proven.leaf)?;
    let said = checkpoint.checkpoint();
    verify_inclusion(&leaf_hash(&proven.leaf), entry.position, said.size, &proven.proof, &said.root)?;
    let (position, recorded, digest) = (entry.position, entry.recorded, entry.payload.digest());
    let transfer = entry.verify()?;
    let ledger = transfer.payload().transfer().ledger;
    if ledger != genesis.id() {
        return Err(ReceiptError::OtherLedger(ledger));
    }
    Ok(Proven { receipt: Receipt { ledger, position, recorded, digest }, transfer, checkpoint })
}
