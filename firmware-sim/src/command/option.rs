//! Reads and sets the device's options.

use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::reader::Reader;

/// Option (1).
pub(super) fn get(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let option = data.u8()?;
    data.end()?;
    context.grant.needs(Capabilities::GET_OPTION)?;
    context.memory.now().options.get(option, context.profile.firmware, context.profile.fips)
}

/// Option (1), length (2), value.
pub(super) fn set(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (option, length) = (data.u8()?, data.u16()?);
    let value = data.bytes(usize::from(length))?;
    data.end()?;
    context.grant.needs(Capabilities::SET_OPTION)?;
    let memory = context.memory.change();
    let (fresh, profile) = (memory.is_fresh(), context.profile);
    memory.options.set(option, value, profile.firmware, profile.fips, fresh)?;
    Ok(Vec::new())
}
