//! What a token says of itself.

use cryptoki::slot::{Slot, TokenInfo as Raw};

use crate::Error;

/// C_GetTokenInfo, as far as it is needed. Text is trimmed of its padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    slot: u64,
    label: String,
    serial: String,
    manufacturer: String,
    model: String,
    initialized: bool,
    pin_initialized: bool,
    login_required: bool,
    pin: PinFlags,
}

/// What the token says of its user's PIN. Not reliable everywhere: SoftHSM never says more than
/// `count_low`, NSS nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinFlags {
    /// A wrong PIN has been given since the last right one.
    pub count_low: bool,
    /// One more wrong PIN locks the token.
    pub final_try: bool,
    /// It is locked.
    pub locked: bool,
}

impl PinFlags {
    /// Whether a login may be tried without a person: never the last try.
    pub(crate) fn may_try(self) -> Result<(), Error> {
        match self {
            PinFlags { locked: true, .. } => Err(Error::PinLocked),
            PinFlags { final_try: true, .. } => Err(Error::PinFinalTry),
            _ => Ok(()),
        }
    }
}

impl TokenInfo {
    pub(crate) fn new(slot: Slot, raw: &Raw) -> TokenInfo {
        let text = |s: &str| s.trim_end_matches(['\0', ' ']).to_owned();
        TokenInfo {
            slot: slot.id(),
            label: text(raw.label()),
            serial: text(raw.serial_number()),
            manufacturer: text(raw.manufacturer_id()),
            model: text(raw.model()),
            initialized: raw.token_initialized(),
            pin_initialized: raw.user_pin_initialized(),
            login_required: raw.login_required(),
            pin: PinFlags {
                count_low: raw.user_pin_count_low(),
                final_try: raw.user_pin_final_try(),
                locked: raw.user_pin_locked(),
            },
        }
    }

    /// The slot it was in when it was listed; not stable, so nothing is addressed by it.
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// Its label, 32 bytes at most.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its serial number, 16 bytes at most.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Its manufacturer, by which quirks are chosen.
    pub fn manufacturer(&self) -> &str {
        &self.manufacturer
    }

    /// Its model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether it has been initialised.
    pub fn initialized(&self) -> bool {
        self.initialized
    }

    /// Whether its user has a PIN.
    pub fn pin_initialized(&self) -> bool {
        self.pin_initialized
    }

    /// Whether its private objects need a login.
    pub fn login_required(&self) -> bool {
        self.login_required
    }

    /// The state of the user's PIN when it was listed.
    pub fn pin(&self) -> PinFlags {
        self.pin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_try_is_never_taken() {
        for (count_low, final_try, locked, expected) in [
            (false, false, false, Ok(())),
            (true, false, false, Ok(())),
            (true, true, false, Err(Error::PinFinalTry)),
            (false, true, false, Err(Error::PinFinalTry)),
            (true, true, true, Err(Error::PinLocked)),
            (false, false, true, Err(Error::PinLocked)),
        ] {
            let flags = PinFlags { count_low, final_try, locked };
            assert_eq!(flags.may_try(), expected, "{flags:?}");
        }
    }
}
