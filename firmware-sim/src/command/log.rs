//! Reads the audit log, and frees its entries.

use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::reader::Reader;

/// See [`Log::read`](crate::audit::Log::read).
pub(super) fn entries(context: &mut Context<'_>, data: Reader<'_>) -> Result<Vec<u8>, Code> {
    data.end()?;
    context.grant.needs(Capabilities::GET_LOG_ENTRIES)?;
    Ok(context.memory.now().log.read())
}

/// Number of the last entry (2) that may go.
pub(super) fn set_index(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let number = data.u16()?;
    data.end()?;
    context.grant.needs(Capabilities::GET_LOG_ENTRIES)?;
    if context.memory.change().log.forget(number) { Ok(Vec::new()) } else { Err(Code::InvalidData) }
}
