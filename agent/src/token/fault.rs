//! Errors of the token by what somebody has to look at.

use bursar_pkcs11::Error as Device;

use super::TokenError;

/// What somebody has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device or its module.
    Device,
    /// The PIN.
    Pin,
    /// A key, or its role.
    Key,
    /// Nothing: it was too late or too much.
    Passing,
}

impl TokenError {
    /// What somebody has to look at.
    pub fn fault(&self) -> Fault {
        match self {
            Self::TwoRoles { .. }
            | Self::OtherRole { .. }
            | Self::WrongKey { .. }
            | Self::OtherKey { .. }
            | Self::Invalid { .. } => Fault::Key,
            Self::Pin(_) => Fault::Pin,
            Self::TooLate(_) => Fault::Passing,
            Self::Device(device) => match device {
                Device::PinIncorrect { .. }
                | Device::PinFinalTry
                | Device::PinLocked
                | Device::PinMissing
                | Device::PinNotInitialized => Fault::Pin,
                Device::KeyNotFound { .. } | Device::KeyAmbiguous { .. } | Device::KeyExists { .. } => {
                    Fault::Key
                }
                Device::Busy => Fault::Passing,
                _ => Fault::Device,
            },
        }
    }

    /// Did the token refuse the PIN, or would it be the last try? Then no login may be tried again
    /// before a person has looked: see [`pin::refused`](super::pin::refused).
    pub fn is_pin_refused(&self) -> bool {
        matches!(self, Self::Device(Device::PinIncorrect { .. } | Device::PinLocked | Device::PinFinalTry))
    }
}
