//! Encrypts data under a wrap key.
//!
//! What is encrypted begins with the wrap key's algorithm, as a wrapped object does: Yubico's library
//! counts that byte into what a wrapping adds.

use zeroize::Zeroizing;

use super::wrap_key::WrapKey;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::reader::Reader;

/// Id (2), data. Nonce (13), ciphertext, tag (16).
pub(super) fn wrap(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    let key = WrapKey::find(context, id, Capabilities::WRAP_DATA)?;
    if data.is_empty() {
        return Err(Code::WrongLength);
    }
    let mut plain = Zeroizing::new(vec![key.algorithm().byte()]);
    plain.extend(data.rest());
    key.seal(context, &plain)
}

/// Id (2), nonce (13), ciphertext, tag (16). The data.
pub(super) fn unwrap(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    let key = WrapKey::find(context, id, Capabilities::UNWRAP_DATA)?;
    let plain = key.open(data.rest())?;
    match plain.split_first() {
        Some((algorithm, plain)) if *algorithm == key.algorithm().byte() => Ok(plain.to_vec()),
        _ => Err(Code::InvalidData),
    }
}
