//! The device on a thread of its own: one message after the other, as the hardware takes them.

mod hardware;

use std::sync::mpsc as blocking;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot, watch};

use crate::control::{Condition, ControlError};
use crate::device::Device;
use crate::fault::Fault;
use hardware::Hardware;

/// Messages that wait at most; more must wait outside.
const WAITING: usize = 64;

/// The device has failed: the connector says so with a 500.
#[derive(Debug, thiserror::Error)]
#[error("the device does not answer")]
pub(crate) struct Gone;

/// What goes back over the connection.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The whole answer.
    Whole(Vec<u8>),
    /// Half of the answer, then the connection ends.
    Cut(Vec<u8>),
}

struct Message {
    bytes: Vec<u8>,
    reply: oneshot::Sender<Result<Reply, Gone>>,
}

enum Job {
    Message(Message),
    Fault(Fault, oneshot::Sender<Result<Condition, ControlError>>),
    /// See whether it is to stop.
    Wake,
}

/// Hands messages to the device.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    jobs: mpsc::Sender<Job>,
    condition: watch::Receiver<Condition>,
}

impl Unit {
    /// Sends a message and waits for its answer.
    pub(crate) async fn transceive(&self, bytes: Vec<u8>) -> Result<Reply, Gone> {
        let (reply, replied) = oneshot::channel();
        self.jobs.send(Job::Message(Message { bytes, reply })).await.map_err(|_| Gone)?;
        replied.await.map_err(|_| Gone)?
    }

    /// Lets a fault happen; it has happened when this returns.
    pub(crate) async fn inject(&self, fault: Fault) -> Result<Condition, ControlError> {
        let (done, happened) = oneshot::channel();
        self.jobs.send(Job::Fault(fault, done)).await.map_err(|_| ControlError::Stopped)?;
        happened.await.map_err(|_| ControlError::Stopped)?
    }

    /// How the device is, and how it will be.
    pub(crate) fn condition(&self) -> &watch::Receiver<Condition> {
        &self.condition
    }
}

/// The thread. It stops when this is dropped, which waits for the message in hand.
#[derive(Debug)]
pub(crate) struct Running {
    unit: Unit,
    stop: Option<blocking::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts the thread. With `timing`, each message takes the time that the hardware takes.
    pub(crate) fn start(device: Device, timing: bool) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let (stop, stopped) = blocking::channel();
        let (shown, condition) = watch::channel(Condition::default());
        let hardware = Hardware::new(device, timing, stopped, shown);
        let thread = thread::Builder::new().name("device".to_owned()).spawn(|| hardware.run(waiting))?;
        Ok(Self { unit: Unit { jobs, condition }, stop: Some(stop), thread: Some(thread) })
    }

    /// A handle to it.
    pub(crate) fn unit(&self) -> &Unit {
        &self.unit
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        // With a full queue it is awake already.
        let _ = self.unit.jobs.try_send(Job::Wake);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
