//! Puts an asymmetric key into the device.

use super::keys;
use super::new::New;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Origin};
use crate::reader::Reader;

/// A new object's fields, then the private key.
pub(super) fn put(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::AsymmetricKey, &mut data)?;
    let new = new.admit(context, Capabilities::PUT_ASYMMETRIC_KEY, keys::ASYMMETRIC)?;
    let body = keys::import(new.algorithm, data.rest())?;
    new.put(context, Origin::IMPORTED, body)
}
