//! The device, its clock, and what is wrong with it.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::{Gone, Job, Message, Reply};
use crate::control::{Condition, ControlError};
use crate::device::Device;
use crate::fault::Fault;
use crate::frame;
use crate::timing;

/// Messages that a device that hangs keeps; more are answered with a 500.
const KEPT: usize = 256;

pub(super) struct Hardware {
    device: Device,
    timing: bool,
    stop: Receiver<()>,
    shown: watch::Sender<Condition>,
    switched_on: Instant,
    /// How far the device's clock is ahead of real time.
    ahead: Duration,
    busy: Duration,
    unplugged: bool,
    hung: bool,
    waiting: VecDeque<Message>,
    wrong_macs: u32,
    dropped_answers: u32,
}

impl Hardware {
    pub(super) fn new(
        device: Device,
        timing: bool,
        stop: Receiver<()>,
        shown: watch::Sender<Condition>,
    ) -> Self {
        Self {
            device,
            timing,
            stop,
            shown,
            switched_on: Instant::now(),
            ahead: Duration::ZERO,
            busy: Duration::ZERO,
            unplugged: false,
            hung: false,
            waiting: VecDeque::new(),
            wrong_macs: 0,
            dropped_answers: 0,
        }
    }

    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while matches!(self.stop.try_recv(), Err(TryRecvError::Empty)) {
            match jobs.blocking_recv() {
                Some(Job::Message(message)) => self.take(message),
                Some(Job::Fault(fault, done)) => {
                    let happened = self.inject(fault);
                    // Whoever asked may have gone.
                    let _ = done.send(happened.map(|()| self.show()));
                }
                Some(Job::Wake) => {}
                None => return,
            }
        }
    }

    fn take(&mut self, message: Message) {
        if self.hung && self.waiting.len() < KEPT {
            self.waiting.push_back(message);
            self.show();
            return;
        }
        let reply = if self.hung { Err(Gone) } else { self.answer(&message.bytes) };
        // Before the reply: whoever has that sees how the device is after it.
        self.show();
        let _ = message.reply.send(reply);
    }

    fn answer(&mut self, message: &[u8]) -> Result<Reply, Gone> {
        if self.unplugged {
            return Err(Gone);
        }
        let began = Instant::now();
        let mut answer = self.device.receive(message, self.now());
        if self.timing {
            self.wait(timing::of(answer.work).saturating_sub(began.elapsed()));
        }
        self.busy += began.elapsed();
        tracing::debug!(command = answer.work.command, length = answer.work.length, "answered");
        if self.device.lost_power() {
            self.restart();
            return Err(Gone);
        }
        if let (true, Some(last)) = (frame::is_of_session(&answer.bytes), answer.bytes.last_mut())
            && spend(&mut self.wrong_macs)
        {
            *last ^= 1;
        }
        Ok(if spend(&mut self.dropped_answers) {
            Reply::Cut(answer.bytes)
        } else {
            Reply::Whole(answer.bytes)
        })
    }

    /// Lets the time pass that the hardware takes, unless it is to stop.
    fn wait(&self, time: Duration) {
        let waited = self.stop.recv_timeout(time);
        debug_assert!(matches!(waited, Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)));
    }

    fn inject(&mut self, fault: Fault) -> Result<(), ControlError> {
        let now = self.now();
        match fault {
            Fault::Unplug => {
                (self.unplugged, self.hung) = (true, false);
                // Whoever waited for an answer gets none.
                self.waiting.drain(..).for_each(|message| drop(message.reply.send(Err(Gone))));
                self.device.lose_sessions();
            }
            Fault::Replug if self.unplugged => {
                self.unplugged = false;
                self.restart();
            }
            Fault::Replug => {}
            Fault::Hang if self.unplugged => return Err(ControlError::Unplugged),
            Fault::Hang => self.hung = true,
            Fault::Release => {
                self.hung = false;
                while let Some(message) = self.waiting.pop_front() {
                    let reply = self.answer(&message.bytes);
                    let _ = message.reply.send(reply);
                }
            }
            Fault::WrongSignature(times) => self.device.corrupt_signatures(times),
            Fault::WrongMac(times) => self.wrong_macs = times,
            Fault::DropAnswer(times) => self.dropped_answers = times,
            Fault::FillSessions if self.unplugged => return Err(ControlError::Unplugged),
            Fault::FillSessions => self.device.fill_sessions(now),
            Fault::FillLog if self.unplugged => return Err(ControlError::Unplugged),
            Fault::FillLog => self.device.fill_log(now).map_err(ControlError::Device)?,
            Fault::FillFlash => self.device.fill_flash(),
            Fault::FreeFlash => self.device.free_flash(),
            Fault::CutPower => self.device.cut_power(),
            Fault::AdvanceClock(by) => {
                self.ahead = self.ahead.saturating_add(by);
                self.device.expire_sessions(self.now());
            }
        }
        Ok(())
    }

    /// Power is back. A start that cannot be written into the log is one all the same.
    fn restart(&mut self) {
        if let Err(code) = self.device.restart(self.now()) {
            tracing::warn!(%code, "the start is not in the log");
        }
    }

    fn now(&self) -> Duration {
        self.switched_on.elapsed().saturating_add(self.ahead)
    }

    /// Tells how it is to those who watch.
    fn show(&self) -> Condition {
        let condition = Condition {
            plugged: !self.unplugged,
            hung: self.hung,
            waiting: self.waiting.len(),
            sessions: self.device.sessions(),
            busy: self.busy,
        };
        self.shown.send_replace(condition);
        condition
    }
}

/// One of the answers that something is to befall, if any are left.
fn spend(left: &mut u32) -> bool {
    let spent = left.checked_sub(1);
    *left = spent.unwrap_or_default();
    spent.is_some()
}
