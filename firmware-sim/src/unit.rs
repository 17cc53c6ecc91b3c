//! The device on a thread of its own: one message after the other, as the hardware takes them.

use std::thread;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use crate::device::Device;

/// Messages that wait at most; more must wait outside.
const WAITING: usize = 64;

struct Job {
    message: Vec<u8>,
    answer: oneshot::Sender<Vec<u8>>,
}

/// The device has failed: the connector says so with a 500.
#[derive(Debug, thiserror::Error)]
#[error("the device does not answer")]
pub(crate) struct Gone;

/// Hands messages to the device.
#[derive(Clone)]
pub(crate) struct Unit(mpsc::Sender<Job>);

impl Unit {
    /// Starts the thread. It ends when the last handle is dropped.
    pub(crate) fn start(mut device: Device, clock: Instant) -> std::io::Result<Self> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING);
        thread::Builder::new().name("device".to_owned()).spawn(move || {
            while let Some(Job { message, answer }) = waiting.blocking_recv() {
                let done = device.receive(&message, clock.elapsed());
                tracing::debug!(command = done.work.command, length = done.work.length, "answered");
                // Whoever asked may have gone.
                let _ = answer.send(done.bytes);
            }
        })?;
        Ok(Self(jobs))
    }

    /// Sends a message and waits for its answer.
    pub(crate) async fn transceive(&self, message: Vec<u8>) -> Result<Vec<u8>, Gone> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Job { message, answer }).await.map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }
}
