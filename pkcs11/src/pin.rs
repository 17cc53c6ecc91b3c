//! The PIN of a token's user or security officer.

use std::fmt;

use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

/// A PIN: wiped when dropped, never printed.
#[derive(Clone)]
pub struct Pin {
    auth: AuthPin,
    length: usize,
}

impl Pin {
    /// Takes the PIN over; the string given is wiped.
    pub fn new(pin: String) -> Pin {
        // An exact copy, so that no reallocation leaves a piece of the PIN behind.
        let pin = Zeroizing::new(pin);
        Pin { auth: AuthPin::from(Box::<str>::from(pin.as_str())), length: pin.len() }
    }

    pub(crate) fn auth(&self) -> &AuthPin {
        &self.auth
    }

    /// In bytes.
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Pin::new("93417".to_owned())), "Pin(…)");
    }
}
