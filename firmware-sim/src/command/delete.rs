//! Deletes an object.

use crate::context::Context;
use crate::error::Code;
use crate::memory::FACTORY_KEY;
use crate::object::Kind;
use crate::reader::Reader;

/// Id (2), kind (1).
pub(super) fn delete(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, kind) = (data.u16()?, data.u8()?);
    data.end()?;
    let kind = Kind::try_from(kind)?;
    context.object(kind, id)?;
    context.grant.needs(kind.delete())?;
    let memory = context.memory.change();
    memory.store.remove(kind, id)?;
    if (kind, id) == (Kind::AuthenticationKey, FACTORY_KEY) {
        memory.options.factory_key_gone();
    }
    Ok(Vec::new())
}
