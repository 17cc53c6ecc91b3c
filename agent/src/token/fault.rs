//! Errors of the token by what somebody has to look at.

use super::{Kind, TokenError};

/// What somebody has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device, or the way to it.
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
            Self::Device(device) => match device.kind() {
                Kind::PinRefused | Kind::PinMissing => Fault::Pin,
                Kind::KeyMissing | Kind::KeyInDoubt => Fault::Key,
                Kind::Busy => Fault::Passing,
                Kind::Deadline | Kind::Gone | Kind::Failed => Fault::Device,
            },
        }
    }

    /// Did the token refuse the PIN, or would it be the last try? Then no login may be tried again
    /// before a person has looked: see [`pin::refused`](super::pin::refused).
    pub fn is_pin_refused(&self) -> bool {
        self.kind() == Some(Kind::PinRefused)
    }

    /// What the device said, if it was the device.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Device(device) => Some(device.kind()),
            _ => None,
        }
    }
}
