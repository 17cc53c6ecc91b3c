//! DSSE v1.0.2 envelopes: signed bytes with their type.
//!
//! Specification: <https://github.com/secure-systems-lab/dsse> (`protocol.md`, `envelope.md`).
//! Two things are stricter than there: base64 is the standard alphabet with padding only, and
//! `keyid` is required and holds the public key itself, so that one envelope has one spelling
//! of each value.

use std::borrow::Cow;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::key::{PublicKey, Signature};

/// Longest JSON text of an envelope, in bytes.
pub const MAX_ENVELOPE: usize = 16 * 1024;
/// Longest payload, in bytes; what a YubiHSM signs at once.
pub const MAX_PAYLOAD: usize = 2048;
/// Longest payload type, in bytes.
pub const MAX_PAYLOAD_TYPE: usize = 128;
/// Most signatures on one envelope.
pub const MAX_SIGNATURES: usize = 32;

/// DSSE's pre-authentication encoding: the bytes that are signed.
///
/// `DSSEv1 <length of type> <type> <length of payload> <payload>`, lengths in bytes, decimal.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    let mut bytes = Vec::with_capacity(head.len() + payload.len());
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A payload, its type and the signatures over both. Nothing here says that a signature holds.
///
/// As JSON `{"payloadType":…,"payload":base64,"signatures":[{"keyid":…,"sig":base64}]}`. An
/// Ed25519 signature is its 64 bytes; an ECDSA signature is ASN.1 DER, as DSSE libraries expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is and how it is read, as a media type.
    pub payload_type: String,
    /// The bytes that are signed together with their type.
    pub payload: Vec<u8>,
    /// At least one; no key twice.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an [`Envelope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// Whose it claims to be.
    pub keyid: PublicKey,
    /// Over [`pae`] of the envelope's type and payload.
    pub signature: Signature,
}

/// Why a text is not an envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Longer than one of the limits of this module.
    #[error("the envelope's {what} is longer than {limit} bytes; send one transaction in one envelope")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Not the JSON of an envelope.
    #[error(
        "this is not a DSSE envelope: {0}; it has exactly payloadType, payload and signatures with keyid and sig"
    )]
    Form(String),
    /// Not base64 in the standard alphabet with padding.
    #[error("the envelope's {0} is not standard base64 with padding; encode it again")]
    Base64(&'static str),
    /// Not one to [`MAX_SIGNATURES`] signatures, or one key twice.
    #[error("an envelope carries 1 to {MAX_SIGNATURES} signatures, each by another key; sign it again")]
    Signatures,
    /// Not written as `ed25519:…`, `p256:…` or `secp256k1:…`.
    #[error("the keyid {0:?} is not a public key written as ed25519:…, p256:… or secp256k1:…")]
    KeyId(String),
    /// Not a signature of its key's algorithm in the one accepted form.
    #[error(
        "a signature is malformed: Ed25519 takes 64 bytes, ECDSA strict DER with low S; sign again with a current library"
    )]
    Signature,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    payload_type: Cow<'a, str>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
    #[serde(borrow)]
    signatures: Vec<WireSignature<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature<'a> {
    #[serde(borrow)]
    keyid: Cow<'a, str>,
    #[serde(borrow)]
    sig: Cow<'a, str>,
}

impl Envelope {
    /// Reads the JSON form. Unknown and duplicate fields are refused, and so is every size
    /// beyond this module's limits.
    pub fn from_json(json: &[u8]) -> Result<Self, EnvelopeError> {
        limit("text", json.len(), MAX_ENVELOPE)?;
        let wire: Wire = serde_json::from_slice(json).map_err(|e| EnvelopeError::Form(e.to_string()))?;
        limit("payloadType", wire.payload_type.len(), MAX_PAYLOAD_TYPE)?;
        let payload = base64("payload", &wire.payload)?;
        limit("payload", payload.len(), MAX_PAYLOAD)?;
        let signatures: Vec<_> = wire.signatures.iter().map(WireSignature::read).collect::<Result<_, _>>()?;
        let repeated =
            (1..signatures.len()).any(|i| signatures[..i].iter().any(|s| s.keyid == signatures[i].keyid));
        if signatures.is_empty() || signatures.len() > MAX_SIGNATURES || repeated {
            return Err(EnvelopeError::Signatures);
        }
        Ok(Self { payload_type: wire.payload_type.into_owned(), payload, signatures })
    }

    /// Writes the JSON form, without white space, in the field order given above.
    pub fn to_json(&self) -> String {
        let wire = Wire {
            payload_type: Cow::Borrowed(&self.payload_type),
            payload: Cow::Owned(BASE64.encode(&self.payload)),
            signatures: self.signatures.iter().map(WireSignature::write).collect(),
        };
        // Text fields only: writing them into memory has no way to fail.
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// The bytes that each signature is over.
    pub fn signing_bytes(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

impl WireSignature<'_> {
    fn read(&self) -> Result<EnvelopeSignature, EnvelopeError> {
        let unknown = || EnvelopeError::KeyId(self.keyid.chars().take(100).collect());
        let keyid: PublicKey = self.keyid.parse().map_err(|_| unknown())?;
        // The parser takes an address, too; here every key has one spelling.
        if keyid.to_string() != self.keyid {
            return Err(unknown());
        }
        let signature = decode_signature(&keyid, &base64("sig", &self.sig)?)?;
        Ok(EnvelopeSignature { keyid, signature })
    }

    fn write(from: &EnvelopeSignature) -> Self {
        let sig = encode_signature(&from.keyid, &from.signature);
        Self { keyid: Cow::Owned(from.keyid.to_string()), sig: Cow::Owned(BASE64.encode(&sig)) }
    }
}

fn limit(what: &'static str, length: usize, limit: usize) -> Result<(), EnvelopeError> {
    if length <= limit { Ok(()) } else { Err(EnvelopeError::TooLong { what, limit }) }
}

fn base64(what: &'static str, text: &str) -> Result<Vec<u8>, EnvelopeError> {
    BASE64.decode(text.as_bytes()).map_err(|_| EnvelopeError::Base64(what))
}

/// ECDSA: the DER of RFC 3279, section 2.2.3, in its one spelling and with low S only.
fn decode_signature(key: &PublicKey, bytes: &[u8]) -> Result<Signature, EnvelopeError> {
    let fixed: Option<[u8; 64]> = match key {
        PublicKey::Ed25519(_) => bytes.try_into().ok(),
        PublicKey::P256(_) => p256::ecdsa::Signature::from_der(bytes)
            .ok()
            .filter(|s| s.normalize_s() == *s && s.to_der().as_bytes() == bytes)
            .map(|s| s.to_bytes().into()),
        PublicKey::Secp256k1(_) => k256::ecdsa::Signature::from_der(bytes)
            .ok()
            .filter(|s| s.normalize_s() == *s && s.to_der().as_bytes() == bytes)
            .map(|s| s.to_bytes().into()),
    };
    fixed.map(Signature).ok_or(EnvelopeError::Signature)
}

fn encode_signature(key: &PublicKey, signature: &Signature) -> Vec<u8> {
    let der = match key {
        PublicKey::Ed25519(_) => None,
        PublicKey::P256(_) => {
            p256::ecdsa::Signature::from_slice(&signature.0).ok().map(|s| s.to_der().as_bytes().to_vec())
        }
        PublicKey::Secp256k1(_) => {
            k256::ecdsa::Signature::from_slice(&signature.0).ok().map(|s| s.to_der().as_bytes().to_vec())
        }
    };
    // Out-of-range scalars have no DER form; no reader accepts the raw bytes in their place.
    der.unwrap_or_else(|| signature.0.to_vec())
}
