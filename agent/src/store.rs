//! One SQLite file with one writer, and many commands in one durable commit.
//!
//! The book and the embedded ledger are both such files. Commands wait in a bounded queue; the
//! writer's thread takes up to [`BATCH`] of them, runs them inside one transaction, commits with
//! `synchronous=FULL`, and only then answers. Whoever has an answer of [`Writer::run`] knows that it is on disk; what a
//! crash may take back without harm is answered before ([`Writer::run_soon`]).

pub mod file;
pub mod log;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

/// Most commands in one commit.
pub const BATCH: usize = 128;
/// Most commands waiting; beyond that the caller is told to come back.
pub const QUEUE: usize = 1024;

/// For how long a commit may be put off when nobody waits for it.
const LINGER: Duration = Duration::from_millis(1);

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
    /// Its log.
    fn log(&self) -> &log::LogTable;
}

type Answer = Box<dyn FnOnce(Result<(), WriteError>) + Send>;
type Command<S> = Box<dyn FnOnce(Option<&mut S>) -> Result<Answer, StoreError> + Send>;

struct Job<S> {
    command: Command<S>,
    /// Does somebody wait for the commit?
    awaited: bool,
}

/// The only way to change a [`Store`]. Dropping it finishes what was queued and closes the file.
pub struct Writer<S> {
    queue: Option<SyncSender<Job<S>>>,
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl<S: Store> Writer<S> {
    /// Opens the file on the writer's own thread; `open` runs again after each failed commit.
    pub fn spawn<E: From<StoreError> + Send + std::fmt::Display + 'static>(
        name: &str,
        mut open: impl FnMut() -> Result<S, E> + Send + 'static,
    ) -> Result<Self, E> {
        let (queue, jobs) = sync_channel(QUEUE);
        let (opened, first) = sync_channel(1);
        let waiting = Arc::new(AtomicUsize::new(0));
        let counter = waiting.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || match open() {
            Ok(store) => {
                let _ = opened.send(Ok(()));
                let mut open = move || open().map_err(|error| error.to_string());
                Desk { jobs, waiting: counter }.work(store, &mut open);
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
            Ok(Ok(())) => Ok(Self { queue: Some(queue), waiting, thread: Some(thread) }),
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
        let (reply, answer) = oneshot::channel();
        let command: Command<S> = Box::new(move |store| {
            let Some(store) = store else {
                let _ = reply.send(Err(closed()));
                return Ok(Box::new(|_| ()));
            };
            // A failing command drops `reply`; the receiver then hears that the outcome is unknown.
            let done = command(store)?;
            Ok(Box::new(move |committed| {
                let _ = reply.send(committed.map(|()| done));
            }))
        });
        self.send(Job { command, awaited: true })?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Runs a command and answers at once; its commit follows a millisecond later, or with the next one.
    ///
    /// For what a crash may take back without harm, because the next start finds it out again.
    pub async fn run_soon<R: Send + 'static>(
        &self,
        command: impl FnOnce(&mut S) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, WriteError> {
        let (reply, answer) = oneshot::channel();
        let command: Command<S> = Box::new(move |store| {
            let done = match store {
                Some(store) => Ok(command(store)?),
                None => Err(closed()),
            };
            let _ = reply.send(done);
            Ok(Box::new(|_| ()))
        });
        self.send(Job { command, awaited: false })?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// How many more commands fit into the queue.
    pub fn room(&self) -> usize {
        QUEUE.saturating_sub(self.waiting.load(Ordering::Relaxed))
    }

    fn send(&self, job: Job<S>) -> Result<(), WriteError> {
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        queue.try_send(job).map_err(|error| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => WriteError::Busy,
                TrySendError::Disconnected(_) => stopped(),
            }
        })
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

fn closed() -> WriteError {
    WriteError::Unknown("the file could not be opened again".to_owned())
}

/// How long to wait for a command.
enum Patience {
    Endless,
    Until(Instant),
    None,
}

/// Where the writer's thread takes its commands from.
struct Desk<S> {
    jobs: Receiver<Job<S>>,
    waiting: Arc<AtomicUsize>,
}

impl<S: Store> Desk<S> {
    fn work(&self, store: S, reopen: &mut dyn FnMut() -> Result<S, String>) {
        let mut reached = (store.log().size(), store.log().root());
        let mut store = Some(store);
        while let Some(first) = self.next(Patience::Endless) {
            if store.is_none() {
                let again =
                    reopen().and_then(|store| go_on(store, reached).map_err(|error| error.to_string()));
                store = again.inspect_err(|error| tracing::error!(error, "the file stays closed")).ok();
            }
            let Some(open) = store.as_mut() else {
                let _ = (first.command)(None);
                continue;
            };
            match self.commit(open, first) {
                Ok(()) => reached = (open.log().size(), open.log().root()),
                Err(error) => {
                    // Memory may be ahead of the disk, or behind it: only reading the file again tells.
                    tracing::error!(%error, "a commit failed; reading the file again");
                    store = None;
                }
            }
        }
    }

    /// The next command; `None` when the patience is over, or the queue is closed.
    fn next(&self, patience: Patience) -> Option<Job<S>> {
        let job = match patience {
            Patience::Endless => self.jobs.recv().ok(),
            Patience::Until(end) => {
                self.jobs.recv_timeout(end.saturating_duration_since(Instant::now())).ok()
            }
            Patience::None => self.jobs.try_recv().ok(),
        };
        if job.is_some() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        job
    }

    /// Runs up to [`BATCH`] commands in one transaction, commits, answers.
    fn commit(&self, store: &mut S, first: Job<S>) -> Result<(), StoreError> {
        execute(store, "BEGIN IMMEDIATE")?;
        let (mut answers, mut awaited) = (Vec::new(), false);
        let (mut next, started) = (Some(first), Instant::now());
        while let Some(job) = next {
            awaited |= job.awaited;
            answers.push((job.command)(Some(store))?);
            // As long as nobody waits for this commit it waits for others; then it takes who is there.
            let patience = if awaited { Patience::None } else { Patience::Until(started + LINGER) };
            next = if answers.len() < BATCH { self.next(patience) } else { None };
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
}

/// After a failed commit: everything that was answered has to be there, and on the disk itself.
///
/// A page cache that an fsync could not write says that it is clean; only writing the content once
/// more, into the database, and syncing that tells.
fn go_on<S: Store>(store: S, (size, root): (u64, bursar_core::log::Hash)) -> Result<S, StoreError> {
    let connection = store.connection();
    let busy: i64 = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(|source| file::failed(connection, source))?;
    let what = if busy != 0 {
        "another program reads it, so that it cannot be made durable; it is tried again"
    } else if store.log().size() < size || log::root_at(connection, size)? != root {
        "it lacks what was written before the disk failed; put the current file back and start again"
    } else {
        return Ok(store);
    };
    Err(StoreError::Open { file: file::name(connection), what: what.to_owned() })
}

fn execute<S: Store>(store: &S, sql: &str) -> Result<(), StoreError> {
    let run = || store.connection().prepare_cached(sql)?.execute([]);
    run().map(|_| ()).map_err(|source| file::failed(store.connection(), source))
}
