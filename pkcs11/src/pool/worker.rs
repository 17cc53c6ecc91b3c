//! A worker: one session, opened again when it is in doubt.

use std::sync::Arc;

use super::Shared;
use super::seat::Seat;
use crate::{Error, Module, TokenUri};

pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    seat: Option<Seat>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, seat: Option<Seat>) -> Worker {
        Worker { shared, seat }
    }

    pub(super) fn module(&self) -> Module {
        self.shared.module.clone()
    }

    /// Runs an operation that may be repeated: after a failure that leaves the session in doubt it is
    /// run once more on a new one.
    pub(crate) fn attempt<T>(
        &mut self,
        mut operation: impl FnMut(&Shared, &mut Seat) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.once(&mut operation) {
            Err(error) if error.doubts_session() => self.once(&mut operation),
            answer => answer,
        }
    }

    /// Runs an operation that must not be repeated, such as making an object.
    pub(crate) fn once<T>(
        &mut self,
        operation: impl FnOnce(&Shared, &mut Seat) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        // Around the calls only: a caller's check, which may take its time, keeps nobody out.
        let _inside = shared.module.enter();
        if self.seat.as_ref().is_some_and(|seat| seat.epoch != shared.module.epoch()) {
            self.discard();
        }
        let seat = match self.seat.take() {
            Some(seat) => self.seat.insert(seat),
            None => self.seat.insert(Seat::open(&shared)?),
        };
        let answer = operation(&shared, seat);
        match answer {
            Err(error) if error.doubts_session() => {
                // C_GetTokenInfo is the honest check: a vanished SoftHSM token answers calls on its
                // objects with CKR_OBJECT_HANDLE_INVALID, and its sessions look well.
                let gone = shared.module.context().get_token_info(seat.slot).is_err();
                self.discard();
                Err(if gone {
                    Error::Unplugged { token: TokenUri::of(&shared.info).to_string() }
                } else {
                    error
                })
            }
            answer => answer,
        }
    }

    /// Takes the session out of use.
    pub(super) fn discard(&mut self) {
        if let Some(seat) = self.seat.take()
            && seat.epoch == self.shared.module.epoch()
        {
            self.shared.module.retire(seat.epoch, seat.session);
        }
    }
}
