//! `bursar pay --batch`: every row of a file, several at once, answers in the order of the rows.
//!
//! What was paid is known by the agent alone: no file beside the rows is read, so none can be lost,
//! renamed or written over and lead to a second payment.

mod ask;
mod lines;
mod others;
pub mod result;
pub mod row;
pub mod send;
pub mod summary;

use std::path::{Path, PathBuf};

use super::super::client::{Client, ClientError};
use super::super::error::CliError;
use super::super::global::Global;
use super::super::output::Output;
use crate::durable;
use row::Row;
use send::Fate;

/// Largest file in bytes; a million rows fit.
const LONGEST: u64 = 256 << 20;

/// What became of a file.
#[derive(Debug)]
pub struct Paid {
    /// Where the answers stand.
    pub result: PathBuf,
    /// Every row and its fate, in the order of the file.
    pub rows: Vec<(Row, Fate)>,
    /// What ended it before its end.
    pub stopped: Option<ClientError>,
}

/// Pays a file; the answer names what was refused.
pub fn run(global: &Global, file: &Path, jobs: usize) -> Result<Output, CliError> {
    Ok(summary::output(&pay(global, file, jobs)?))
}

/// Pays a file and writes the result beside it.
///
/// Stops asking where the agent is away or in trouble; what was not asked then is said so in the
/// result, and the same file can be given again.
pub fn pay(global: &Global, file: &Path, jobs: usize) -> Result<Paid, CliError> {
    let failed = |source| CliError::File { path: file.to_owned(), source };
    let bytes = durable::read(file, LONGEST).map_err(failed)?;
    let rows = row::read(&bytes).map_err(|what| CliError::Usage(format!("{}: {what}", file.display())))?;
    let config = global.config()?;
    let client = Client::to(global, &config)?;
    if config.remote.is_none() && !client.is_running()? {
        return Err(ClientError::NotRunning { start: global.command("serve --background") }.into());
    }
    let result = result::path(file);
    let others = others::paid(&rows, &config)?;
    let (fates, stopped) = send::send(&client, &rows, others, jobs);
    let rows: Vec<_> = rows.into_iter().zip(fates).collect();
    result::write(&result, &rows).map_err(|source| CliError::File { path: result.clone(), source })?;
    Ok(Paid { result, rows, stopped })
}
