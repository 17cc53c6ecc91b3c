//! Statements and their one encoding.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::ApprovalError;
use crate::decode::transfer::MAX_SIGNING_BYTES;
use crate::envelope::pae;
use crate::name::Name;

/// Something that one person says by signature.
///
/// Its encoding is JSON without white space, its fields in the order of the type: lower-case hex
/// for digests, RFC 3339 UTC for times; in texts only `"` and `\` are escaped.
pub trait Statement:
    Clone + fmt::Debug + PartialEq + Eq + Serialize + DeserializeOwned + Send + 'static
{
    /// Its DSSE payload type: no two statements share one.
    const PAYLOAD_TYPE: &'static str;
    /// What it is called in messages, with its article.
    const NOUN: &'static str;

    /// Does it keep the rules that its types do not already keep?
    fn check(&self) -> Result<(), ApprovalError>;

    /// Who says it. Whether the key is that person's, a [`Roster`](super::Roster) knows.
    fn person(&self) -> &Name;
}

/// A statement that keeps all rules, together with its one encoding and its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload<T> {
    statement: T,
    bytes: Vec<u8>,
    digest: [u8; 32],
}

impl<T: Statement> Payload<T> {
    /// Writes a statement in its canonical form, if it keeps the rules.
    pub fn encode(statement: T) -> Result<Self, ApprovalError> {
        let bytes = canonical(T::NOUN, &statement)?;
        Self::new(statement, bytes)
    }

    /// Reads the canonical form, and nothing else.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, ApprovalError> {
        let statement = read_canonical(T::NOUN, &bytes)?;
        Self::new(statement, bytes)
    }

    fn new(statement: T, bytes: Vec<u8>) -> Result<Self, ApprovalError> {
        statement.check()?;
        let signing = pae(T::PAYLOAD_TYPE, &bytes);
        if signing.len() >= MAX_SIGNING_BYTES {
            return Err(ApprovalError::TooLong(signing.len()));
        }
        Ok(Self { statement, bytes, digest: Sha256::digest(&signing).into() })
    }

    /// What it says.
    pub fn statement(&self) -> &T {
        &self.statement
    }

    /// Its canonical encoding.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes that are signed: DSSE's PAE.
    pub fn signing_bytes(&self) -> Vec<u8> {
        pae(T::PAYLOAD_TYPE, &self.bytes)
    }

    /// SHA-256 of the bytes that are signed, whatever the signature.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

/// JSON without white space, fields in the order of the type.
pub(super) fn canonical<T: Serialize>(noun: &'static str, value: &T) -> Result<Vec<u8>, ApprovalError> {
    serde_json::to_vec(value).map_err(|e| ApprovalError::Form { noun, what: e.to_string() })
}

/// Reads what [`canonical`] writes, and no other spelling of it.
pub(super) fn read_canonical<T>(noun: &'static str, bytes: &[u8]) -> Result<T, ApprovalError>
where
    T: Serialize + DeserializeOwned,
{
    // Before the parser, so that it never works on more than this.
    if bytes.len() >= MAX_SIGNING_BYTES {
        return Err(ApprovalError::TooLong(bytes.len()));
    }
    let value: T =
        serde_json::from_slice(bytes).map_err(|e| ApprovalError::Form { noun, what: e.to_string() })?;
    if canonical(noun, &value)? == bytes { Ok(value) } else { Err(ApprovalError::NotCanonical(noun)) }
}
