//! One file per noun.

pub mod audit;
pub mod freezes;
pub mod health;
pub mod inbox;
pub mod keys;
pub mod ledger;
pub mod policy;
pub mod proposals;
pub mod spends;

use crate::agent::Agent;
use crate::http::error::Problem;
use crate::store::StoreError;
use rusqlite::Connection;

/// Runs on a thread that may wait for the disk.
async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, Problem> {
    let stopping = |_| Problem::later("unavailable", "The agent is stopping", "ask again later".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(stopping)
}

/// Reads a file of the home, as of now.
async fn reading<R: Send + 'static>(
    agent: &Agent,
    open: fn(&std::path::Path) -> Result<Connection, StoreError>,
    read: impl FnOnce(&Connection) -> Result<R, StoreError> + Send + 'static,
) -> Result<R, Problem> {
    agent.book.flush().await?;
    let home = agent.config.home.clone();
    Ok(blocking(move || read(&open(&home)?)).await??)
}
