//! What can go wrong with a module, a token or a key; each message says what to do next.

use cryptoki::error::{Error as Cryptoki, RvError};

/// The one error of this crate. Callers match by variant; people read the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no file at the module's path.
    #[error(
        "no PKCS#11 module at {path}: check the path, or install the package that brings it (Debian: softhsm2 for libsofthsm2.so)"
    )]
    ModuleNotFound {
        /// The path that was asked for.
        path: String,
    },
    /// The file is there, but is no PKCS#11 module, or it does not initialise.
    #[error(
        "{path} cannot be used as a PKCS#11 module ({why}): check that it is a module for this machine and that its configuration is readable"
    )]
    ModuleInvalid {
        /// The path that was asked for.
        path: String,
        /// What the loader or the module said.
        why: String,
    },
    /// This process has initialised the module already; PKCS#11 allows one C_Initialize a process.
    #[error("the module {path} is in use already in this process: keep one Module and clone it")]
    ModuleInUse {
        /// The path that was asked for.
        path: String,
    },
    /// No token matches.
    #[error("no token matches {wanted}; {}: plug it in, or correct the URI", there(available))]
    TokenNotFound {
        /// The URI that was asked for.
        wanted: String,
        /// URIs of the tokens that are there.
        available: Vec<String>,
    },
    /// More than one token matches.
    #[error("{wanted} matches more than one token; {}: add serial=… to the URI", there(matching))]
    TokenAmbiguous {
        /// The URI that was asked for.
        wanted: String,
        /// URIs of the tokens that match.
        matching: Vec<String>,
    },
    /// A token of this label exists, so that another would make the label ambiguous.
    #[error("a token labelled {label:?} exists: choose another label")]
    TokenExists {
        /// The label that was asked for.
        label: String,
    },
    /// The module has no slot with an uninitialised token.
    #[error("the module has no uninitialised token: initialise one with the vendor's tool")]
    NoFreeSlot,
    /// The token refused the PIN. It is never tried again by this crate.
    #[error(
        "the token refused the PIN (count low: {count_low}, final try: {final_try}, locked: {locked}): correct the PIN before you start again, each attempt counts"
    )]
    PinIncorrect {
        /// A wrong PIN has been given since the last right one.
        count_low: bool,
        /// One more wrong PIN locks the token.
        final_try: bool,
        /// The token is locked.
        locked: bool,
    },
    /// One attempt is left, which is a person's to take.
    #[error(
        "one PIN attempt is left on the token and is not taken automatically: log in once by hand with the vendor's tool (pkcs11-tool --login --list-objects), then start again"
    )]
    PinFinalTry,
    /// The token's PIN is locked.
    #[error("the token's PIN is locked: the security officer must set a new one (pkcs11-tool --init-pin)")]
    PinLocked,
    /// The token wants a PIN and none was given.
    #[error("the token needs a PIN: give one")]
    PinMissing,
    /// The token has no user PIN yet.
    #[error("the token has no user PIN yet: finish its initialisation (pkcs11-tool --init-pin)")]
    PinNotInitialized,
    /// A new PIN is shorter or longer than the token takes.
    #[error("the token takes PINs of {min} to {max} bytes: choose another")]
    PinLength {
        /// The fewest bytes.
        min: usize,
        /// The most bytes.
        max: usize,
    },
    /// No key matches, or the key's public part is gone or different.
    #[error("no key matches {wanted} ({why}); {}: check the name, or generate the key", there(available))]
    KeyNotFound {
        /// The URI, or the key, that was asked for.
        wanted: String,
        /// What exactly was missing.
        why: String,
        /// Labels of some of the keys that are there (20 at most).
        available: Vec<String>,
    },
    /// More than one key matches.
    #[error("{wanted} matches {count} private keys: add id=… to the URI, or delete the surplus one")]
    KeyAmbiguous {
        /// The URI, or the key, that was asked for.
        wanted: String,
        /// How many match.
        count: usize,
    },
    /// The label or id is taken.
    #[error("an object with {what} exists on the token: choose another label and id")]
    KeyExists {
        /// The label or id that is taken.
        what: String,
    },
    /// Two data objects of one label and generation: two processes wrote at once.
    #[error(
        "the token holds {count} newest data objects labelled {label:?}: stop the other writer, then write the value again"
    )]
    DataAmbiguous {
        /// The label.
        label: String,
        /// How many of the same, newest generation there are.
        count: usize,
    },
    /// The queue is full.
    #[error("the token's queue is full: try again shortly")]
    Busy,
    /// No answer within the deadline. The outcome is unknown.
    #[error(
        "the token did not answer in time, so the outcome is unknown: check that it is plugged in and not waiting for a touch, then try again"
    )]
    Deadline,
    /// The token is gone.
    #[error("the token {token} is gone: plug it in again, then retry")]
    Unplugged {
        /// URI of the token.
        token: String,
    },
    /// The token returned a signature that does not verify. The key is quarantined.
    #[error(
        "the token returned a wrong signature for key {key:?}, nothing was handed out and the key is quarantined: check the token before you open it again"
    )]
    BadSignature {
        /// Label of the key.
        key: String,
    },
    /// The key returned a wrong signature earlier.
    #[error(
        "key {key:?} is quarantined since it returned a wrong signature: check the token, then open it again"
    )]
    Quarantined {
        /// Label of the key.
        key: String,
    },
    /// What the token stored is not what was asked for.
    #[error(
        "the token did not keep the attributes it was given, so the object was destroyed ({0}): use a token that keeps them"
    )]
    Attributes(String),
    /// The token, this key or this crate cannot do it.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// The object is on the token, but may not survive a power cut.
    #[error(
        "the object was made, but could not be synced to disk ({0}): mend the disk, delete the object and make it again"
    )]
    NotDurable(String),
    /// A PKCS#11 function failed: the name of the return value and of the function.
    #[error("the token failed: {0}: check it with the vendor's tool, then retry")]
    Device(String),
    /// A URI does not parse.
    #[error("not a usable PKCS#11 URI: {0}")]
    Uri(String),
    /// The operation panicked on its worker; the worker lives on.
    #[error("the operation panicked, nothing was handed out: report this as a defect")]
    Panicked,
    /// The operating system gave no thread.
    #[error("cannot start a thread ({0}): raise the limit of tasks of the service")]
    Thread(String),
}

impl Error {
    /// Whether the session it came from is in doubt, so that it is discarded and one retry is due.
    pub(crate) fn doubts_session(&self) -> bool {
        matches!(self, Error::Device(_) | Error::Unplugged { .. })
    }

    /// A return value of the module, by what the caller can do about it.
    pub(crate) fn from_rv(rv: RvError, function: &str) -> Error {
        let text = format!("{} in {function}", rv_name(rv));
        match rv {
            RvError::MechanismInvalid
            | RvError::CurveNotSupported
            | RvError::DomainParamsInvalid
            | RvError::FunctionNotSupported => Error::Unsupported(format!("the token says {text}")),
            RvError::PinLocked => Error::PinLocked,
            _ => Error::Device(text),
        }
    }
}

impl From<Cryptoki> for Error {
    fn from(error: Cryptoki) -> Error {
        match error {
            Cryptoki::Pkcs11(rv, function) => Error::from_rv(rv, &format!("C_{function:?}")),
            Cryptoki::NullFunctionPointer => Error::Unsupported("the module lacks the function".to_owned()),
            other => Error::Device(other.to_string()),
        }
    }
}

/// The name in the standard: `DeviceRemoved` is `CKR_DEVICE_REMOVED`.
pub(crate) fn rv_name(rv: RvError) -> String {
    match rv {
        RvError::VendorDefined(code) | RvError::UnknownErrorCode(code) => format!("CKR 0x{code:08X}"),
        named => {
            let mut name = String::from("CKR");
            for c in format!("{named:?}").chars() {
                if c.is_ascii_uppercase() {
                    name.push('_');
                }
                name.push(c.to_ascii_uppercase());
            }
            name
        }
    }
}

fn there(names: &[String]) -> String {
    if names.is_empty() { "there is none".to_owned() } else { format!("there: {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_values_have_the_names_of_the_standard() {
        for (rv, name) in [
            (RvError::DeviceRemoved, "CKR_DEVICE_REMOVED"),
            (RvError::GeneralError, "CKR_GENERAL_ERROR"),
            (RvError::UserNotLoggedIn, "CKR_USER_NOT_LOGGED_IN"),
            (RvError::VendorDefined(0x8000_0001), "CKR 0x80000001"),
        ] {
            assert_eq!(rv_name(rv), name);
        }
    }
}
