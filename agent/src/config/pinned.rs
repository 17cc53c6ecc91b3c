//! What a home that asks another agent knows of it, in `agent.json`: which home it is of, once and
//! for all, and which bundle stands in for a day for the home's own copy of the policy.

use std::path::{Path, PathBuf};

use bursar_core::approval::HomeId;
use bursar_core::hex::Hex;
use bursar_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;

/// The file's name in the home folder.
pub const FILE: &str = "agent.json";
/// The text of a bundle for an emergency, beside the home's own copy, which stays.
pub const BREAK_GLASS: &str = "policy.break-glass.toml";
/// Longest file, in bytes.
const LONGEST: u64 = 4096;

/// The agent that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// The id of its home: what is signed is for that home alone.
    pub home: HomeId,
    /// Break-glass, as it was agreed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<Emergency>,
}

/// A bundle that was taken over for a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    /// SHA-256 of its text.
    pub sha256: Hex<32>,
    /// From then on the own copy is what counts.
    pub until: Timestamp,
}

/// Why nothing is taken from an agent.
#[derive(Debug, thiserror::Error)]
pub enum PinnedError {
    /// The file.
    #[error(
        "{path}: {what}; it holds the id of the agent's home: write it again with `bursar policy fetch` after you have deleted it"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Another agent.
    #[error(
        "the agent that answers is that of the home {found}, and this home is for the one of {pinned}: another agent \
         answers, or its home was made anew. Nothing was signed or taken over. To decide for another agent make a home of \
         its own (`bursar init` with another --home); if it is the right one, as whoever runs it tells you \
         (`bursar status` shows its id there), delete {path}, then give `bursar policy fetch` again"
    )]
    Other {
        /// The home that answers.
        found: HomeId,
        /// The one that is known.
        pinned: HomeId,
        /// The file that says so.
        path: PathBuf,
    },
}

impl Pinned {
    /// A home of this id, whose policy is that of every day.
    pub fn new(home: HomeId) -> Self {
        Self { home, break_glass: None }
    }

    /// Reads the file of a home folder; `None` if no agent is known yet.
    pub fn load(folder: &Path) -> Result<Option<Self>, PinnedError> {
        let path = folder.join(FILE);
        let bytes = match durable::read(&path, LONGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(PinnedError::File { path, what: error.to_string() }),
        };
        let read = serde_json::from_slice(&bytes);
        read.map(Some).map_err(|error| PinnedError::File { path, what: error.to_string() })
    }

    /// The content of the file.
    pub fn to_json(&self) -> String {
        // Hex digits and a time become JSON.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Replaces the file of a home folder. Without it another home could answer unnoticed, so it is
    /// written before anything that was learnt from the agent.
    pub fn save(&self, folder: &Path) -> Result<(), PinnedError> {
        let path = folder.join(FILE);
        let written = durable::replace(&path, self.to_json().as_bytes());
        written.map_err(|error| PinnedError::File { path, what: error.to_string() })
    }

    /// Refuses an agent of another home than the one that this folder knows.
    pub fn check(pinned: Option<&Self>, folder: &Path, found: HomeId) -> Result<(), PinnedError> {
        match pinned {
            Some(pinned) if pinned.home != found => {
                Err(PinnedError::Other { found, pinned: pinned.home, path: folder.join(FILE) })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_written_is_known_and_nothing_else_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Pinned::load(folder.path()).unwrap(), None);
        let until = "2026-11-23T09:30:00Z".parse().unwrap();
        let emergency = Emergency { sha256: Hex([7; 32]), until };
        for pinned in [Pinned::new(Hex([1; 16])), Pinned { home: Hex([2; 16]), break_glass: Some(emergency) }]
        {
            pinned.save(folder.path()).unwrap();
            assert_eq!(Pinned::load(folder.path()).unwrap(), Some(pinned));
        }
        for text in ["", "{}", "{\"home\":\"01\"}", "{\"home\":\"01010101010101010101010101010101\",\"x\":1}"]
        {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            let error = Pinned::load(folder.path()).unwrap_err().to_string();
            assert!(error.contains("agent.json") && error.contains("policy fetch"), "{error}");
        }
    }

    #[test]
    fn another_home_is_refused_with_what_to_do() {
        let folder = Path::new("/home/anna/bursar");
        let (known, other) = (Pinned::new(Hex([1; 16])), Hex([2; 16]));
        assert!(Pinned::check(None, folder, other).is_ok());
        assert!(Pinned::check(Some(&known), folder, known.home).is_ok());
        let error = Pinned::check(Some(&known), folder, other).unwrap_err().to_string();
        for says in [&"01".repeat(16), &"02".repeat(16), "/home/anna/bursar/agent.json", "--home"] {
            assert!(error.contains(says), "{says}: {error}");
        }
    }
}
