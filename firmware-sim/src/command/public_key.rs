//! The public half of a key.

use super::keys;
use crate::context::Context;
use crate::error::Code;
use crate::object::Kind;
use crate::reader::Reader;

/// Id (2), and perhaps its kind (1). Algorithm (1), public key.
pub(super) fn get(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    let kind = if data.is_empty() { Kind::AsymmetricKey } else { Kind::try_from(data.u8()?)? };
    data.end()?;
    let object = context.object(kind, id)?;
    let mut answer = vec![object.algorithm.byte()];
    answer.extend(match kind {
        Kind::AsymmetricKey | Kind::WrapKey => keys::public(object.algorithm, object.body.bytes())?,
        Kind::PublicWrapKey => object.body.bytes().to_vec(),
        _ => return Err(Code::InvalidData),
    });
    Ok(answer)
}
