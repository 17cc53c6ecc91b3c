//! Verifying the audit log where it is written.

use bursar_core::key::PublicKey;
use bursar_core::log::{Origin, SignedCheckpoint};
use bursar_core::time::Timestamp;

use super::verify::Verified;
use crate::book::hex::Hex;
use crate::book::read;
use crate::cli::error::{CliError, unverified};
use crate::config::Config;
use crate::keys_file::KeysFile;

/// Every record, every table, the root, and the signature on the latest checkpoint.
pub fn verify(config: &Config, key: Option<PublicKey>) -> Result<Verified, CliError> {
    let key = match key {
        Some(key) => key,
        None => KeysFile::load(&config.home)?.audit,
    };
    let book = read::open(&config.home)?;
    let whole = read::whole(&book, None, Timestamp::EPOCH, |_| ()).map_err(unverified)?;
    let origin: Origin = config.audit_origin().parse().map_err(wrong)?;
    let signed = match &whole.checkpoint {
        None => None,
        Some((note, root)) => {
            let signed = SignedCheckpoint::parse(note, &origin, &key).map_err(wrong)?;
            let size = signed.checkpoint().size;
            match root {
                None => {
                    return Err(CliError::Unverified(format!(
                        "the audit key has signed for {size} records, and the book has {}: records are gone; put the current book.db back",
                        whole.size
                    )));
                }
                Some(root) if *root != signed.checkpoint().root => {
                    return Err(CliError::Unverified(format!(
                        "the first {size} records of the book are not those that the audit key has signed for: the book was changed; keep it as evidence and put the right book.db back"
                    )));
                }
                Some(_) => Some(size),
            }
        }
    };
    Ok(Verified {
        verified: true,
        origin: origin.to_string(),
        key,
        records: whole.size,
        root: Hex(whole.root),
        signed,
    })
}

fn wrong(error: bursar_core::log::CheckpointError) -> CliError {
    CliError::Unverified(error.to_string())
}
