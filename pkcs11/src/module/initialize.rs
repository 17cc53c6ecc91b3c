//! Initialising a new token, as SoftHSM offers it.

use cryptoki::session::UserType;

use super::{EXCLUSIVE, Module};
use crate::quirk::Quirk;
use crate::{Error, Pin, TokenInfo, TokenUri};

impl Module {
    /// Initialises the first uninitialised token and sets its user's PIN. Waits until no other call
    /// is running, since it closes a session and slots are renumbered.
    ///
    /// # Errors
    /// [`Error::TokenExists`] for a label that is taken, [`Error::NoFreeSlot`], [`Error::PinLength`],
    /// [`Error::Deadline`] when a call has not returned within 10 s, [`Error::NotDurable`].
    pub fn init_token(&self, label: &str, so_pin: &Pin, pin: &Pin) -> Result<TokenInfo, Error> {
        let named = TokenUri::label(label)?;
        let _closed = self.0.gate.close(EXCLUSIVE).ok_or(Error::Deadline)?;
        let slots = self.slots()?;
        if slots.iter().any(|(_, info)| info.initialized() && named.matches(info)) {
            return Err(Error::TokenExists { label: label.to_owned() });
        }
        let (free, _) = slots.iter().find(|(_, info)| !info.initialized()).ok_or(Error::NoFreeSlot)?;
        // Checked first: refused halfway, it would leave a token without a user's PIN.
        let raw = self.0.context.get_token_info(*free)?;
        let (min, max) = (raw.min_pin_length(), raw.max_pin_length());
        if [so_pin, pin].iter().any(|p| !(min..=max).contains(&p.length())) {
            return Err(Error::PinLength { min, max });
        }
        self.0.context.init_token(*free, so_pin.auth(), label)?;
        // Listing the slots moves the new token to a slot of its own.
        let (slot, _) = self.labelled(&named)?;
        let session = self.0.context.open_rw_session_no_drop(slot)?;
        let done = session
            .login(UserType::So, Some(so_pin.auth()))
            .and_then(|()| session.init_pin(pin.auth()))
            .and_then(|()| session.logout());
        // Closed whatever came of it: a session left logged in as security officer keeps users out.
        let closed = session.close();
        done?;
        closed?;
        let (_, info) = self.labelled(&named)?;
        Quirk::of(&info).sync(&self.0.environment, &info)?;
        Ok(info)
    }

    fn labelled(&self, named: &TokenUri) -> Result<(cryptoki::slot::Slot, TokenInfo), Error> {
        self.slots()?
            .into_iter()
            .find(|(_, info)| info.initialized() && named.matches(info))
            .ok_or_else(|| Error::Device("the new token is not listed".to_owned()))
    }
}
