//! Puts a key for one-time passwords into the device, or makes one in it: nonce id (4, little-endian), then
//! the AES key.

use zeroize::Zeroizing;

use super::keys::aes;
use super::new::New;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Origin};
use crate::reader::Reader;

/// A new object's fields, nonce id (4, little-endian), key.
pub(super) fn put(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::OtpAeadKey, &mut data)?;
    let nonce_id = data.array()?;
    let new = new.admit(context, Capabilities::PUT_OTP_AEAD_KEY, aes::OTP)?;
    let body = body(nonce_id, &aes::import(new.algorithm, data.rest())?);
    new.put(context, Origin::IMPORTED, body)
}

/// A new object's fields, nonce id (4, here big-endian).
pub(super) fn generate(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::OtpAeadKey, &mut data)?;
    let mut nonce_id: [u8; 4] = data.array()?;
    nonce_id.reverse();
    data.end()?;
    let new = new.admit(context, Capabilities::GENERATE_OTP_AEAD_KEY, aes::OTP)?;
    let body = body(nonce_id, &aes::generate(new.algorithm, context.rng)?);
    new.put(context, Origin::GENERATED, body)
}

fn body(nonce_id: [u8; 4], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(nonce_id.to_vec());
    body.extend(key);
    body
}
