//! The pool of an open token: a bounded queue, a fixed number of worker threads with one session
//! each, and a watchdog that fails overdue answers.

mod queue;
pub(crate) mod seat;
pub(crate) mod worker;

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::quirk::Quirk;
use crate::{Error, Module, Pending, Pin, PublicKey, TokenInfo};
use queue::{Job, Queue};
use seat::Seat;
use worker::Worker;

/// Size and patience of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolOptions {
    /// Worker threads, each with a session; at least 1. Tokens gain little beyond the cores.
    pub workers: usize,
    /// Jobs that may wait; one more is [`Error::Busy`].
    pub queue: usize,
    /// From submission to answer; then [`Error::Deadline`].
    pub deadline: Duration,
}

impl Default for PoolOptions {
    /// As many workers as cores, 2 to 8; 1,024 jobs; 10 s.
    fn default() -> PoolOptions {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        PoolOptions { workers: cores.clamp(2, 8), queue: 1024, deadline: Duration::from_secs(10) }
    }
}

/// What a pool is doing just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// Worker threads.
    pub workers: usize,
    /// Workers with a job.
    pub busy: usize,
    /// Workers whose job is past its deadline: calls that hang in the module or device.
    pub overdue: usize,
    /// Jobs that wait.
    pub queued: usize,
    /// Keys that returned a wrong signature.
    pub quarantined: usize,
}

/// What the workers of one token share.
pub(crate) struct Shared {
    pub(crate) module: Module,
    pub(crate) info: TokenInfo,
    pub(crate) quirk: Quirk,
    pub(crate) options: PoolOptions,
    pin: Option<Pin>,
    /// Held over C_Login; what it says is final.
    refused: Mutex<Option<Error>>,
    /// Held over every operation that looks before it writes.
    writing: Mutex<()>,
    quarantine: Mutex<HashSet<PublicKey>>,
}

impl Shared {
    pub(crate) fn writing(&self) -> MutexGuard<'_, ()> {
        lock(&self.writing)
    }

    pub(crate) fn quarantine(&self) -> MutexGuard<'_, HashSet<PublicKey>> {
        lock(&self.quarantine)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For a dropped pool's workers to end; one that hangs in the module is left behind.
const ENDING: Duration = Duration::from_secs(2);

/// A running pool. Dropped, it finishes what is queued, closes its sessions and waits for its
/// workers: a process that ends while one is inside the module crashes in the module's own
/// destructors.
pub(crate) struct Pool {
    pub(crate) shared: Arc<Shared>,
    queue: Arc<Queue>,
    /// Nobody sends: it closes when the last worker has ended.
    ended: Mutex<Receiver<Infallible>>,
    workers: Vec<ThreadId>,
}

impl Pool {
    /// Logs in on this thread, so that a wrong PIN is told at once, and starts the threads.
    pub(crate) fn start(
        module: Module,
        info: TokenInfo,
        pin: Option<Pin>,
        options: PoolOptions,
    ) -> Result<Pool, Error> {
        let options = PoolOptions { workers: options.workers.max(1), ..options };
        let quirk = Quirk::of(&info);
        let shared = Arc::new(Shared {
            module,
            info,
            quirk,
            options,
            pin,
            refused: Mutex::default(),
            writing: Mutex::default(),
            quarantine: Mutex::default(),
        });
        let opened = {
            let _inside = shared.module.enter();
            Seat::open(&shared)
        };
        let first = match opened {
            Ok(seat) => seat,
            Err(error) => {
                shared.module.bury(true);
                return Err(error);
            }
        };
        let queue = Arc::new(Queue::new(options));
        let (alive, ended) = channel();
        let ended = Mutex::new(ended);
        let mut pool =
            Pool { shared: Arc::clone(&shared), queue: Arc::clone(&queue), ended, workers: Vec::new() };
        let named = |name: String| thread::Builder::new().name(name);
        let failed = |e: std::io::Error| Error::Thread(e.to_string());
        let watched = Arc::clone(&queue);
        named("pkcs11-watchdog".to_owned()).spawn(move || watched.watch()).map_err(failed)?;
        let mut first = Some(first);
        for number in 0..options.workers {
            let mut worker = Worker::new(Arc::clone(&shared), first.take());
            let (queue, alive) = (Arc::clone(&queue), alive.clone());
            let work = move || {
                queue.work(number, &mut worker);
                drop(worker);
                drop(alive);
            };
            let thread = named(format!("pkcs11-{number}")).spawn(work).map_err(failed)?;
            pool.workers.push(thread.thread().id());
        }
        Ok(pool)
    }

    /// Queues a job for the next free worker.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Worker) -> Result<T, Error> + Send + 'static,
    ) -> Pending<T> {
        self.enqueue(false, run)
    }

    /// The same, but before all others and whether or not the queue is full.
    pub(crate) fn submit_first<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Worker) -> Result<T, Error> + Send + 'static,
    ) -> Pending<T> {
        self.enqueue(true, run)
    }

    fn enqueue<T: Send + 'static>(
        &self,
        first: bool,
        run: impl FnOnce(&mut Worker) -> Result<T, Error> + Send + 'static,
    ) -> Pending<T> {
        let (reply, pending) = Pending::channel();
        let answer = Arc::clone(&reply);
        let job = Job::new(self.shared.options.deadline, reply, move |worker| {
            answer.send(run(worker));
        });
        match self.queue.push(job, first) {
            Ok(()) => pending,
            Err(error) => Pending::ready(Err(error)),
        }
    }

    pub(crate) fn state(&self) -> PoolState {
        let quarantined = self.shared.quarantine().len();
        self.queue.state(quarantined)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.stop();
        // The last one who had it may be a worker, in a caller's check.
        if !self.workers.contains(&thread::current().id()) {
            let _ = lock(&self.ended).recv_timeout(ENDING);
        }
    }
}
