//! Puts the public half of an RSA wrap key into the device.

use super::keys::rsa;
use super::new::New;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Origin};
use crate::reader::Reader;

/// A new object's fields, then the modulus.
pub(super) fn put(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::PublicWrapKey, &mut data)?;
    let new = new.admit(context, Capabilities::PUT_PUBLIC_WRAP_KEY, rsa::ALGORITHMS)?;
    let body = rsa::import_public(new.algorithm, data.rest())?;
    new.put(context, Origin::IMPORTED, body)
}
