//! Makes an asymmetric key in the device.

use super::keys;
use super::new::New;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Origin};
use crate::reader::Reader;

/// A new object's fields.
pub(super) fn generate(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::AsymmetricKey, &mut data)?;
    data.end()?;
    let new = new.admit(context, Capabilities::GENERATE_ASYMMETRIC_KEY, keys::ASYMMETRIC)?;
    let body = keys::generate(new.algorithm, context.rng)?;
    new.put(context, Origin::GENERATED, body)
}
