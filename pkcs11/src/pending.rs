//! An answer that is on its way from a worker.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::sync::oneshot;

use crate::Error;

/// The answer of a token: await it in any runtime, or [`Pending::wait`] for it on a plain thread.
///
/// It resolves within the pool's deadline, to [`Error::Deadline`] if the token has not answered.
/// Dropped before a worker took the job, it cancels the job; dropped later, it does not.
#[must_use = "a job whose answer nobody awaits may be cancelled"]
#[derive(Debug)]
pub struct Pending<T>(State<T>);

#[derive(Debug)]
enum State<T> {
    Ready(Option<Result<T, Error>>),
    Waiting(oneshot::Receiver<Result<T, Error>>),
}

// Nothing is pinned structurally: the receiver is `Unpin`, and a ready value is only moved out.
impl<T> Unpin for Pending<T> {}

impl<T> Pending<T> {
    pub(crate) fn ready(answer: Result<T, Error>) -> Pending<T> {
        Pending(State::Ready(Some(answer)))
    }

    pub(crate) fn channel() -> (Arc<Reply<T>>, Pending<T>) {
        let (sender, receiver) = oneshot::channel();
        let reply = Reply(Mutex::new(Some(sender)));
        (Arc::new(reply), Pending(State::Waiting(receiver)))
    }

    /// Blocks the thread until the answer is there: for threads that run no async tasks.
    ///
    /// # Errors
    /// Those of the operation, and [`Error::Deadline`].
    pub fn wait(self) -> Result<T, Error> {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut this = pin!(self);
        loop {
            match this.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            // Polled again after it was ready: misuse, answered without a panic.
            State::Ready(answer) => Poll::Ready(answer.take().unwrap_or(Err(Error::Panicked))),
            State::Waiting(receiver) => Pin::new(receiver)
                .poll(context)
                // The sender is dropped without an answer only when the job unwinds.
                .map(|received| received.unwrap_or(Err(Error::Panicked))),
        }
    }
}

/// The sending half: whoever comes first answers, the worker or the watchdog.
pub(crate) struct Reply<T>(Mutex<Option<oneshot::Sender<Result<T, Error>>>>);

impl<T> Reply<T> {
    pub(crate) fn send(&self, answer: Result<T, Error>) {
        if let Some(sender) = self.take() {
            // Nobody may be waiting any more, which is theirs to decide.
            let _ = sender.send(answer);
        }
    }

    fn take(&self) -> Option<oneshot::Sender<Result<T, Error>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What the pool needs of a reply whose type it does not know.
pub(crate) trait Expire: Send + Sync {
    /// Fails the reply with the deadline if it is still open.
    fn expire(&self);
    /// Whether somebody is still waiting for an answer.
    fn is_open(&self) -> bool;
    /// Drops the sender, so that the waiter learns that the job unwound.
    fn abandon(&self);
}

impl<T: Send> Expire for Reply<T> {
    fn expire(&self) {
        self.send(Err(Error::Deadline));
    }

    fn is_open(&self) -> bool {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sender.as_ref().is_some_and(|s| !s.is_closed())
    }

    fn abandon(&self) {
        drop(self.take());
    }
}
