//! All about one object but what it holds.

use crate::context::Context;
use crate::error::Code;
use crate::object::Kind;
use crate::reader::Reader;

/// Id (2), kind (1). Capabilities (8), id (2), length (2), domains (2), kind (1), algorithm (1),
/// sequence (1), origin (1), label (40), delegated capabilities (8).
pub(super) fn info(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, kind) = (data.u16()?, data.u8()?);
    data.end()?;
    let object = context.object(Kind::try_from(kind)?, id)?;
    let length = u16::try_from(object.length()).unwrap_or(u16::MAX);
    let mut answer = object.capabilities.0.to_be_bytes().to_vec();
    answer.extend([object.id, length, object.domains.0].into_iter().flat_map(u16::to_be_bytes));
    answer.extend([kind, object.algorithm.byte(), object.sequence, object.origin.0]);
    answer.extend(object.label.0);
    answer.extend(object.delegated.0.to_be_bytes());
    Ok(answer)
}
