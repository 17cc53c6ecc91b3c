//! A transfer whose signature holds.

use super::{Payload, TransferError};
use crate::envelope::{Envelope, EnvelopeSignature};
use crate::key::{Signature, Verifier};

/// A transfer and the signature of the account it is from. Having one is the proof that the signature holds: the
/// two constructors verify it, and nothing downstream does so again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransfer {
    payload: Payload,
    signature: Signature,
}

impl SignedTransfer {
    /// Verifies that the account it is from signed this payload.
    pub fn verify(payload: Payload, signature: Signature) -> Result<Self, TransferError> {
        let from = payload.transfer().from;
        let verifier = Verifier::new(&from).ok_or(TransferError::Signature(from))?;
        Self::verify_with(&verifier, payload, signature)
    }

    /// [`SignedTransfer::verify`] with that account's key made ready; another key does not count.
    pub fn verify_with(
        verifier: &Verifier,
        payload: Payload,
        signature: Signature,
    ) -> Result<Self, TransferError> {
        let from = payload.transfer().from;
        if *verifier.key() == from && verifier.verify(&payload.signing_bytes(), &signature) {
            Ok(Self { payload, signature })
        } else {
            Err(TransferError::Signature(from))
        }
    }

    /// Decodes and verifies what an envelope carries; its only signature is by the account it is from.
    pub fn from_envelope(envelope: &Envelope) -> Result<Self, TransferError> {
        let (payload, signature) = Payload::from_envelope(envelope)?;
        Self::verify(payload, signature)
    }

    /// The transfer and its signature as a DSSE envelope.
    pub fn to_envelope(&self) -> Envelope {
        Envelope {
            payload_type: self.payload.kind().payload_type().to_owned(),
            payload: self.payload.bytes().to_vec(),
            signatures: vec![EnvelopeSignature {
                keyid: self.payload.transfer().from,
                signature: self.signature,
            }],
        }
    }

    /// What was signed.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The signature over [`Payload::signing_bytes`].
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}
