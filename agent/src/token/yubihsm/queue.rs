//! One thread, a bounded queue, and a deadline for whoever waits.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::{DeviceError, Kind};

/// Most jobs that wait. A P-256 signature takes 73 ms: these take 19 s.
const LONGEST: usize = 256;
/// How long the device may take for one job, the one retry included.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long anybody waits, however busy the device is.
const WAIT: Duration = Duration::from_secs(60);
/// How often whoever waits looks whether the device hangs.
const LOOK: Duration = Duration::from_millis(250);

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// What a job works on.
pub(super) trait Seat: Send + 'static {
    /// A job panicked: begin anew.
    fn reset(&mut self);
}

/// A thread that does one job after the other, without a pause between them.
pub(super) struct Queue<S>(Arc<Shared<S>>);

struct Shared<S> {
    state: Mutex<State<S>>,
    ready: Condvar,
}

struct State<S> {
    jobs: VecDeque<Job<S>>,
    /// Since when the job under way is.
    since: Option<Instant>,
    closed: bool,
}

impl<S: Seat> Queue<S> {
    /// Starts the thread, which ends when the queue is closed or dropped.
    pub fn start(mut seat: S) -> Result<Self, DeviceError> {
        let state = Mutex::new(State { jobs: VecDeque::new(), since: None, closed: false });
        let shared = Arc::new(Shared { state, ready: Condvar::new() });
        let own = shared.clone();
        let run = move || {
            while let Some(job) = own.next() {
                if catch_unwind(AssertUnwindSafe(|| job(&mut seat))).is_err() {
                    seat.reset();
                }
            }
        };
        std::thread::Builder::new().name("yubihsm".to_owned()).spawn(run).map_err(|error| {
            let what = format!("cannot start a thread ({error}): raise the limit of tasks of the service");
            DeviceError::new(Kind::Failed, what)
        })?;
        Ok(Self(shared))
    }

    /// Does this after everything that waits.
    pub async fn ask<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<R, DeviceError> + Send + 'static,
    ) -> Result<R, DeviceError> {
        self.put(job, VecDeque::push_back).await
    }

    /// Does this before everything that waits.
    pub async fn ask_first<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<R, DeviceError> + Send + 'static,
    ) -> Result<R, DeviceError> {
        self.put(job, VecDeque::push_front).await
    }

    /// Does this on the new queue of a device that is being opened, and blocks meanwhile.
    pub fn ask_now<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<R, DeviceError> + Send + 'static,
    ) -> Result<R, DeviceError> {
        let (tell, answer) = mpsc::sync_channel(1);
        self.0.lock().jobs.push_back(Box::new(move |seat| {
            // Whoever has given up does not hear it.
            let _ = tell.send(job(seat));
        }));
        self.0.ready.notify_one();
        answer.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => late(),
            RecvTimeoutError::Disconnected => ended(),
        })?
    }

    /// What waits is still done.
    pub fn close(&self) {
        self.0.lock().closed = true;
        self.0.ready.notify_all();
    }

    async fn put<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<R, DeviceError> + Send + 'static,
        place: impl FnOnce(&mut VecDeque<Job<S>>, Job<S>),
    ) -> Result<R, DeviceError> {
        let (tell, answer) = oneshot::channel();
        let work: Job<S> = Box::new(move |seat| {
            // Whoever has given up is not served: the device has others waiting.
            if !tell.is_closed() {
                let _ = tell.send(job(seat));
            }
        });
        {
            let mut state = self.0.lock();
            if state.closed {
                return Err(ended());
            }
            if state.jobs.len() >= LONGEST {
                return Err(DeviceError::new(Kind::Busy, "the YubiHSM's queue is full: try again shortly"));
            }
            if state.hangs() {
                return Err(late());
            }
            place(&mut state.jobs, work);
        }
        self.0.ready.notify_one();
        self.wait(answer).await
    }

    async fn wait<R>(&self, mut answer: oneshot::Receiver<Result<R, DeviceError>>) -> Result<R, DeviceError> {
        let begun = Instant::now();
        loop {
            match tokio::time::timeout(LOOK, &mut answer).await {
                Ok(Ok(answer)) => return answer,
                Ok(Err(_)) => return Err(ended()),
                Err(_) if begun.elapsed() > WAIT || self.0.lock().hangs() => return Err(late()),
                Err(_) => {}
            }
        }
    }
}

impl<S> Drop for Queue<S> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.ready.notify_all();
    }
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, as soon as there is one; none once the queue is closed and empty.
    fn next(&self) -> Option<Job<S>> {
        let mut state = self.lock();
        state.since = None;
        loop {
            if let Some(job) = state.jobs.pop_front() {
                state.since = Some(Instant::now());
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<S> State<S> {
    fn hangs(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() > PATIENCE)
    }
}

fn late() -> DeviceError {
    let what = "the YubiHSM did not answer in time, so the outcome is unknown: look at the device and at its \
                yubihsm-connector, then try again";
    DeviceError::new(Kind::Deadline, what)
}

fn ended() -> DeviceError {
    let what = "the operation was cut off, nothing was handed out: try again; if it happens again, report it as a defect";
    DeviceError::new(Kind::Failed, what)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    impl Seat for u32 {
        fn reset(&mut self) {
            *self = 100;
        }
    }

    #[tokio::test]
    async fn jobs_come_in_order_and_a_check_comes_first() {
        let queue = Arc::new(Queue::start(0).unwrap());
        let (go, wait) = mpsc::channel::<()>();
        let blocked = tokio::spawn({
            let queue = queue.clone();
            async move { queue.ask(move |_| Ok(wait.recv().is_ok())).await }
        });
        while queue.0.lock().since.is_none() {
            tokio::task::yield_now().await;
        }
        let next = |n: &mut u32| {
            *n += 1;
            Ok(*n)
        };
        let (first, second) = (queue.ask(next), queue.ask(next));
        let check = queue.ask_first(next);
        // Each is put at its first poll.
        let (first, second, check, _) = tokio::join!(first, second, check, async { go.send(()).unwrap() });
        assert_eq!((check.unwrap(), first.unwrap(), second.unwrap()), (1, 2, 3));
        assert!(blocked.await.unwrap().unwrap());
    }

    #[tokio::test]
    async fn a_panic_is_caught_and_the_next_job_finds_a_new_beginning() {
        let queue = Queue::start(0).unwrap();
        let error = queue.ask(|_| -> Result<(), _> { panic!("inside the crate") }).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Failed);
        assert_eq!(queue.ask(|n| Ok(*n)).await.unwrap(), 100);
        let error = queue.ask_now(|_| -> Result<(), _> { panic!("inside the crate") }).unwrap_err();
        assert_eq!(error.kind(), Kind::Failed);
    }

    #[tokio::test]
    async fn nobody_waits_for_a_device_that_hangs_and_the_queue_is_bounded() {
        let queue = Arc::new(Queue::start(0).unwrap());
        let (go, wait) = mpsc::channel::<()>();
        let hanging = {
            let queue = queue.clone();
            tokio::spawn(async move { queue.ask(move |_| Ok(wait.recv().is_ok())).await })
        };
        while queue.0.lock().since.is_none() {
            tokio::task::yield_now().await;
        }
        let waiting: Vec<_> = (0..LONGEST)
            .map(|_| {
                let queue = queue.clone();
                tokio::spawn(async move { queue.ask(|_| Ok(())).await })
            })
            .collect();
        while queue.0.lock().jobs.len() < LONGEST {
            tokio::task::yield_now().await;
        }
        assert_eq!(queue.ask(|_| Ok(())).await.unwrap_err().kind(), Kind::Busy);
        // As if it had begun long ago.
        queue.0.lock().since = Instant::now().checked_sub(PATIENCE + LOOK);
        assert_eq!(hanging.await.unwrap().unwrap_err().kind(), Kind::Deadline);
        for late in waiting {
            assert_eq!(late.await.unwrap().unwrap_err().kind(), Kind::Deadline);
        }
        queue.0.lock().jobs.clear();
        assert_eq!(queue.ask(|_| Ok(())).await.unwrap_err().kind(), Kind::Deadline, "refused at once");
        go.send(()).unwrap();
        while queue.0.lock().since.is_some() {
            tokio::task::yield_now().await;
        }
        assert!(queue.ask(|_| Ok(())).await.is_ok(), "it lives");
    }

    #[tokio::test]
    async fn a_closed_queue_takes_nothing() {
        let queue = Queue::start(0).unwrap();
        queue.close();
        assert_eq!(queue.ask(|_| Ok(())).await.unwrap_err().kind(), Kind::Failed);
    }
}
