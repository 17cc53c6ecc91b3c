//! A transfer in the one form in which it is signed.

use sha2::{Digest, Sha256};

use super::{Kind, MAX_LIFE_MS, MAX_SIGNING_BYTES, Transfer, TransferError};
use crate::envelope::{Envelope, pae};
use crate::intent::{Intent, Value};
use crate::key::Signature;

/// A transfer that keeps all rules, together with its one encoding and its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    kind: Kind,
    transfer: Transfer,
    bytes: Vec<u8>,
    digest: [u8; 32],
}

impl Payload {
    /// Writes a payment in its canonical form, if it keeps the rules.
    pub fn encode(transfer: Transfer) -> Result<Self, TransferError> {
        Self::encode_as(Kind::Pay, transfer)
    }

    /// Writes a payment or an issue in its canonical form, if it keeps the rules.
    pub fn encode_as(kind: Kind, transfer: Transfer) -> Result<Self, TransferError> {
        let bytes = canonical(&transfer)?;
        Self::new(kind, transfer, bytes)
    }

    /// Reads the canonical form, and nothing else. Which of the two it is, the bytes do not say:
    /// the payload type does, or whoever kept them.
    pub fn decode(kind: Kind, bytes: Vec<u8>) -> Result<Self, TransferError> {
        // Before the parser, so that it never works on more than this.
        if bytes.len() >= MAX_SIGNING_BYTES {
            return Err(TransferError::TooLong(bytes.len()));
        }
        let transfer: Transfer =
            serde_json::from_slice(&bytes).map_err(|e| TransferError::Form(e.to_string()))?;
        if canonical(&transfer)? != bytes {
            return Err(TransferError::NotCanonical);
        }
        Self::new(kind, transfer, bytes)
    }

    /// Reads what an envelope carries: the payload, and the only signature, which is said to be
    /// by the account it is from. Whether it holds, [`SignedTransfer::verify`](super::SignedTransfer::verify) tells.
    pub fn from_envelope(envelope: &Envelope) -> Result<(Self, Signature), TransferError> {
        let kind = Kind::of_payload_type(&envelope.payload_type)
            .ok_or_else(|| TransferError::Type(envelope.payload_type.chars().take(100).collect()))?;
        let payload = Self::decode(kind, envelope.payload.clone())?;
        match envelope.signatures.as_slice() {
            [only] if only.keyid == payload.transfer.from => Ok((payload, only.signature)),
            _ => Err(TransferError::Signer(payload.transfer.from)),
        }
    }

    fn new(kind: Kind, transfer: Transfer, bytes: Vec<u8>) -> Result<Self, TransferError> {
        let Transfer { created, valid_until, .. } = transfer;
        let life = valid_until.millis() - created.millis();
        if transfer.amount.is_zero() {
            return Err(TransferError::Nothing);
        }
        if transfer.from == transfer.to {
            return Err(TransferError::SameAccount);
        }
        if created.whole_seconds() != created || valid_until.whole_seconds() != valid_until {
            return Err(TransferError::Fraction);
        }
        if !(1..=MAX_LIFE_MS).contains(&life) {
            return Err(TransferError::Life { created, valid_until });
        }
        let signing = pae(kind.payload_type(), &bytes);
        if signing.len() >= MAX_SIGNING_BYTES {
            return Err(TransferError::TooLong(signing.len()));
        }
        Ok(Self { kind, transfer, bytes, digest: Sha256::digest(&signing).into() })
    }

    /// Which of the two it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it says.
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// Its canonical encoding.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it does, for the policy.
    pub fn intent(&self) -> Intent {
        let Transfer { ledger, from, to, asset, amount, created, valid_until, .. } = self.transfer.clone();
        Intent {
            action: self.kind.action(),
            ledger,
            from,
            to: Some(to),
            value: Some(Value { asset, amount }),
            fee: None,
            selector: None,
            created,
            valid_until,
        }
    }

    /// The bytes that are signed: DSSE's PAE.
    pub fn signing_bytes(&self) -> Vec<u8> {
        pae(self.kind.payload_type(), &self.bytes)
    }

    /// Id of the transaction: SHA-256 of the bytes that are signed, whatever the signature.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

fn canonical(transfer: &Transfer) -> Result<Vec<u8>, TransferError> {
    serde_json::to_vec(transfer).map_err(|e| TransferError::Form(e.to_string()))
}
