//! Makes a device that runs fail, and tells how it is.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::error::Code;
use crate::fault::Fault;
use crate::unit::Unit;

/// How the device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Is it there at all?
    pub plugged: bool,
    /// Does it keep messages unanswered?
    pub hung: bool,
    /// Messages that it keeps.
    pub waiting: usize,
    /// Sessions that there are, of sixteen.
    pub sessions: usize,
    /// Time that it has worked, since it was switched on for the first time; in JSON whole milliseconds.
    #[serde(rename = "busy_ms", serialize_with = "milliseconds")]
    pub busy: Duration,
}

impl Default for Condition {
    /// As it starts.
    fn default() -> Self {
        Self { plugged: true, hung: false, waiting: 0, sessions: 0, busy: Duration::ZERO }
    }
}

fn milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// Why a fault did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It needs power for it.
    #[error("the device is unplugged; replug it first")]
    Unplugged,
    /// The device could not write what that needs.
    #[error("the device could not do it: {0}; free its flash, see that the disk is not full")]
    Device(Code),
    /// It is no longer there.
    #[error("the simulated device has stopped; start it again")]
    Stopped,
}

/// A handle for faults; as many as are wanted.
#[derive(Clone, Debug)]
pub struct Control(Unit);

impl Control {
    pub(crate) fn new(unit: Unit) -> Self {
        Self(unit)
    }

    /// Lets a fault happen; it has happened when this returns. It waits for the message in hand.
    ///
    /// # Errors
    /// It did not happen.
    pub async fn inject(&self, fault: Fault) -> Result<Condition, ControlError> {
        self.0.inject(fault).await
    }

    /// How the device is after the last message.
    pub fn condition(&self) -> Condition {
        *self.0.condition().borrow()
    }

    /// Waits until the device is like this.
    ///
    /// # Errors
    /// It has stopped before.
    pub async fn until(&self, mut wanted: impl FnMut(&Condition) -> bool) -> Result<Condition, ControlError> {
        let mut condition = self.0.condition().clone();
        let reached = condition.wait_for(|condition| wanted(condition)).await;
        reached.map(|condition| *condition).map_err(|_| ControlError::Stopped)
    }
}
