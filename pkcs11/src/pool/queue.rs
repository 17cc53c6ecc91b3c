//! The bounded queue, and who is at work on what since when.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::worker::Worker;
use super::{PoolOptions, PoolState, lock};
use crate::Error;
use crate::pending::Expire;

/// Jobs of [`super::Pool::submit_first`] that may wait beyond the queue's bound.
const FIRST_MOST: usize = 64;

type Run = Box<dyn FnOnce(&mut Worker) + Send>;

pub(super) struct Job {
    due: Instant,
    reply: Arc<dyn Expire>,
    run: Run,
}

impl Job {
    pub(super) fn new(
        deadline: Duration,
        reply: Arc<dyn Expire>,
        run: impl FnOnce(&mut Worker) + Send + 'static,
    ) -> Job {
        Job { due: Instant::now() + deadline, reply, run: Box::new(run) }
    }
}

/// A job that a worker has taken.
struct Taken {
    due: Instant,
    reply: Arc<dyn Expire>,
}

pub(super) struct Queue {
    options: PoolOptions,
    state: Mutex<State>,
    /// Something to do, or the end.
    work: Condvar,
    /// Something to watch, or the end.
    watch: Condvar,
}

#[derive(Default)]
struct State {
    /// In order of submission, hence of deadline.
    waiting: VecDeque<Job>,
    first: VecDeque<Job>,
    taken: Vec<Option<Taken>>,
    watchdog_idle: bool,
    stopped: bool,
}

impl Queue {
    pub(super) fn new(options: PoolOptions) -> Queue {
        let taken = (0..options.workers).map(|_| None).collect();
        Queue {
            options,
            state: Mutex::new(State { taken, ..State::default() }),
            work: Condvar::new(),
            watch: Condvar::new(),
        }
    }

    pub(super) fn push(&self, job: Job, first: bool) -> Result<(), Error> {
        let mut state = lock(&self.state);
        let (lane, most) =
            if first { (&mut state.first, FIRST_MOST) } else { (&mut state.waiting, self.options.queue) };
        if lane.len() >= most {
            return Err(Error::Busy);
        }
        lane.push_back(job);
        let wake_watchdog = state.watchdog_idle;
        drop(state);
        self.work.notify_one();
        if wake_watchdog {
            self.watch.notify_one();
        }
        Ok(())
    }

    pub(super) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.work.notify_all();
        self.watch.notify_all();
    }

    pub(super) fn state(&self, quarantined: usize) -> PoolState {
        let state = lock(&self.state);
        let now = Instant::now();
        let taken = || state.taken.iter().flatten();
        PoolState {
            workers: state.taken.len(),
            busy: taken().count(),
            overdue: taken().filter(|t| t.due <= now).count(),
            queued: state.waiting.len() + state.first.len(),
            quarantined,
        }
    }

    /// The life of a worker: until the pool is stopped and the queue empty.
    pub(super) fn work(&self, number: usize, worker: &mut Worker) {
        while let Some(job) = self.take(number) {
            // Nobody waits any more: the deadline has passed, or the waiter is gone.
            if job.reply.is_open() {
                let run = AssertUnwindSafe(|| (job.run)(worker));
                if catch_unwind(run).is_err() {
                    // Whatever was half done in the session is not carried over to the next job.
                    worker.discard();
                    job.reply.abandon();
                }
                worker.module().bury(false);
            }
        }
        worker.discard();
        worker.module().bury(true);
    }

    fn take(&self, number: usize) -> Option<Job> {
        let mut state = lock(&self.state);
        state.set(number, None);
        loop {
            let next = state.first.pop_front().or_else(|| state.waiting.pop_front());
            if let Some(job) = next {
                state.set(number, Some(Taken { due: job.due, reply: Arc::clone(&job.reply) }));
                return Some(job);
            }
            if state.stopped {
                drop(state);
                // The watchdog may be waiting for the last job's end.
                self.watch.notify_all();
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The life of the watchdog: sleeps until the earliest deadline, fails what is overdue. A job
    /// that finished in time costs it nothing; under load it wakes once in a deadline.
    pub(super) fn watch(&self) {
        let mut state = lock(&self.state);
        loop {
            let now = Instant::now();
            let overdue = state.overdue(now);
            if !overdue.is_empty() {
                // Wakers are not ours: they run without the lock.
                drop(state);
                overdue.iter().for_each(|reply| reply.expire());
                state = lock(&self.state);
            }
            match state.earliest(now) {
                Some(due) => {
                    let left = due.saturating_duration_since(now);
                    state = self.watch.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                None if state.stopped => return,
                None => {
                    state.watchdog_idle = true;
                    state = self.watch.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.watchdog_idle = false;
                }
            }
        }
    }
}

impl State {
    fn set(&mut self, number: usize, taken: Option<Taken>) {
        if let Some(place) = self.taken.get_mut(number) {
            *place = taken;
        }
    }

    /// Takes overdue jobs out of the queue; overdue workers keep theirs, which cannot be stopped.
    fn overdue(&mut self, now: Instant) -> Vec<Arc<dyn Expire>> {
        let mut replies: Vec<_> =
            self.taken.iter().flatten().filter(|t| t.due <= now).map(|t| Arc::clone(&t.reply)).collect();
        for lane in [&mut self.waiting, &mut self.first] {
            while lane.front().is_some_and(|job| job.due <= now) {
                replies.extend(lane.pop_front().map(|job| job.reply));
            }
        }
        replies
    }

    /// The next deadline to come; what is overdue has been dealt with.
    fn earliest(&self, now: Instant) -> Option<Instant> {
        let lanes = [&self.waiting, &self.first].into_iter().filter_map(|l| l.front());
        let taken = self.taken.iter().flatten().map(|t| t.due);
        lanes.map(|job| job.due).chain(taken).filter(|due| *due > now).min()
    }
}
