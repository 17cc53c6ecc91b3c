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

use bursar_core::name::Name;
use rusqlite::Connection;

use super::shares::Place;
use crate::http::Shared;
use crate::http::error::Problem;
use crate::store::StoreError;

fn stopping<E>(_: E) -> Problem {
    Problem::later("unavailable", "The agent is stopping", "ask again later".to_owned())
}

/// Runs on a thread that may wait for the disk.
async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(stopping)
}

/// Does something in a place, which is given back when it is done: whoever hangs up does not get
/// another one before.
async fn placed<R: Send + 'static, E: Send + 'static>(
    place: Place,
    work: impl Future<Output = Result<R, E>> + Send + 'static,
) -> Result<R, Problem>
where
    Problem: From<E>,
{
    let task = tokio::spawn(async move {
        let done = work.await;
        drop(place);
        done
    });
    Ok(task.await.map_err(stopping)??)
}

/// Reads a file of the home, as of now.
async fn reading<R: Send + 'static>(
    shared: &Shared,
    caller: &Name,
    open: fn(&std::path::Path) -> Result<Connection, StoreError>,
    read: impl FnOnce(&Connection) -> Result<R, StoreError> + Send + 'static,
) -> Result<R, Problem> {
    let agent = shared.agent.clone();
    let place = shared.shares.read(caller).await;
    placed(place, async move {
        agent.book.flush().await?;
        let home = agent.config.home.clone();
        let read = blocking(move || read(&open(&home)?)).await?;
        Ok::<_, Problem>(read?)
    })
    .await
}
