//! The policy and the budgets as the files of the home have them, without an agent.

use std::path::Path;
use std::sync::Arc;

use bursar_core::policy::{MAX_TEXT, Policy};
use rusqlite::Connection;

use crate::book::in_force;
use crate::book::read::{self, Whole};
use crate::cli::error::CliError;
use crate::config::Config;
use crate::durable;

/// Reads a policy bundle.
pub fn policy(path: &Path) -> Result<Policy, CliError> {
    let failed = |source| CliError::File { path: path.to_owned(), source };
    let bytes = durable::read(path, MAX_TEXT as u64).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        failed(std::io::Error::new(std::io::ErrorKind::InvalidData, format!("{error}; save it as UTF-8")))
    })?;
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
    Ok(read::whole(&book, wished, |_| ())?)
}
