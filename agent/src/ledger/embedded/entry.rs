//! One entry of the log: a payment or an issue, and where and when it was recorded.

use bursar_core::decode::transfer::{Payload, SignedTransfer, TransferError};
use bursar_core::envelope::{Envelope, EnvelopeError};
use bursar_core::key::Signature;
use bursar_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An entry as the log holds it; its signature is not verified by reading it.
///
/// Its leaf is the JSON `{"position":…,"recorded":…,"envelope":{…}}` without white space, the
/// envelope as [`Envelope::to_json`] writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From 0.
    pub position: u64,
    /// The ledger's time.
    pub recorded: Timestamp,
    /// What was signed.
    pub payload: Payload,
    /// By whom it says that it was signed: the account it is from.
    pub signature: Signature,
}

/// Why bytes are not an entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Not the JSON of an entry.
    #[error("it is not an entry: {0}")]
    Form(#[from] serde_json::Error),
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Not a transfer, or not signed by the account it is from.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// Not written in the one form.
    #[error("it is not written in its one canonical form")]
    NotCanonical,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    position: u64,
    recorded: Timestamp,
    #[serde(borrow)]
    envelope: &'a RawValue,
}

/// The leaf of a transfer whose envelope is this JSON.
pub fn leaf(position: u64, recorded: Timestamp, envelope: &str) -> Vec<u8> {
    format!(r#"{{"position":{position},"recorded":"{recorded}","envelope":{envelope}}}"#).into_bytes()
}

impl Entry {
    /// Reads a leaf: only the canonical form, only a valid transfer with one signature.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let Wire { position, recorded, envelope: raw } = serde_json::from_slice(bytes)?;
        let envelope = Envelope::from_json(raw.get().as_bytes())?;
        if leaf(position, recorded, &envelope.to_json()) != bytes {
            return Err(EntryError::NotCanonical);
        }
        let (payload, signature) = Payload::from_envelope(&envelope)?;
        Ok(Self { position, recorded, payload, signature })
    }

    /// Verifies the signature.
    pub fn verify(self) -> Result<SignedTransfer, TransferError> {
        SignedTransfer::verify(self.payload, self.signature)
    }
}
