//! Sessions: up to sixteen, each with keys of its own, gone after 30 seconds of silence.

pub(crate) mod asymmetric;
pub(crate) mod channel;
pub(crate) mod kdf;
pub(crate) mod symmetric;

use std::time::Duration;

use crate::audit::NO_KEY;
use crate::capability::Capabilities;
use crate::domain::Domains;
use crate::error::Code;
use crate::object::Object;
use channel::Channel;

/// Sessions at most.
pub const SESSIONS: usize = 16;
/// Silence after which a session is gone.
pub const IDLE: Duration = Duration::from_secs(30);

/// What a session may do: what its authentication key had when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The authentication key.
    pub key: u16,
    pub domains: Domains,
    pub capabilities: Capabilities,
    /// What objects that it makes may have.
    pub delegated: Capabilities,
}

impl Grant {
    /// What nobody's session may do.
    const NOTHING: Self = Self {
        key: NO_KEY,
        domains: Domains(0),
        capabilities: Capabilities::NONE,
        delegated: Capabilities::NONE,
    };

    pub(crate) fn of(key: &Object) -> Self {
        Self { key: key.id, domains: key.domains, capabilities: key.capabilities, delegated: key.delegated }
    }

    /// The session needs these capabilities.
    pub(crate) fn needs(&self, capabilities: Capabilities) -> Result<(), Code> {
        if self.capabilities.contains(capabilities) { Ok(()) } else { Err(Code::InsufficientPermissions) }
    }
}

/// How far a session has come.
pub(crate) enum Progress {
    /// The host has yet to prove that it has the keys.
    Challenged(symmetric::Challenged),
    Open(Box<Channel>),
    /// Nobody has it: its place is taken so that there are fewer.
    Taken,
}

struct Session {
    grant: Grant,
    progress: Progress,
    last_used: Duration,
}

/// Every session, by its number.
#[derive(Default)]
pub(crate) struct Sessions([Option<Session>; SESSIONS]);

impl Sessions {
    /// Ends the sessions that have been silent for too long. `now` is the time since the start.
    pub(crate) fn expire(&mut self, now: Duration) {
        for place in &mut self.0 {
            if place.as_ref().is_some_and(|session| now.saturating_sub(session.last_used) > IDLE) {
                *place = None;
            }
        }
    }

    /// The number that the next session would get.
    pub(crate) fn free(&self) -> Result<u8, Code> {
        let free = self.0.iter().position(Option::is_none).ok_or(Code::SessionsFull)?;
        u8::try_from(free).map_err(|_| Code::SessionsFull)
    }

    /// Begins a session in a free place.
    pub(crate) fn begin(
        &mut self,
        id: u8,
        grant: Grant,
        progress: Progress,
        now: Duration,
    ) -> Result<(), Code> {
        let place = self.0.get_mut(usize::from(id)).ok_or(Code::InvalidSession)?;
        *place = Some(Session { grant, progress, last_used: now });
        Ok(())
    }

    /// A session that is there, and counts as used now.
    pub(crate) fn get(&mut self, id: u8, now: Duration) -> Result<(&Grant, &mut Progress), Code> {
        let session = self.0.get_mut(usize::from(id)).and_then(Option::as_mut);
        let session = session.ok_or(Code::InvalidSession)?;
        session.last_used = now;
        Ok((&session.grant, &mut session.progress))
    }

    /// Ends a session.
    pub(crate) fn end(&mut self, id: u8) {
        if let Some(place) = self.0.get_mut(usize::from(id)) {
            *place = None;
        }
    }

    /// Takes every free place, with sessions that nobody has.
    pub(crate) fn fill(&mut self, now: Duration) {
        for place in self.0.iter_mut().filter(|place| place.is_none()) {
            *place = Some(Session { grant: Grant::NOTHING, progress: Progress::Taken, last_used: now });
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }
}
