//! C2SP checkpoints: what a log's key says about its size and root.
//!
//! Specification: <https://c2sp.org/tlog-checkpoint>. Extension lines are refused: we write none.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;

use super::{Hash, note};
use crate::key::{PublicKey, Signature};

/// Size and root of a log, under the log's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// Number of its entries.
    pub size: u64,
    /// Its RFC 6962 root.
    pub root: Hash,
}

/// Name of a log, and of the key that signs for it: 1 to 128 bytes of printable ASCII without
/// space or `+`, by custom a URL without scheme.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// Longest origin in bytes.
pub const MAX_ORIGIN: usize = 128;

/// Why a text is not a checkpoint of this log, signed by its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a name of a log.
    #[error("{0:?} cannot name a log; use 1 to {MAX_ORIGIN} printable ASCII characters without space or +")]
    Origin(String),
    /// Not in the form of a signed note with a checkpoint in it.
    #[error(
        "this is not a C2SP checkpoint: origin, size, root, an empty line and signature lines; copy it again whole"
    )]
    Form,
    /// Of another log.
    #[error("this checkpoint is of the log {0:?}, another one; take the one of this log")]
    OtherLog(String),
    /// Not by an Ed25519 key.
    #[error("checkpoints are signed by an Ed25519 key; configure one for the log")]
    Algorithm,
    /// No signature line is by the log's key.
    #[error("no signature on this checkpoint is by the log's key; it proves nothing")]
    Unsigned,
    /// The log's signature does not hold.
    #[error("the log's signature on this checkpoint does not hold: it was changed; do not rely on it")]
    Signature,
}

impl Origin {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let fits = (1..=MAX_ORIGIN).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_graphic() && b != b'+') {
            Ok(Self(text.to_owned()))
        } else {
            Err(CheckpointError::Origin(text.chars().take(MAX_ORIGIN).collect()))
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Checkpoint {
    /// The text that the log's key signs: origin, size in decimal and root in base64, a line each.
    pub fn text_to_sign(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root))
    }

    /// Puts the log's signature on it, if it holds.
    pub fn attach(self, key: &PublicKey, signature: &Signature) -> Result<SignedCheckpoint, CheckpointError> {
        let PublicKey::Ed25519(bytes) = key else { return Err(CheckpointError::Algorithm) };
        let text = self.text_to_sign();
        if !key.verify(text.as_bytes(), signature) {
            return Err(CheckpointError::Signature);
        }
        let note = format!("{text}\n{}", note::signature_line(self.origin.as_str(), bytes, signature));
        Ok(SignedCheckpoint { checkpoint: self, note })
    }

    fn from_text(text: &str, origin: &Origin) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Form)?.split('\n');
        let (Some(name), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Form);
        };
        if name != origin.as_str() {
            return Err(CheckpointError::OtherLog(name.chars().take(MAX_ORIGIN).collect()));
        }
        let size: u64 = size.parse().map_err(|_| CheckpointError::Form)?;
        let root = BASE64.decode(root.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let checkpoint = Self { origin: origin.clone(), size, root: root.ok_or(CheckpointError::Form)? };
        // One spelling: no sign or leading zero in the size.
        if checkpoint.text_to_sign() == text { Ok(checkpoint) } else { Err(CheckpointError::Form) }
    }
}

/// A checkpoint with its log's signature; having one is the proof that the signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: String,
}

impl SignedCheckpoint {
    /// Reads a signed note and verifies the log's signature on it. Signatures by other keys
    /// (witnesses) stay in the text and are not looked at.
    pub fn parse(note: &str, origin: &Origin, key: &PublicKey) -> Result<Self, CheckpointError> {
        let text = note::open(note, origin.as_str(), key)?;
        Ok(Self { checkpoint: Checkpoint::from_text(text, origin)?, note: note.to_owned() })
    }

    /// What the log says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The whole signed note.
    pub fn as_str(&self) -> &str {
        &self.note
    }
}
