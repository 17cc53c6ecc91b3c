//! C2SP signed notes: text with signature lines below it.
//!
//! Specification: <https://c2sp.org/signed-note>. Of the signature types only 0x01, Ed25519.

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use super::checkpoint::CheckpointError;
use crate::key::{PublicKey, Signature};

/// Longest note, in bytes; 16 signature lines and more fit.
pub const MAX_NOTE: usize = 16 * 1024;

/// The line that carries `signature` by `key` under the name `name`, with its newline.
pub(super) fn signature_line(name: &str, key: &[u8; 32], signature: &Signature) -> String {
    let mut bytes = key_id(name, key).to_vec();
    bytes.extend_from_slice(&signature.0);
    format!("\u{2014} {name} {}\n", BASE64.encode(&bytes))
}

/// The text of a note on which `key`, known by `name`, has signed.
///
/// Signatures by other keys are passed over, as the specification demands.
pub fn open<'a>(note: &'a str, name: &str, key: &PublicKey) -> Result<&'a str, CheckpointError> {
    let PublicKey::Ed25519(key_bytes) = key else { return Err(CheckpointError::Algorithm) };
    let control = note.bytes().any(|b| b < b' ' && b != b'\n');
    if note.len() > MAX_NOTE || control {
        return Err(CheckpointError::Form);
    }
    let (body, lines) = note.rsplit_once("\n\n").ok_or(CheckpointError::Form)?;
    let lines = lines.strip_suffix('\n').ok_or(CheckpointError::Form)?;
    // The text keeps its own last newline.
    let text = note.get(..=body.len()).ok_or(CheckpointError::Form)?;
    let id = key_id(name, key_bytes);
    let mut signed = false;
    for line in lines.split('\n') {
        let (signer, bytes) = signature_of(line).ok_or(CheckpointError::Form)?;
        let Some(signature) = bytes.strip_prefix(&id).filter(|_| signer == name) else { continue };
        let signature = signature.try_into().map_err(|_| CheckpointError::Signature)?;
        if !key.verify(text.as_bytes(), &Signature(signature)) {
            return Err(CheckpointError::Signature);
        }
        signed = true;
    }
    if signed { Ok(text) } else { Err(CheckpointError::Unsigned) }
}

fn signature_of(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, base64) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    Some((name, BASE64.decode(base64.as_bytes()).ok().filter(|bytes| bytes.len() > 4 && !name.is_empty())?))
}

/// First four bytes of SHA-256 over name, newline, 0x01 and the key.
fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', 1]).chain_update(key).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}
