//! Takes an object out of the device, encrypted under an RSA key.

use std::sync::Arc;

use super::export_wrapped::{exportable, what_goes};
use super::keys::pkcs8;
use super::rsa_wrap::Outward;
use super::wrap_key;
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Object};
use crate::reader::Reader;
use crate::wrapped;

/// Id of the public wrap key (2), kind (1), id (2), then [how](Outward::find). The whole object.
pub(super) fn object(context: &mut Context<'_>, data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (key, object) = read(context, data)?;
    // No client asks for the seed of an Ed25519 key here: all of it goes.
    let plain = wrapped::encode(&object, key.algorithm(), what_goes(&object, true)?)?;
    key.seal(context, &plain)
}

/// The same of a key alone: PKCS #8, or the bytes of an AES key.
pub(super) fn key(context: &mut Context<'_>, data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (key, object) = read(context, data)?;
    key.seal(context, &pkcs8::encode(&object)?)
}

fn read<'a>(context: &mut Context<'_>, mut data: Reader<'a>) -> Result<(Outward<'a>, Arc<Object>), Code> {
    let (key, kind, id) = (data.u16()?, data.u8()?, data.u16()?);
    let key = Outward::find(context, key, data)?;
    let object = exportable(context, Kind::try_from(kind)?, id)?;
    wrap_key::moves(key.key(), &object)?;
    Ok((key, object))
}
