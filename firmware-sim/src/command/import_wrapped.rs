//! Takes an object in that a wrap key encrypted.

use super::keys;
use super::wrap_key::WrapKey;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::Object;
use crate::reader::Reader;
use crate::wrapped;

/// Id of the wrap key (2), then what an export answered. Kind (1), id (2).
pub(super) fn import(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    let key = WrapKey::find(context, id, Capabilities::IMPORT_WRAPPED)?;
    let object = wrapped::decode(&key.open(data.rest())?, key.algorithm())?;
    key.moves(&object)?;
    put(context, object)
}

/// Puts an object that came wrapped into the store. Kind (1), id (2).
pub(super) fn put(context: &mut Context<'_>, mut object: Object) -> Result<Vec<u8>, Code> {
    keys::check(&object)?;
    context.enabled(object.algorithm)?;
    if !object.domains.shares(context.grant.domains) {
        return Err(Code::InsufficientPermissions);
    }
    if object.id == 0xffff {
        return Err(Code::InvalidId);
    }
    if object.id == 0 {
        object.id = super::new::free_id(context, object.kind)?;
    }
    object.origin = object.origin.wrapped();
    context.second = object.id;
    let mut answer = vec![object.kind.into()];
    answer.extend(object.id.to_be_bytes());
    context.memory.change().store.put(object)?;
    Ok(answer)
}
