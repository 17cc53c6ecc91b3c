//! One worker's session, and the handles of the keys it has used.

use std::collections::HashMap;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use cryptoki::error::{Error as Cryptoki, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;

use super::{Shared, lock};
use crate::key::Identity;
use crate::op::lookup;
use crate::quirk::Quirk;
use crate::{Error, Key, Module, TokenInfo, TokenUri};

/// A deleted key is noticed after this time at the latest, by every worker for itself: until then
/// a session copy goes on signing.
const REVALIDATE: Duration = Duration::from_secs(1);

/// Keys whose handles a worker remembers; then it begins anew, so that session copies are bounded.
const REMEMBERED: usize = 256;

pub(crate) struct Seat {
    pub(crate) session: Session,
    pub(crate) epoch: u64,
    pub(crate) slot: Slot,
    module: Module,
    quirk: Quirk,
    login_required: bool,
    handles: HashMap<Identity, Handles>,
}

struct Handles {
    token: ObjectHandle,
    copy: Option<ObjectHandle>,
    /// Does the token want the PIN for each signature?
    pin_each_use: bool,
    checked: Instant,
}

impl Seat {
    /// Opens a session on the token wherever it is now, and logs in if the token says that nobody is.
    pub(crate) fn open(shared: &Shared) -> Result<Seat, Error> {
        let module = &shared.module;
        let epoch = module.epoch();
        let uri = TokenUri::of(&shared.info);
        let (slot, info) = module
            .slots()?
            .into_iter()
            .find(|(_, info)| uri.matches(info))
            .ok_or_else(|| Error::Unplugged { token: uri.to_string() })?;
        let session = module.context().open_rw_session_no_drop(slot)?;
        match log_in(shared, &session, slot, &info) {
            Ok(()) => Ok(Seat {
                session,
                epoch,
                slot,
                module: module.clone(),
                quirk: shared.quirk,
                login_required: info.login_required(),
                handles: HashMap::new(),
            }),
            Err(error) => {
                module.retire(epoch, session);
                Err(error)
            }
        }
    }

    /// The handle to use the key by: its session copy where there is one and it pays.
    pub(crate) fn handle(&mut self, shared: &Shared, key: &Key) -> Result<ObjectHandle, Error> {
        let identity = key.identity();
        if let Some(known) = self.handles.get_mut(identity) {
            if known.checked.elapsed() < REVALIDATE {
                return Ok(known.copy.unwrap_or(known.token));
            }
            // Constant in the number of objects, and a handle is not given twice in a session.
            let same = Attribute::Id(identity.id.clone());
            if self.session.get_attributes(known.token, &[AttributeType::Id]).is_ok_and(|a| a == [same]) {
                known.checked = Instant::now();
                return Ok(known.copy.unwrap_or(known.token));
            }
            self.forget(identity);
        }
        if self.handles.len() >= REMEMBERED {
            let all: Vec<_> = self.handles.keys().cloned().collect();
            all.iter().for_each(|identity| self.forget(identity));
        }
        let token = lookup::private_handle(self, key)?;
        let pin_each_use = self.pin_each_use(token);
        let pays = shared.quirk.copy_pays(key.algorithm()) && !pin_each_use;
        let copy = if pays { self.copy(token) } else { None };
        let known = Handles { token, copy, pin_each_use, checked: Instant::now() };
        self.handles.insert(identity.clone(), known);
        Ok(copy.unwrap_or(token))
    }

    /// CKA_ALWAYS_AUTHENTICATE; a module that does not know the attribute has no such keys.
    fn pin_each_use(&self, token: ObjectHandle) -> bool {
        let read = self.session.get_attributes(token, &[AttributeType::AlwaysAuthenticate]);
        read.is_ok_and(|read| read == [Attribute::AlwaysAuthenticate(true)])
    }

    /// Gives the PIN for the operation that was begun with this key, if the key wants it each time.
    pub(crate) fn authenticate(&self, shared: &Shared, key: &Key) -> Result<(), Error> {
        if self.handles.get(key.identity()).is_none_or(|known| !known.pin_each_use) {
            return Ok(());
        }
        let mut refused = lock(&shared.refused);
        if let Some(error) = refused.as_ref() {
            return Err(error.clone());
        }
        let pin = shared.pin.as_ref().ok_or(Error::PinMissing)?;
        let login = self.session.login(UserType::ContextSpecific, Some(pin.auth()));
        given(shared, self.slot, login, &mut refused)
    }

    /// To be held over a search and over whatever makes or destroys token objects; not to be nested.
    pub(crate) fn alone(&self) -> Option<MutexGuard<'_, ()>> {
        self.quirk.searches_alone().then(|| self.module.searching())
    }

    /// Whether what a search found is all there is. A session that was logged out shows no private
    /// objects, and one of a vanished SoftHSM token no objects at all, both without an error.
    pub(crate) fn confirm(&self, found: &[ObjectHandle]) -> Result<(), Error> {
        if self.login_required && !is_user(&self.session)? {
            return Err(Error::Device("the session was logged out".to_owned()));
        }
        if found.is_empty() {
            self.module.context().get_token_info(self.slot)?;
        }
        Ok(())
    }

    /// The key itself, or a session copy whatever it is worth.
    #[cfg(feature = "bench")]
    pub(crate) fn bare_handle(&self, key: &Key, copy: bool) -> Result<ObjectHandle, Error> {
        let token = lookup::private_handle(self, key)?;
        if !copy {
            return Ok(token);
        }
        self.copy(token).ok_or_else(|| Error::Unsupported("this key has no session copy".to_owned()))
    }

    /// A copy that lives in this session only. Any failure means that the key itself is used, as for
    /// one that is not copyable; and so does a copy that is less protected than its original.
    fn copy(&self, token: ObjectHandle) -> Option<ObjectHandle> {
        let made = {
            let _alone = self.alone();
            self.session.copy_object(token, &[Attribute::Token(false)])
        };
        let copy = made.ok()?;
        let wanted = [
            Attribute::Token(false),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
        ];
        if lookup::differences(&self.session, copy, &wanted).is_ok_and(|d| d.is_empty()) {
            return Some(copy);
        }
        let _ = self.session.destroy_object(copy);
        None
    }

    fn forget(&mut self, identity: &Identity) {
        if let Some(copy) = self.handles.remove(identity).and_then(|h| h.copy) {
            // It goes with the session at the latest.
            let _ = self.session.destroy_object(copy);
        }
    }
}

fn log_in(shared: &Shared, session: &Session, slot: Slot, info: &TokenInfo) -> Result<(), Error> {
    if !info.login_required() {
        return Ok(());
    }
    let mut refused = lock(&shared.refused);
    if let Some(error) = refused.as_ref() {
        return Err(error.clone());
    }
    if is_user(session)? {
        return Ok(());
    }
    if !info.pin_initialized() {
        return Err(Error::PinNotInitialized);
    }
    info.pin().may_try()?;
    let pin = shared.pin.as_ref().ok_or(Error::PinMissing)?;
    let login = session.login(UserType::User, Some(pin.auth()));
    given(shared, slot, login, &mut refused)
}

/// What the token says of a PIN; a refusal is final.
fn given(
    shared: &Shared,
    slot: Slot,
    login: cryptoki::error::Result<()>,
    refused: &mut Option<Error>,
) -> Result<(), Error> {
    match login {
        Ok(()) | Err(Cryptoki::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Cryptoki::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
            let now = shared.module.context().get_token_info(slot);
            let flags = now.map_or(shared.info.pin(), |raw| TokenInfo::new(slot, &raw).pin());
            let error = Error::PinIncorrect {
                count_low: flags.count_low,
                final_try: flags.final_try,
                locked: flags.locked,
            };
            *refused = Some(error.clone());
            Err(error)
        }
        Err(Cryptoki::Pkcs11(RvError::PinLocked, _)) => {
            *refused = Some(Error::PinLocked);
            Err(Error::PinLocked)
        }
        Err(error) => Err(error.into()),
    }
}

fn is_user(session: &Session) -> Result<bool, Error> {
    let state = session.get_session_info()?.session_state();
    Ok(matches!(state, SessionState::RwUser | SessionState::RoUser))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fixture::SoftHsm;
    use crate::{Algorithm, NewKey, Usage};

    /// The token itself insists: without the PIN in between there is no signature.
    #[test]
    fn without_its_pin_a_guarded_key_does_not_sign() {
        let hsm = SoftHsm::new();
        let token = hsm.open();
        let (label, id) = ("guarded".to_owned(), b"guarded".to_vec());
        let (algorithm, usage) = (Algorithm::P256, Usage::Sign);
        let new = NewKey { label, id, algorithm, usage, copyable: false, pin_each_use: true };
        let key = token.generate(new).wait().unwrap();
        let shared = token.shared();
        let _inside = shared.module.enter();
        let mut seat = Seat::open(shared).unwrap();
        let handle = seat.handle(shared, &key).unwrap();
        let calls = shared.module.calls();
        let sign = |pin: bool| {
            let between = || if pin { seat.authenticate(shared, &key) } else { Ok(()) };
            calls.sign(&seat.session, algorithm, handle, &[7; 32], between)
        };
        assert!(sign(false).is_err());
        assert!(sign(true).is_ok());
        shared.module.retire(seat.epoch, seat.session);
    }

    /// Which object signs is not to be seen from outside, so it is looked at here.
    #[test]
    fn copyable_keys_are_used_by_a_session_copy_and_others_are_not() {
        let hsm = SoftHsm::new();
        let token = hsm.open();
        for algorithm in Algorithm::ALL {
            for copyable in [true, false] {
                let label = format!("{algorithm} {copyable}");
                let id = label.clone().into_bytes();
                let new = NewKey { label, id, algorithm, usage: Usage::Sign, copyable, pin_each_use: false };
                let key = token.generate(new).wait().unwrap();
                let shared = token.shared();
                let _inside = shared.module.enter();
                let mut seat = Seat::open(shared).unwrap();
                let handle = seat.handle(shared, &key).unwrap();
                assert_eq!(seat.handle(shared, &key).unwrap(), handle, "remembered");
                let is = seat.session.get_attributes(handle, &[AttributeType::Token]).unwrap();
                assert_eq!(is, [Attribute::Token(!copyable)], "{algorithm}, copyable {copyable}");
                shared.module.retire(seat.epoch, seat.session);
            }
        }
    }
}
