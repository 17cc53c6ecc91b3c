//! Takes an object out of the device, encrypted under a wrap key.

use std::sync::Arc;

use super::keys::ed25519;
use super::wrap_key::WrapKey;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::firmware::Firmware;
use crate::object::{Kind, Object};
use crate::reader::Reader;
use crate::wrapped;

/// Id of the wrap key (2), kind (1), id (2), and from 2.4 perhaps whether an Ed25519 key's seed goes with it
/// (1). Nonce (13), ciphertext of [what is wrapped](wrapped::encode), tag (16).
pub(super) fn export(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (key, kind, id) = (data.u16()?, data.u8()?, data.u16()?);
    let seed = !data.is_empty() && context.profile.firmware >= Firmware::V2_4 && flag(data.u8()?)?;
    data.end()?;
    let key = WrapKey::find(context, key, Capabilities::EXPORT_WRAPPED)?;
    let object = exportable(context, Kind::try_from(kind)?, id)?;
    key.moves(&object)?;
    let plain = wrapped::encode(&object, key.algorithm(), what_goes(&object, seed)?)?;
    key.seal(context, &plain)
}

/// The second object of a command, which may leave the device.
pub(super) fn exportable(context: &mut Context<'_>, kind: Kind, id: u16) -> Result<Arc<Object>, Code> {
    let object = context.second_object(kind, id)?;
    if !object.capabilities.contains(Capabilities::EXPORTABLE_UNDER_WRAP) {
        return Err(Code::InsufficientPermissions);
    }
    Ok(object.clone())
}

/// The part of an object's body that leaves the device: all, or an Ed25519 key without its seed.
pub(super) fn what_goes(object: &Object, seed: bool) -> Result<&[u8], Code> {
    let body = object.body.bytes();
    if object.algorithm == Algorithm::Ed25519 && !seed {
        return body.get(..ed25519::SEEDLESS).ok_or(Code::InvalidData);
    }
    Ok(body)
}

fn flag(byte: u8) -> Result<bool, Code> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Code::InvalidData),
    }
}
