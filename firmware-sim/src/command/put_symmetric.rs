//! Puts an AES key into the device, or makes one in it.

use super::keys::aes;
use super::new::New;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Origin};
use crate::reader::Reader;

/// A new object's fields, then the key.
pub(super) fn put(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::SymmetricKey, &mut data)?;
    let new = new.admit(context, Capabilities::PUT_SYMMETRIC_KEY, aes::SYMMETRIC)?;
    let body = aes::import(new.algorithm, data.rest())?;
    new.put(context, Origin::IMPORTED, body)
}

/// A new object's fields.
pub(super) fn generate(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::SymmetricKey, &mut data)?;
    data.end()?;
    let new = new.admit(context, Capabilities::GENERATE_SYMMETRIC_KEY, aes::SYMMETRIC)?;
    let body = aes::generate(new.algorithm, context.rng)?;
    new.put(context, Origin::GENERATED, body)
}
