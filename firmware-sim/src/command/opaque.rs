//! Data that the device only keeps.

use super::attest;
use super::new::New;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Origin};
use crate::reader::Reader;

const ALGORITHMS: &[Algorithm] = &[Algorithm::OpaqueData, Algorithm::OpaqueX509Certificate];

/// A new object's fields, then the data: at least a byte, at most what a message carries.
pub(super) fn put(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::Opaque, &mut data)?;
    let new = new.admit(context, Capabilities::PUT_OPAQUE, ALGORITHMS)?;
    if data.is_empty() {
        return Err(Code::WrongLength);
    }
    new.put(context, Origin::IMPORTED, data.rest().to_vec())
}

/// Id (2). The data; only the session needs the capability. Id 0 is the certificate of the factory's
/// attestation key, which is no object.
pub(super) fn get(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    data.end()?;
    context.target = id;
    context.grant.needs(Capabilities::GET_OPAQUE)?;
    if id == attest::FACTORY {
        return attest::factory_certificate(context);
    }
    Ok(context.object(Kind::Opaque, id)?.body.bytes().to_vec())
}
