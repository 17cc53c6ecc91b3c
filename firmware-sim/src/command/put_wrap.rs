//! Puts a wrap key into the device, or makes one in it.

use super::keys::aes;
use super::new::New;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Origin};
use crate::reader::Reader;

/// A new object's fields, then the key.
pub(super) fn put(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::WrapKey, &mut data)?;
    let new = new.admit(context, Capabilities::PUT_WRAP_KEY, aes::WRAP)?;
    let body = aes::import(new.algorithm, data.rest())?;
    new.put(context, Origin::IMPORTED, body)
}

/// A new object's fields.
pub(super) fn generate(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::WrapKey, &mut data)?;
    data.end()?;
    let new = new.admit(context, Capabilities::GENERATE_WRAP_KEY, aes::WRAP)?;
    let body = aes::generate(new.algorithm, context.rng)?;
    new.put(context, Origin::GENERATED, body)
}
