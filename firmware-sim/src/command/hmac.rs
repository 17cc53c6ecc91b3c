//! Authenticates with HMAC.

use subtle::ConstantTimeEq;

use super::keys::hmac;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::Kind;
use crate::reader::Reader;

/// Id (2), message. The code: 20, 32, 48 or 64 bytes.
pub(super) fn sign(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    let key = context.usable(Kind::HmacKey, id, Capabilities::SIGN_HMAC)?;
    context.enabled(key.algorithm)?;
    hmac::sign(key.algorithm, key.body.bytes(), data.rest())
}

/// Id (2), code, message. 1 when the code is the message's, else 0.
pub(super) fn verify(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    let key = context.usable(Kind::HmacKey, id, Capabilities::VERIFY_HMAC)?;
    context.enabled(key.algorithm)?;
    let code = data.bytes(hmac::output(key.algorithm)?)?;
    let expected = hmac::sign(key.algorithm, key.body.bytes(), data.rest())?;
    Ok(vec![code.ct_eq(&expected).unwrap_u8()])
}
