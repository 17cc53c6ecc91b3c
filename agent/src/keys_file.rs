//! The public keys of a home folder: what verification needs when neither token nor agent is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use serde::{Deserialize, Serialize};

use crate::token::keyring::Keyring;

/// The file's name in the home folder.
pub const FILE: &str = "keys.json";
/// Longest file in bytes; ten thousand accounts fit.
const LONGEST: u64 = 2 << 20;

/// The public key of each role, written by `bursar init`. Whoever can change this file decides
/// what `verify` believes; to verify for somebody else, name the key with `--key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysFile {
    /// Signs the audit log's checkpoints.
    pub audit: PublicKey,
    /// Signs the embedded ledger's checkpoints; absent without an embedded ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<PublicKey>,
    /// Decides on payments, freezes and lifts; absent where nobody approves with this token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<PublicKey>,
    /// Decides on policy bundles; absent where nobody administers with this token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<PublicKey>,
    /// Account name to key.
    #[serde(default)]
    pub accounts: BTreeMap<Name, PublicKey>,
}

/// Why the public keys of a home are not known.
#[derive(Debug, thiserror::Error)]
pub enum KeysFileError {
    /// There is no file.
    #[error(
        "{0} is missing, so it is not known by which keys to verify; start the agent once (`bursar serve` writes it \
         again from the token), or name the key with --key"
    )]
    Missing(PathBuf),
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it has to be.
    #[error("{path}: {what}; delete it, and `bursar serve` writes it again from the token")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
}

impl KeysFile {
    /// The public halves of a home's keys.
    pub fn of(keys: &Keyring) -> Self {
        Self {
            audit: *keys.audit().public(),
            node: keys.node().map(|key| *key.public()),
            approver: keys.approver().map(|key| *key.public()),
            administrator: keys.administrator().map(|key| *key.public()),
            accounts: keys.accounts().map(|(name, key)| (name.clone(), *key.public())).collect(),
        }
    }

    /// Reads the file of a home folder.
    pub fn load(home: &Path) -> Result<Self, KeysFileError> {
        let path = home.join(FILE);
        let bytes = match crate::durable::read(&path, LONGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(KeysFileError::Missing(path));
            }
            Err(source) => return Err(KeysFileError::Io { path, source }),
        };
        serde_json::from_slice(&bytes).map_err(|error| KeysFileError::Form { path, what: error.to_string() })
    }

    /// Writes the file of a home folder, whole or not at all, and durably.
    pub fn save(&self, home: &Path) -> Result<(), KeysFileError> {
        let path = home.join(FILE);
        let write = || {
            let mut text = serde_json::to_string_pretty(self)?;
            text.push('\n');
            crate::durable::replace(&path, text.as_bytes())
        };
        write().map_err(|source| KeysFileError::Io { path: path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    // The public keys of RFC 8032, section 7.1, tests 1, 2 and 3.
    const AUDIT: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const EXPENSES: &str = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const APPROVER: &str = "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";

    #[test]
    fn reads_what_it_writes() {
        let home = tempfile::tempdir().unwrap();
        let keys = KeysFile {
            audit: AUDIT.parse().unwrap(),
            node: None,
            approver: Some(APPROVER.parse().unwrap()),
            administrator: None,
            accounts: [("expenses".parse().unwrap(), EXPENSES.parse().unwrap())].into(),
        };
        keys.save(home.path()).unwrap();
        assert_eq!(KeysFile::load(home.path()).unwrap(), keys);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(KeysFile::load(home.path()), Err(KeysFileError::Missing(_))));
        for text in [
            format!(r#"{{"audit":"{AUDIT}","typo":1}}"#),
            r#"{"accounts":{}}"#.to_owned(),
            r#"{"audit":"ed25519:00"}"#.to_owned(),
            "[".to_owned(),
        ] {
            std::fs::write(home.path().join(FILE), &text).unwrap();
            assert!(matches!(KeysFile::load(home.path()), Err(KeysFileError::Form { .. })), "{text}");
        }
    }
}
