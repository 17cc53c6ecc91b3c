//! Lets many calls into the module run, or one operation that needs it for itself.
//!
//! A read-write lock whose writer gives up after a while: a call that hangs in a device must not
//! hang whoever wants to refresh the module.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    inside: usize,
    closed: bool,
}

/// A call may run while this lives.
pub(crate) struct Inside<'a>(&'a Gate);

/// No other call runs while this lives.
pub(crate) struct Closed<'a>(&'a Gate);

impl Gate {
    pub(crate) fn enter(&self) -> Inside<'_> {
        let mut state =
            self.changed.wait_while(self.lock(), |s| s.closed).unwrap_or_else(PoisonError::into_inner);
        state.inside += 1;
        Inside(self)
    }

    /// `None` when calls are still running after `patience`, or another has closed it.
    pub(crate) fn close(&self, patience: Duration) -> Option<Closed<'_>> {
        let until = Instant::now() + patience;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), patience, |s| s.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        // From here on nobody enters, so that a busy pool cannot starve it.
        state.closed = true;
        let closed = Closed(self);
        let left = until.saturating_duration_since(Instant::now());
        let (state, _) = self
            .changed
            .wait_timeout_while(state, left, |s| s.inside > 0)
            .unwrap_or_else(PoisonError::into_inner);
        let silent = state.inside == 0;
        // Before `closed` may be dropped, which locks it again.
        drop(state);
        silent.then_some(closed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.inside -= 1;
        if state.closed && state.inside == 0 {
            self.0.changed.notify_all();
        }
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.lock().closed = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_waits_for_those_inside_and_gives_up() {
        let gate = Gate::default();
        let inside = gate.enter();
        assert!(gate.close(Duration::from_millis(1)).is_none(), "somebody is inside");
        let also = gate.enter();
        drop((inside, also));
        let closed = gate.close(Duration::from_secs(5));
        assert!(closed.is_some(), "nobody is inside");
        assert!(gate.close(Duration::from_millis(1)).is_none(), "closed already");
    }

    #[test]
    fn closed_keeps_others_out_until_it_is_dropped() {
        let gate = Gate::default();
        let closed = gate.close(Duration::from_secs(5));
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::channel();
            let gate = &gate;
            scope.spawn(move || {
                let _inside = gate.enter();
                sender.send(()).ok();
            });
            assert!(receiver.recv_timeout(Duration::from_millis(20)).is_err());
            drop(closed);
            assert!(receiver.recv_timeout(Duration::from_secs(5)).is_ok());
        });
    }
}
