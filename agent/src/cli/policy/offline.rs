//! The policy and the budgets as the files of the home have them, without an agent.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bursar_core::intent::LedgerId;
use bursar_core::policy::{MAX_TEXT, Policy};
use rusqlite::Connection;

use crate::book::in_force;
use crate::book::read::{self, Whole};
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::config::{self, Config, LedgerConfig};
use crate::durable;
use crate::ledger::embedded::genesis::Genesis;

/// The bundle that a command line names, or that of the home folder.
pub fn path(global: &Global, named: Option<PathBuf>) -> Result<PathBuf, CliError> {
    match named {
        Some(file) => Ok(file),
        None => Ok(global.config()?.home.join(config::POLICY)),
    }
}

/// Reads a text of at most so many bytes.
pub fn text(path: &Path, most: u64) -> Result<String, CliError> {
    let failed = |source| CliError::File { path: path.to_owned(), source };
    let bytes = durable::read(path, most).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| {
        failed(std::io::Error::new(std::io::ErrorKind::InvalidData, format!("{error}; save it as UTF-8")))
    })
}

/// Reads a policy bundle.
pub fn policy(path: &Path) -> Result<Policy, CliError> {
    let text = text(path, MAX_TEXT as u64)?;
    Policy::parse(&text).map_err(|source| CliError::Policy { path: path.to_owned(), source })
}

/// Reads the whole book, for how full the budgets are, and the bundle that decides: the one in
/// force, or that of the file where it will be taken over.
pub fn book(config: &Config) -> Result<Whole, CliError> {
    let wished = match policy(&config.policy_path()) {
        Ok(policy) => Some(Arc::new(policy)),
        Err(error) if in_force::is_open(in_force::of_home(&config.home)?.as_ref()) => return Err(error),
        Err(_) => None,
    };
    let book: Connection = read::open(&config.home)?;
    let now = read::time(&book, config.tolerance)?;
    Ok(read::whole(&book, wished, now, |_| ())?)
}

/// Id of the ledger that the home pays on.
pub fn ledger(config: &Config) -> Result<LedgerId, CliError> {
    match &config.ledger {
        LedgerConfig::None { id } => Ok(*id),
        LedgerConfig::Embedded { genesis } => Genesis::read(genesis)
            .map(|genesis| genesis.id())
            .map_err(|error| CliError::Damaged(format!("{}: {error}", genesis.display()))),
    }
}
