//! Signs with Ed25519.

use super::keys::ed25519;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::Kind;
use crate::reader::Reader;

/// Id (2), message. A signature of 64 bytes.
pub(super) fn sign(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    let key = context.usable(Kind::AsymmetricKey, id, Capabilities::SIGN_EDDSA)?;
    if key.algorithm != Algorithm::Ed25519 {
        return Err(Code::InvalidData);
    }
    context.enabled(key.algorithm)?;
    ed25519::sign(key.body.bytes(), data.rest())
}
