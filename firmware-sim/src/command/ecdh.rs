//! Agrees on a secret by ECDH.

use super::keys::ec::Curve;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::Kind;
use crate::reader::Reader;

/// Id (2), the other side's point (04, x, y). The x of the common point.
pub(super) fn derive(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, point) = (data.u16()?, data.rest());
    let key = context.usable(Kind::AsymmetricKey, id, Capabilities::DERIVE_ECDH)?;
    let curve = Curve::of(key.algorithm)?;
    if point.len() != 1 + 2 * curve.size() {
        return Err(Code::WrongLength);
    }
    context.enabled(key.algorithm)?;
    context.enabled(Algorithm::EcEcdh)?;
    curve.agree(key.body.bytes(), point)
}
