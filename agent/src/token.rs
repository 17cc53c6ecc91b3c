//! The token: the only place where anything is signed.
//!
//! There is no call that signs bytes. An account key signs what a [`Reserved`] carries; every
//! other key signs [`Statement`]s of its own role.

pub mod fault;
pub mod keyring;
pub mod mark;
pub mod pin;
mod pkcs11;
pub mod provision;
pub mod role;

use bursar_core::decode::transfer::SignedTransfer;
use bursar_core::key::PublicKey;
use bursar_core::time::Timestamp;

use crate::book::Reserved;
pub use pkcs11::{Found, Token, check_uri, discover};
use role::{AccountKey, RoleKey, Statement};

/// A payment with a signature that was verified. Only [`sign`] makes one.
#[derive(Debug)]
#[must_use = "keep it in the book, so that it may leave"]
pub struct Signed {
    spend: u64,
    transfer: SignedTransfer,
}

impl Signed {
    /// The spend's id, and the payment.
    pub fn into_parts(self) -> (u64, SignedTransfer) {
        (self.spend, self.transfer)
    }
}

/// Why a token did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The device, the module or the PIN.
    #[error(transparent)]
    Device(#[from] bursar_pkcs11::Error),
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
        why: bursar_core::key::KeyError,
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
    Pin(#[from] pin::PinError),
}

/// Signs a reserved payment with the key of its account.
///
/// # Errors
/// The reservation stays held; the book hands it out again to sign the identical bytes.
#[tracing::instrument(name = "token.sign", level = "debug", skip_all, fields(spend = reserved.spend()))]
pub async fn sign(
    token: &Token,
    key: &AccountKey,
    reserved: Reserved,
    now: Timestamp,
) -> Result<Signed, TokenError> {
    let (spend, payload) = (reserved.spend(), reserved.payload().clone());
    let valid_until = payload.transfer().valid_until;
    if now >= valid_until {
        return Err(TokenError::TooLate(valid_until));
    }
    // Asked before the token is: a signature by another key would look like a broken device.
    if *key.public() != payload.transfer().from {
        return Err(TokenError::OtherKey {
            label: key.label().to_owned(),
            from: Box::new(payload.transfer().from),
        });
    }
    if crate::crash::fails("token") {
        return Err(bursar_pkcs11::Error::Deadline.into());
    }
    let (bytes, verifier) = (payload.signing_bytes(), key.handle().verifier());
    let transfer = token
        .sign(key.handle(), bytes, move |signature| {
            SignedTransfer::verify_with(&verifier, payload, signature).ok()
        })
        .await?;
    Ok(Signed { spend, transfer })
}

/// Signs a statement with a key of the role that may make it.
pub async fn state<S: Statement>(
    token: &Token,
    key: &RoleKey<S::Role>,
    statement: S,
) -> Result<S::Proof, TokenError> {
    let (bytes, public) = (statement.signing_bytes(), *key.public());
    token.sign(key.handle(), bytes, move |signature| statement.prove(&public, &signature)).await
}
