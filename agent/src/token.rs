//! The token: the only place where anything is signed.
//!
//! There is no call that signs bytes. An account key signs what a [`Reserved`] carries; every
//! other key signs [`Statement`]s of its own role.

pub mod about;
pub mod attestation;
mod device;
mod error;
pub mod fault;
mod handle;
pub mod keyring;
pub mod mark;
pub mod open;
pub mod pin;
mod pkcs11;
pub mod provision;
pub mod role;
mod simulated;
pub mod yubihsm;

use bursar_core::decode::transfer::SignedTransfer;
use bursar_core::time::Timestamp;

use crate::book::Reserved;
pub use device::Token;
pub use error::{DeviceError, Kind, TokenError};
pub use handle::Handle;
pub use pkcs11::{Found, check_uri, discover};
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
        let what = "the token did not answer in time, so the outcome is unknown: try again";
        return Err(DeviceError::new(Kind::Deadline, what).into());
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
