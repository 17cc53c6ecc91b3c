//! What a command runs in: the session that sent it, and the device's memory.

use std::sync::Arc;

use rand_core::CryptoRng;

use crate::algorithm::Algorithm;
use crate::audit::NO_KEY;
use crate::capability::Capabilities;
use crate::error::Code;
use crate::kept::Kept;
use crate::object::{Kind, Object};
use crate::profile::Profile;
use crate::reader::Reader;
use crate::session::Grant;

/// What happens once the command is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The session ends.
    Close,
    /// The device starts again.
    Restart,
}

/// What a command runs in.
pub(crate) struct Context<'a> {
    pub memory: &'a mut Kept,
    pub grant: &'a Grant,
    pub profile: &'a Profile,
    pub rng: &'a mut dyn CryptoRng,
    /// The object that it is about, for the log.
    pub target: u16,
    /// Another one, for the log.
    pub second: u16,
    /// The algorithm of the key that it uses, for the time that it takes.
    pub algorithm: Option<Algorithm>,
    pub after: Option<After>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        memory: &'a mut Kept,
        grant: &'a Grant,
        profile: &'a Profile,
        rng: &'a mut dyn CryptoRng,
    ) -> Self {
        Self { memory, grant, profile, rng, target: NO_KEY, second: NO_KEY, algorithm: None, after: None }
    }

    /// An object that the session sees: one that is in one of its domains.
    pub(crate) fn object(&mut self, kind: Kind, id: u16) -> Result<&Arc<Object>, Code> {
        self.target = id;
        self.visible(kind, id)
    }

    /// The second object of a command.
    pub(crate) fn second_object(&mut self, kind: Kind, id: u16) -> Result<&Arc<Object>, Code> {
        self.second = id;
        self.visible(kind, id)
    }

    fn visible(&mut self, kind: Kind, id: u16) -> Result<&Arc<Object>, Code> {
        let object = self.memory.now().store.get(kind, id);
        let object = object.filter(|object| object.domains.shares(self.grant.domains));
        let object = object.ok_or(Code::ObjectNotFound)?;
        self.algorithm = Some(object.algorithm);
        Ok(object)
    }

    /// A key that may be used like this: session and key need the capability.
    pub(crate) fn usable(&mut self, kind: Kind, id: u16, needs: Capabilities) -> Result<Arc<Object>, Code> {
        self.target = id;
        self.grant.needs(needs)?;
        let object = self.object(kind, id)?;
        if !object.capabilities.contains(needs) {
            return Err(Code::InsufficientPermissions);
        }
        Ok(object.clone())
    }

    /// The algorithm must be known to the firmware, and on.
    pub(crate) fn enabled(&self, algorithm: Algorithm) -> Result<(), Code> {
        if !algorithm.is_known(self.profile.firmware) {
            return Err(Code::InvalidData);
        }
        if self.memory.now().options.enables(algorithm) { Ok(()) } else { Err(Code::AlgorithmDisabled) }
    }

    /// Is the log full, and must it be kept?
    pub(crate) fn must_keep_full_log(&self) -> bool {
        let memory = self.memory.now();
        memory.options.forces_audit() && memory.log.is_full()
    }

    /// Ends the session once it is answered.
    pub(crate) fn close(&mut self) -> Vec<u8> {
        self.after = Some(After::Close);
        Vec::new()
    }

    /// Deletes everything and starts again.
    pub(crate) fn reset(&mut self, data: Reader<'_>) -> Result<Vec<u8>, Code> {
        data.end()?;
        self.grant.needs(Capabilities::RESET_DEVICE)?;
        self.memory.change().reset(self.profile.firmware, self.rng)?;
        self.after = Some(After::Restart);
        Ok(Vec::new())
    }
}
