//! `transfer.v1`, the transaction of Bursar's native ledgers: one account pays another.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

pub use super::memo::{MAX_MEMO, Memo, MemoError};
use crate::amount::Amount;
use crate::envelope::{Envelope, EnvelopeSignature, pae};
use crate::intent::{Action, Intent, LedgerId, Value};
use crate::key::{PublicKey, Signature, Verifier};
use crate::name::Name;
use crate::time::Timestamp;

/// DSSE payload type of a [`Transfer`].
pub const PAYLOAD_TYPE: &str = "application/vnd.bursar.transfer.v1+json";

/// What is signed stays below this many bytes, so that every token signs it at once (a YubiHSM
/// takes 2,048).
pub const MAX_SIGNING_BYTES: usize = 1900;

/// Longest life of a transaction, in milliseconds: 24 hours.
pub const MAX_LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// A payment as it is written down. A [`Payload`] is one that keeps all rules.
///
/// Its encoding is JSON without white space, with these fields in this order: hex for ids,
/// tagged hex for keys, digits for the amount, RFC 3339 UTC in whole seconds for times; in the
/// memo only `"` and `\` are escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Id of the ledger it is for.
    pub ledger: LedgerId,
    /// The account that pays, and whose signature it needs.
    pub from: PublicKey,
    /// The account that receives; another one.
    pub to: PublicKey,
    /// What is paid in.
    pub asset: Name,
    /// Minor units, more than zero.
    pub amount: Amount,
    /// A note.
    pub memo: Memo,
    /// Makes it unlike every other transaction of this account, for ever.
    pub nonce: Nonce,
    /// When it was made; whole seconds.
    pub created: Timestamp,
    /// From then on no ledger records it; whole seconds, after `created`, at most 24 h.
    pub valid_until: Timestamp,
}

/// 16 random bytes, as text 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub [u8; 16]);

/// Why a text is not a [`Nonce`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is 32 lower-case hex digits")]
pub struct NonceError;

/// Why bytes are not a valid transfer, or not signed by its payer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The payload type is another one.
    #[error("the payload type is {0:?}, not {PAYLOAD_TYPE}; only known transactions are accepted")]
    Type(String),
    /// Too long to be signed by every token.
    #[error("what is signed has to stay below {MAX_SIGNING_BYTES} bytes, it has {0}; shorten the memo")]
    TooLong(usize),
    /// Not the JSON of a transfer.
    #[error("this is not a transfer.v1: {0}; write its nine fields as the format says")]
    Form(String),
    /// Well-formed JSON, but not the one encoding of its content.
    #[error(
        "this transfer is not written in its one canonical form; write the fields in their order, without white space or needless escapes"
    )]
    NotCanonical,
    /// Pays nothing.
    #[error("the amount is zero; pay at least one minor unit")]
    Nothing,
    /// Pays itself.
    #[error("payer and recipient are the same account; name another recipient")]
    SameAccount,
    /// A fraction of a second.
    #[error("created and valid_until are whole seconds; leave the fraction out")]
    Fraction,
    /// Ends before it begins, or lives too long.
    #[error(
        "valid_until has to be after created, by at most 24 hours; it is {valid_until}, created {created}"
    )]
    Life {
        /// When it was made.
        created: Timestamp,
        /// Its end.
        valid_until: Timestamp,
    },
    /// The envelope has another number of signatures, or one by another key.
    #[error("a transfer carries exactly one signature, by the account that pays; have {0} sign it")]
    Signer(PublicKey),
    /// The signature does not hold.
    #[error("the signature of {0} does not hold for this transfer; sign it again")]
    Signature(PublicKey),
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Nonce {
    type Err = NonceError;

    fn from_str(text: &str) -> Result<Self, NonceError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| NonceError)?;
        bytes.try_into().map(Self).map_err(|_| NonceError)
    }
}

impl Serialize for Nonce {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}

/// A transfer that keeps all rules, together with its one encoding and its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    transfer: Transfer,
    bytes: Vec<u8>,
    digest: [u8; 32],
}

impl Payload {
    /// Writes a transfer in its canonical form, if it keeps the rules.
    pub fn encode(transfer: Transfer) -> Result<Self, TransferError> {
        let bytes = canonical(&transfer)?;
        Self::new(transfer, bytes)
    }

    /// Reads the canonical form, and nothing else.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, TransferError> {
        // Before the parser, so that it never works on more than this.
        if bytes.len() >= MAX_SIGNING_BYTES {
            return Err(TransferError::TooLong(bytes.len()));
        }
        let transfer: Transfer =
            serde_json::from_slice(&bytes).map_err(|e| TransferError::Form(e.to_string()))?;
        if canonical(&transfer)? != bytes {
            return Err(TransferError::NotCanonical);
        }
        Self::new(transfer, bytes)
    }

    /// Reads what an envelope carries: the payload, and the only signature, which is said to be
    /// the payer's. Whether it holds, [`SignedTransfer::verify`] tells.
    pub fn from_envelope(envelope: &Envelope) -> Result<(Self, Signature), TransferError> {
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(TransferError::Type(envelope.payload_type.chars().take(100).collect()));
        }
        let payload = Self::decode(envelope.payload.clone())?;
        match envelope.signatures.as_slice() {
            [only] if only.keyid == payload.transfer.from => Ok((payload, only.signature)),
            _ => Err(TransferError::Signer(payload.transfer.from)),
        }
    }

    fn new(transfer: Transfer, bytes: Vec<u8>) -> Result<Self, TransferError> {
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
        let signing = pae(PAYLOAD_TYPE, &bytes);
        if signing.len() >= MAX_SIGNING_BYTES {
            return Err(TransferError::TooLong(signing.len()));
        }
        Ok(Self { transfer, bytes, digest: Sha256::digest(&signing).into() })
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
            action: Action::Pay,
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

    /// The bytes that the payer signs: DSSE's PAE.
    pub fn signing_bytes(&self) -> Vec<u8> {
        pae(PAYLOAD_TYPE, &self.bytes)
    }

    /// Id of the transaction: SHA-256 of the bytes that the payer signs, whatever the signature.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

fn canonical(transfer: &Transfer) -> Result<Vec<u8>, TransferError> {
    serde_json::to_vec(transfer).map_err(|e| TransferError::Form(e.to_string()))
}

/// A transfer and its payer's signature. Having one is the proof that the signature holds: the
/// two constructors verify it, and nothing downstream does so again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransfer {
    payload: Payload,
    signature: Signature,
}

impl SignedTransfer {
    /// Verifies that the account that pays signed this payload.
    pub fn verify(payload: Payload, signature: Signature) -> Result<Self, TransferError> {
        let from = payload.transfer.from;
        let verifier = Verifier::new(&from).ok_or(TransferError::Signature(from))?;
        Self::verify_with(&verifier, payload, signature)
    }

    /// [`SignedTransfer::verify`] with the payer's key made ready; another key does not count.
    pub fn verify_with(
        verifier: &Verifier,
        payload: Payload,
        signature: Signature,
    ) -> Result<Self, TransferError> {
        let from = payload.transfer.from;
        if *verifier.key() == from && verifier.verify(&payload.signing_bytes(), &signature) {
            Ok(Self { payload, signature })
        } else {
            Err(TransferError::Signature(from))
        }
    }

    /// Decodes and verifies what an envelope carries; its only signature is the payer's.
    pub fn from_envelope(envelope: &Envelope) -> Result<Self, TransferError> {
        let (payload, signature) = Payload::from_envelope(envelope)?;
        Self::verify(payload, signature)
    }

    /// The transfer and its signature as a DSSE envelope.
    pub fn to_envelope(&self) -> Envelope {
        Envelope {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: self.payload.bytes.clone(),
            signatures: vec![EnvelopeSignature {
                keyid: self.payload.transfer.from,
                signature: self.signature,
            }],
        }
    }

    /// What was signed.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The payer's signature over [`Payload::signing_bytes`].
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}
