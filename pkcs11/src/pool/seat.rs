//! One worker's session, and the handles of the keys it has used.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cryptoki::error::{Error as Cryptoki, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;

use super::{Shared, lock};
use crate::key::Identity;
use crate::op::lookup;
use crate::{Error, Key, TokenInfo, TokenUri};

/// A deleted key is noticed after this time at the latest, by every worker for itself: until then
/// a session copy goes on signing.
const REVALIDATE: Duration = Duration::from_secs(1);

/// Keys whose handles a worker remembers; then it begins anew, so that session copies are bounded.
const REMEMBERED: usize = 256;

pub(crate) struct Seat {
    pub(crate) session: Session,
    pub(crate) epoch: u64,
    pub(crate) slot: Slot,
    handles: HashMap<Identity, Handles>,
}

struct Handles {
    token: ObjectHandle,
    copy: Option<ObjectHandle>,
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
            Ok(()) => Ok(Seat { session, epoch, slot, handles: HashMap::new() }),
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
        let token = lookup::private_handle(&self.session, key)?;
        let copy = if shared.quirk.copy_pays(key.algorithm()) { self.copy(token) } else { None };
        let known = Handles { token, copy, checked: Instant::now() };
        self.handles.insert(identity.clone(), known);
        Ok(copy.unwrap_or(token))
    }

    /// A copy that lives in this session only. Any failure means that the key itself is used, as for
    /// one that is not copyable; and so does a copy that is less protected than its original.
    fn copy(&self, token: ObjectHandle) -> Option<ObjectHandle> {
        let copy = self.session.copy_object(token, &[Attribute::Token(false)]).ok()?;
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
    if let SessionState::RwUser | SessionState::RoUser = session.get_session_info()?.session_state() {
        return Ok(());
    }
    if !info.pin_initialized() {
        return Err(Error::PinNotInitialized);
    }
    if info.pin().locked {
        return Err(Error::PinLocked);
    }
    if info.pin().final_try {
        return Err(Error::PinFinalTry);
    }
    let pin = shared.pin.as_ref().ok_or(Error::PinMissing)?;
    match session.login(UserType::User, Some(pin.auth())) {
        Ok(()) | Err(Cryptoki::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Cryptoki::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
            let now = shared.module.context().get_token_info(slot);
            let flags = now.map_or(info.pin(), |raw| TokenInfo::new(slot, &raw).pin());
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
