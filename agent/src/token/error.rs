//! Why a token did not do what it was asked to, whichever kind of token it is.

use bursar_core::key::{KeyError, PublicKey};
use bursar_core::time::Timestamp;

use super::pin::PinError;

/// Why a token did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The device, the way to it, or the PIN.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Two roles share one key.
    #[error(
        "the key {key} has two roles, {first} and {second}; give each role its own: `bursar key generate`"
    )]
    TwoRoles {
        /// The key.
        key: Box<PublicKey>,
        /// One role.
        first: String,
        /// Another.
        second: String,
    },
    /// A key was made for another role, perhaps in another home.
    #[error(
        "the key {label:?} ({key}) in the token was made for the role {made}, and is asked for as {asked}; one key has one \
         role in all homes: name a label that no key has yet, and a new key is made, or one of the right role"
    )]
    OtherRole {
        /// Its label.
        label: String,
        /// The key.
        key: Box<PublicKey>,
        /// What it was made for.
        made: &'static str,
        /// What it is asked for as.
        asked: &'static str,
    },
    /// A key cannot do what its role needs.
    #[error(
        "the key {label:?} is {found}, and {role} needs {needed}; generate another one with `bursar key generate`"
    )]
    WrongKey {
        /// Its label.
        label: String,
        /// What it is.
        found: String,
        /// What it is for.
        role: String,
        /// What that needs.
        needed: &'static str,
    },
    /// The device gave a public key that is none.
    #[error("the key {label:?} in the token has an invalid public key: {why}; do not use this key")]
    Invalid {
        /// Its label.
        label: String,
        /// What is wrong.
        why: KeyError,
    },
    /// The payment's time has passed before it was signed.
    #[error(
        "the payment was valid until {0} and was not signed in time; ask again with a new Idempotency-Key"
    )]
    TooLate(Timestamp),
    /// The account got another key after the payment was reserved.
    #[error(
        "the payment was made for the key {from}, and its account now has the key {label:?}; put the old key back, or let it expire"
    )]
    OtherKey {
        /// The account's key now.
        label: String,
        /// The key that the payment names.
        from: Box<PublicKey>,
    },
    /// There is no usable PIN.
    #[error("{0}")]
    Pin(#[from] PinError),
}

/// What a device, or the way to it, answered instead. The message is the backend's, since what to do
/// next differs by device; what callers do about it depends on [`Kind`] alone.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DeviceError {
    kind: Kind,
    message: String,
}

/// What callers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The PIN or password was refused, is locked, or this would be the last try: a person's turn.
    PinRefused,
    /// No PIN was given, or the token has none yet.
    PinMissing,
    /// No key matches.
    KeyMissing,
    /// Two keys match, or the name is taken.
    KeyInDoubt,
    /// Too much is waiting.
    Busy,
    /// No answer in time; the outcome is unknown.
    Deadline,
    /// The device is not there.
    Gone,
    /// Everything else.
    Failed,
}

impl DeviceError {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What callers tell apart.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}
