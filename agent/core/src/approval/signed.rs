//! A statement with the signature of the person who made it.

use super::{ApprovalError, Payload, Statement};
use crate::envelope::{Envelope, EnvelopeSignature};
use crate::key::{PublicKey, Signature, Verifier};

/// A statement and its one signature. Having one is the proof that the signature holds; whose key
/// it is, a [`Roster`](super::Roster) tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    payload: Payload<T>,
    key: PublicKey,
    signature: Signature,
}

impl<T: Statement> Signed<T> {
    /// Verifies that the owner of this key signed this payload; Ed25519 and P-256 only.
    pub fn verify(
        payload: Payload<T>,
        key: &PublicKey,
        signature: &Signature,
    ) -> Result<Self, ApprovalError> {
        if !may_decide(key) {
            return Err(ApprovalError::Algorithm(*key));
        }
        let verifier = Verifier::new(key);
        if verifier.is_some_and(|verifier| verifier.verify(&payload.signing_bytes(), signature)) {
            Ok(Self { payload, key: *key, signature: *signature })
        } else {
            Err(ApprovalError::Signature { key: *key, noun: T::NOUN })
        }
    }

    /// Decodes and verifies what an envelope carries; it has exactly one signature.
    pub fn from_envelope(envelope: &Envelope) -> Result<Self, ApprovalError> {
        if envelope.payload_type != T::PAYLOAD_TYPE {
            return Err(ApprovalError::Type {
                found: envelope.payload_type.chars().take(100).collect(),
                expected: T::PAYLOAD_TYPE,
                noun: T::NOUN,
            });
        }
        let [only] = envelope.signatures.as_slice() else {
            return Err(ApprovalError::Signatures { noun: T::NOUN, found: envelope.signatures.len() });
        };
        Self::verify(Payload::decode(envelope.payload.clone())?, &only.keyid, &only.signature)
    }

    /// Reads and verifies the JSON of an envelope.
    pub fn parse(json: &[u8]) -> Result<Self, ApprovalError> {
        Self::from_envelope(&Envelope::from_json(json)?)
    }

    /// The statement and its signature as a DSSE envelope.
    pub fn to_envelope(&self) -> Envelope {
        Envelope {
            payload_type: T::PAYLOAD_TYPE.to_owned(),
            payload: self.payload.bytes().to_vec(),
            signatures: vec![EnvelopeSignature { keyid: self.key, signature: self.signature }],
        }
    }

    /// The JSON of that envelope.
    pub fn to_json(&self) -> String {
        self.to_envelope().to_json()
    }

    /// What was signed.
    pub fn statement(&self) -> &T {
        self.payload.statement()
    }

    /// What was signed, in its encoding.
    pub fn payload(&self) -> &Payload<T> {
        &self.payload
    }

    /// Who signed, as far as a key tells.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// SHA-256 of the bytes that were signed, whatever the signature: the statement's id.
    pub fn digest(&self) -> [u8; 32] {
        self.payload.digest()
    }
}

/// People's keys are Ed25519 or P-256: tokens for people have those, and secp256k1 is for accounts.
pub(super) fn may_decide(key: &PublicKey) -> bool {
    matches!(key, PublicKey::Ed25519(_) | PublicKey::P256(_))
}
