//! Making a home folder: what `init` and `quickstart` share.
//!
//! `config.toml` is written last. A folder without one is not a home yet, no agent runs on it, and
//! the command that was making it can be given again.

pub mod account;
pub mod config_text;
pub mod folder;
pub mod home;
pub mod modules;
pub mod person;
pub mod policy_skeleton;
pub mod simulated;
pub mod softhsm;
pub mod yubihsm;

use std::path::PathBuf;

use crate::keys_file::KeysFileError;
use crate::ledger::embedded::genesis::GenesisError;
use crate::store::StoreError;
use crate::tls::certificate::CertificateError;
use crate::token::TokenError;

/// Why no home folder was made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A file or folder.
    #[error("{path}: {source}; check the path and its permissions, then give the command again")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others can get at it.
    #[error("the folder {path} can be used by others (mode {mode:o}); run: chmod 700 {path}")]
    Exposed {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Two commands make the same home.
    #[error(
        "another command is making the home folder {0} right now; wait until it has ended, then try again"
    )]
    Busy(PathBuf),
    /// There is something else in the folder.
    #[error(
        "{path} is not empty and not a home folder of bursar (it holds {found}); name another folder with --home"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Something in it.
        found: String,
    },
    /// The path cannot stand in a configuration file.
    #[error("the path {path} {why}; name another folder with --home")]
    Path {
        /// The path.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// A file from an earlier attempt does not fit.
    #[error("{path} exists and does not fit: {what}; move it away, then give the command again")]
    Leftover {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// What would be written does not read back.
    #[error("the configuration would not be valid: {0}; choose other names")]
    Config(String),
    /// Two roles were given one label.
    #[error(
        "the key {label:?} is asked for as {first} and as {second}; each role needs a key of its own, so give them different labels"
    )]
    TwoRoles {
        /// The label.
        label: String,
        /// One role.
        first: String,
        /// Another.
        second: String,
    },
    /// Something that was given cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The home's certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No randomness.
    #[error("the system gave no random bytes ({0}); try again")]
    Random(String),
    /// The ledger's genesis.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The file with the public keys.
    #[error(transparent)]
    Keys(#[from] KeysFileError),
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The book.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// `N` random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], SetupError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| SetupError::Random(error.to_string()))?;
    Ok(bytes)
}
