//! The device: messages in, answers out; one at a time, as the hardware does.

mod fault;

use std::time::Duration;

use rand_core::CryptoRng;

use crate::algorithm::Algorithm;
use crate::audit::{Event, NO_KEY};
use crate::command::{self, Command};
use crate::context::{After, Context};
use crate::error::Code;
use crate::faulty_flash::FaultyFlash;
use crate::frame::{self, Frame};
use crate::kept::{Flash, Kept};
use crate::memory::Memory;
use crate::object::Kind;
use crate::profile::Profile;
use crate::reader::Reader;
use crate::session::{Grant, Progress, Sessions, asymmetric, symmetric};

/// Ticks of the log's clock in a second.
const TICKS: u128 = 100;

/// What the device did for a message, for the time that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// The command, the inner one of a session's message.
    pub command: u8,
    /// The algorithm of the key that was used.
    pub algorithm: Option<Algorithm>,
    /// Bytes of the command's data.
    pub length: usize,
}

/// An answer, and what it took.
#[derive(Debug)]
pub struct Answer {
    /// The frame that goes back.
    pub bytes: Vec<u8>,
    /// What was done.
    pub work: Work,
}

/// A YubiHSM 2.
pub struct Device {
    profile: Profile,
    memory: Kept,
    sessions: Sessions,
    flash: FaultyFlash,
    rng: Box<dyn CryptoRng + Send>,
    /// Signatures that are still to be made wrong.
    wrong_signatures: u32,
    /// When it was switched on, on the clock that its owner reads.
    started: Duration,
}

impl Device {
    /// Switches a device on: its start is written into the log.
    ///
    /// # Errors
    /// [`Code::StorageFailed`] when the flash cannot be written.
    pub fn start(
        profile: Profile,
        memory: Memory,
        flash: Box<dyn Flash>,
        rng: Box<dyn CryptoRng + Send>,
        now: Duration,
    ) -> Result<Self, Code> {
        let (memory, sessions, flash) = (Kept::new(memory), Sessions::default(), FaultyFlash::new(flash));
        let mut device = Self { profile, memory, sessions, flash, rng, wrong_signatures: 0, started: now };
        device.boot(now)?;
        Ok(device)
    }

    /// Takes the power away and gives it back: all sessions are gone.
    ///
    /// # Errors
    /// [`Code::StorageFailed`] when the flash cannot be written.
    pub fn restart(&mut self, now: Duration) -> Result<(), Code> {
        self.boot(now)
    }

    /// Takes the power away: all sessions are gone.
    pub fn lose_sessions(&mut self) {
        self.sessions = Sessions::default();
    }

    /// Ends the sessions that have been silent for too long.
    pub fn expire_sessions(&mut self, now: Duration) {
        self.sessions.expire(now);
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions.count()
    }

    fn boot(&mut self, now: Duration) -> Result<(), Code> {
        (self.started, self.sessions) = (now, Sessions::default());
        let memory = self.memory.change();
        if memory.log.is_full() && memory.options.forces_audit() {
            memory.log.count_boot();
        } else {
            memory.log.append(&Event {
                command: 0,
                length: 0,
                session_key: NO_KEY,
                target_key: 0,
                second_key: 0,
                result: 0,
                tick: 0,
            });
        }
        self.memory.commit(&mut self.flash).map_err(|_| Code::StorageFailed)
    }

    /// Answers a message. `now` is on the same clock as at the start.
    pub fn receive(&mut self, message: &[u8], now: Duration) -> Answer {
        self.sessions.expire(now);
        let command = message.first().copied().unwrap_or_default();
        let mut work = Work { command, algorithm: None, length: message.len() };
        let bytes = match self.take(message, now, &mut work) {
            Ok(bytes) => bytes,
            Err(code) => frame::answer(command, Err(code)),
        };
        Answer { bytes, work }
    }

    /// Answers a message as a session of this authentication key would, without one: for tests that have no client.
    #[doc(hidden)]
    pub fn inside(&mut self, key: u16, message: &[u8], now: Duration) -> Vec<u8> {
        let Some(key) = self.memory.now().store.get(Kind::AuthenticationKey, key) else {
            return frame::answer(0, Err(Code::ObjectNotFound));
        };
        let (grant, command) = (Grant::of(key), message.first().copied().unwrap_or_default());
        let mut work = Work { command, algorithm: None, length: message.len() };
        let (answer, after) = self.inner(message, &grant, now, &mut work);
        match after {
            Some(After::Restart) => {
                self.restart(now).map_or_else(|code| frame::answer(command, Err(code)), |()| answer)
            }
            Some(After::Close) | None => answer,
        }
    }

    fn take(&mut self, message: &[u8], now: Duration, work: &mut Work) -> Result<Vec<u8>, Code> {
        if message.len() > self.profile.firmware.largest_message() {
            return Err(Code::WrongLength);
        }
        let Frame { command, data } = frame::parse(message)?;
        let reader = Reader::new(data);
        let answer = match Command::find(command, self.profile.firmware)? {
            Command::SessionMessage => return self.in_session(message, reader, now, work),
            Command::Echo => data.to_vec(),
            Command::DeviceInfo => command::info(&self.profile, self.memory.now(), reader)?,
            Command::GetDevicePublicKey => self.public_key(reader)?,
            Command::CreateSession => self.create_session(reader, now)?,
            Command::AuthenticateSession => self.authenticate(message, reader, now)?,
            _ => return Err(Code::InvalidCommand),
        };
        Ok(frame::answer(command, Ok(&answer)))
    }

    /// The device's own point on P-256, with the algorithm in the place of its first byte.
    fn public_key(&self, data: Reader<'_>) -> Result<Vec<u8>, Code> {
        data.end()?;
        let mut point = asymmetric::point_of(&self.memory.now().device_key()?.public_key())?;
        point[0] = Algorithm::EcP256YubicoAuthentication.byte();
        Ok(point.to_vec())
    }

    /// Id of the authentication key (2), then the host's challenge (8) or ephemeral point (65).
    fn create_session(&mut self, mut data: Reader<'_>, now: Duration) -> Result<Vec<u8>, Code> {
        let length = data.rest().len();
        let key = data.u16()?;
        let outcome = self.begin_session(key, data, now);
        self.log_plain(Command::CreateSession, length, key, outcome.as_ref().err().copied(), now);
        outcome
    }

    fn begin_session(&mut self, key: u16, data: Reader<'_>, now: Duration) -> Result<Vec<u8>, Code> {
        let key = self.memory.now().store.get(Kind::AuthenticationKey, key).ok_or(Code::ObjectNotFound)?;
        let (grant, secret) = (Grant::of(key), key.body.bytes());
        let id = self.sessions.free()?;
        let mut answer = vec![id];
        let progress = match key.algorithm {
            Algorithm::EcP256YubicoAuthentication => {
                let host = data.rest().try_into().map_err(|_| Code::WrongLength)?;
                let agreed =
                    asymmetric::agree(&self.memory.now().device_key()?, secret, host, &mut *self.rng)?;
                answer.extend(agreed.point);
                answer.extend(agreed.receipt);
                Progress::Open(Box::new(agreed.channel))
            }
            _ => {
                let host = data.rest().try_into().map_err(|_| Code::WrongLength)?;
                let keys = secret.try_into().map_err(|_| Code::SessionFailed)?;
                let mut card = [0; 8];
                self.rng.fill_bytes(&mut card);
                let (session, cryptogram) = symmetric::Challenged::new(keys, host, card);
                answer.extend(card);
                answer.extend(cryptogram);
                Progress::Challenged(session)
            }
        };
        self.sessions.begin(id, grant, progress, now)?;
        Ok(answer)
    }

    /// Session (1), the host's cryptogram (8), the MAC over all before it (8).
    fn authenticate(&mut self, message: &[u8], mut data: Reader<'_>, now: Duration) -> Result<Vec<u8>, Code> {
        let length = data.rest().len();
        let id = data.u8()?;
        if data.rest().len() != 16 {
            return Err(Code::WrongLength);
        }
        let (grant, progress) = self.sessions.get(id, now)?;
        let Progress::Challenged(challenged) = progress else { return Err(Code::InvalidSession) };
        let (key, proof) = (grant.key, challenged.prove(message));
        let failed = proof.as_ref().err().copied();
        match proof {
            Ok(channel) => *progress = Progress::Open(Box::new(channel)),
            Err(_) => self.sessions.end(id),
        }
        self.log_plain(Command::AuthenticateSession, length, key, failed, now);
        failed.map_or(Ok(Vec::new()), Err)
    }

    /// Session (1), ciphertext, MAC (8).
    fn in_session(
        &mut self,
        message: &[u8],
        mut data: Reader<'_>,
        now: Duration,
        work: &mut Work,
    ) -> Result<Vec<u8>, Code> {
        let id = data.u8()?;
        let (grant, progress) = self.sessions.get(id, now)?;
        let Progress::Open(channel) = progress else { return Err(Code::InvalidSession) };
        let (grant, opened) = (*grant, channel.open(message));
        let request = opened.inspect_err(|code| {
            if *code == Code::AuthenticationFailed {
                self.sessions.end(id);
            }
        })?;
        let (answer, after) = self.inner(&request.plain, &grant, now, work);
        let sealed = match self.sessions.get(id, now)?.1 {
            Progress::Open(channel) => channel.seal(id, &request, &answer),
            Progress::Challenged(_) | Progress::Taken => return Err(Code::InvalidSession),
        };
        match after {
            Some(After::Close) => self.sessions.end(id),
            Some(After::Restart) => self.restart(now)?,
            None => {}
        }
        Ok(sealed)
    }

    /// Answers what was in a session's message.
    fn inner(
        &mut self,
        message: &[u8],
        grant: &Grant,
        now: Duration,
        work: &mut Work,
    ) -> (Vec<u8>, Option<After>) {
        let command = message.first().copied().unwrap_or_default();
        let known = frame::parse(message)
            .and_then(|frame| Ok((Command::find(frame.command, self.profile.firmware)?, frame.data)));
        let (command, data) = match known {
            Ok(known) => known,
            Err(code) => return (frame::answer(command, Err(code)), None),
        };
        (work.command, work.length) = (command.byte(), data.len());
        let logged = self.memory.now().options.audits(command.byte());
        let mut context = Context::new(&mut self.memory, grant, &self.profile, &mut *self.rng);
        let full = logged && context.must_keep_full_log() && !command.works_with_full_log();
        let mut outcome =
            if full { Err(Code::LogFull) } else { command.run(&mut context, Reader::new(data)) };
        let (target_key, second_key, after) = (context.target, context.second, context.after);
        work.algorithm = context.algorithm;
        if outcome.is_err() {
            self.memory.undo();
        }
        self.corrupt(command, &mut outcome);
        let outcome = self.fits(outcome);
        if logged && after != Some(After::Restart) {
            let result = outcome.as_ref().map_or_else(|code| code.byte(), |_| command.byte() | 0x80);
            let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
            let (command, session_key, tick) = (command.byte(), grant.key, self.tick(now));
            self.log(&Event { command, length, session_key, target_key, second_key, result, tick });
        }
        let outcome = match self.memory.commit(&mut self.flash) {
            Ok(()) => outcome,
            Err(_) => Err(Code::StorageFailed),
        };
        let after = after.filter(|_| outcome.is_ok());
        (frame::answer(command.byte(), outcome.as_deref().map_err(|code| *code)), after)
    }

    /// An answer that no message can carry is none.
    fn fits(&mut self, outcome: Result<Vec<u8>, Code>) -> Result<Vec<u8>, Code> {
        let data = outcome?;
        let inner = (frame::HEADER + data.len() + 1).next_multiple_of(16);
        if frame::HEADER + 1 + inner + 8 > self.profile.firmware.largest_message() {
            self.memory.undo();
            return Err(Code::WrongLength);
        }
        Ok(data)
    }

    /// Writes a command outside of a session into the log, or counts it where that is full.
    fn log_plain(&mut self, command: Command, length: usize, key: u16, failed: Option<Code>, now: Duration) {
        if !self.memory.now().options.audits(command.byte()) {
            return;
        }
        let result = failed.map_or(command.byte() | 0x80, Code::byte);
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        let (command, tick) = (command.byte(), self.tick(now));
        let (session_key, target_key, second_key) = (NO_KEY, key, NO_KEY);
        self.log(&Event { command, length, session_key, target_key, second_key, result, tick });
        // Whoever cannot write its log can still be asked for it.
        let _ = self.memory.commit(&mut self.flash);
    }

    fn log(&mut self, event: &Event) {
        let memory = self.memory.change();
        if memory.log.is_full() && memory.options.forces_audit() {
            if event.command == Command::AuthenticateSession.byte() {
                memory.log.count_authentication();
            }
            return;
        }
        memory.log.append(event);
    }

    fn tick(&self, now: Duration) -> u32 {
        let ticks = now.saturating_sub(self.started).as_millis() * TICKS / 1000;
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }
}
