//! Random bytes.

use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::reader::Reader;

/// How many (2).
pub(super) fn random(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let count = usize::from(data.u16()?);
    data.end()?;
    context.grant.needs(Capabilities::GET_PSEUDO_RANDOM)?;
    if count > context.profile.firmware.largest_message() {
        return Err(Code::InvalidData);
    }
    let mut bytes = vec![0; count];
    context.rng.fill_bytes(&mut bytes);
    Ok(bytes)
}
