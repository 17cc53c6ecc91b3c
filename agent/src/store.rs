//! One SQLite file with one writer, and many commands in one durable commit.
//!
//! The book and the embedded ledger are both such files. Commands wait in a bounded queue; the
//! writer's thread takes up to [`BATCH`] of them, runs them inside one transaction, commits with
//! `synchronous=FULL`, and only then answers. Whoever has an answer knows that it is on disk.

pub mod file;
pub mod log;

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

/// Most commands in one commit.
pub const BATCH: usize = 128;
/// Most commands waiting; beyond that the caller is told to come back.
pub const QUEUE: usize = 1024;

/// Why a file could not be opened or a command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused: disk full, I/O error, damaged page.
    #[error("{file}: {source}; check the disk (space, mount, errors), then start again")]
    Sqlite {
        /// The file's name.
        file: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The content contradicts itself.
    #[error(
        "{file} is damaged at {place}: {what}; restore the file from a backup; nothing is signed on top of it"
    )]
    Damaged {
        /// The file's name.
        file: String,
        /// Which record or row.
        place: String,
        /// What does not hold.
        what: String,
    },
    /// Not there, or of another version, or unreadable.
    #[error("{file}: {what}")]
    Open {
        /// The file's name.
        file: String,
        /// What is wrong and what to do.
        what: String,
    },
}

/// A command's fate where it is not an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Too many commands are waiting; nothing happened.
    #[error("too many requests are waiting; try again in a second")]
    Busy,
    /// The commit failed: it may or may not be on disk. The file is read again before anything else is judged.
    #[error(
        "the disk failed while this was written ({0}); it is not known whether it was kept: ask again with the same key"
    )]
    Unknown(String),
}

/// What lives behind a [`Writer`]: a connection, and memory that mirrors it.
pub trait Store: Sized + 'static {
    /// The file's one connection for writing.
    fn connection(&self) -> &Connection;
    /// Writes what is written once per commit; the last chance to fail it.
    fn before_commit(&mut self) -> Result<(), StoreError>;
}

type Answer = Box<dyn FnOnce(Result<(), WriteError>) + Send>;
type Job<S> = Box<dyn FnOnce(Option<&mut S>) -> Result<Answer, StoreError> + Send>;

/// The only way to change a [`Store`]. Dropping it finishes what was queued and closes the file.
pub struct Writer<S> {
    queue: Option<mpsc::Sender<Job<S>>>,
    thread: Option<JoinHandle<()>>,
}

impl<S: Store> Writer<S> {
    /// Opens the file on the writer's own thread; `open` runs again after each failed commit.
    pub fn spawn<E: From<StoreError> + Send + std::fmt::Display + 'static>(
        name: &str,
        mut open: impl FnMut() -> Result<S, E> + Send + 'static,
    ) -> Result<Self, E> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (opened, first) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || match open() {
            Ok(store) => {
                let _ = opened.send(Ok(()));
                write(jobs, store, move || open().map_err(|e| e.to_string()));
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        });
        let thread = thread.map_err(|e| StoreError::Open {
            file: name.to_owned(),
            what: format!("no thread could be started ({e}); raise the limit of processes"),
        })?;
        match first.recv() {
            Ok(Ok(())) => Ok(Self { queue: Some(queue), thread: Some(thread) }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StoreError::Open {
                file: name.to_owned(),
                what: "its writer stopped while opening; see the log".to_owned(),
            }
            .into()),
        }
    }

    /// Runs a command inside the next commit and answers after it is durable.
    ///
    /// # Errors
    /// [`WriteError::Busy`] when the queue is full, [`WriteError::Unknown`] when the commit failed.
    pub async fn run<R: Send + 'static>(
        &self,
        command: impl FnOnce(&mut S) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, WriteError> {
        self.queue(command)?.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// [`Writer::run`] for a thread of its own, outside the async runtime.
    pub fn run_blocking<R: Send + 'static>(
        &self,
        command: impl FnOnce(&mut S) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, WriteError> {
        self.queue(command)?.blocking_recv().unwrap_or_else(|_| Err(stopped()))
    }

    /// How many more commands fit into the queue.
    pub fn room(&self) -> usize {
        self.queue.as_ref().map_or(0, mpsc::Sender::capacity)
    }

    fn queue<R: Send + 'static>(
        &self,
        command: impl FnOnce(&mut S) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<R, WriteError>>, WriteError> {
        let (reply, answer) = oneshot::channel();
        let job: Job<S> = Box::new(move |store| {
            let Some(store) = store else {
                let _ = reply.send(Err(WriteError::Unknown("the file could not be opened again".to_owned())));
                return Ok(Box::new(|_| ()));
            };
            // A failing command drops `reply`; the receiver then hears that the outcome is unknown.
            let done = command(store)?;
            Ok(Box::new(move |committed| {
                let _ = reply.send(committed.map(|()| done));
            }))
        });
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WriteError::Busy,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        Ok(answer)
    }
}

impl<S> Drop for Writer<S> {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn stopped() -> WriteError {
    WriteError::Unknown("the commit failed".to_owned())
}

fn write<S: Store>(
    mut jobs: mpsc::Receiver<Job<S>>,
    store: S,
    mut reopen: impl FnMut() -> Result<S, String>,
) {
    let mut store = Some(store);
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
        if store.is_none() {
            store = reopen().inspect_err(|error| tracing::error!(error, "the file stays closed")).ok();
        }
        let Some(open) = store.as_mut() else {
            for job in batch.drain(..) {
                let _ = job(None);
            }
            continue;
        };
        if let Err(error) = commit(open, &mut batch) {
            // Memory may be ahead of the disk, or behind it: only reading the file again tells.
            tracing::error!(%error, "a commit failed; reading the file again");
            batch.clear();
            store = None;
        }
    }
}

fn commit<S: Store>(store: &mut S, batch: &mut Vec<Job<S>>) -> Result<(), StoreError> {
    execute(store, "BEGIN IMMEDIATE")?;
    let mut answers = Vec::with_capacity(batch.len());
    for job in batch.drain(..) {
        answers.push(job(Some(store))?);
    }
    store.before_commit()?;
    crate::crash::point("store-before-commit");
    execute(store, "COMMIT")?;
    crate::crash::point("store-after-commit");
    for answer in answers {
        answer(Ok(()));
    }
    Ok(())
}

fn execute<S: Store>(store: &S, sql: &str) -> Result<(), StoreError> {
    let run = || store.connection().prepare_cached(sql)?.execute([]);
    run().map(|_| ()).map_err(|source| file::failed(store.connection(), source))
}
