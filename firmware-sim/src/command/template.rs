//! Templates for SSH certificates, kept as they come.

use super::new::New;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Origin};
use crate::reader::Reader;

/// A new object's fields, then the template: at least a byte. It is read when it is used.
pub(super) fn put(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::Template, &mut data)?;
    let new = new.admit(context, Capabilities::PUT_TEMPLATE, &[Algorithm::TemplateSsh])?;
    if data.is_empty() {
        return Err(Code::WrongLength);
    }
    new.put(context, Origin::IMPORTED, data.rest().to_vec())
}

/// Id (2). The template.
pub(super) fn get(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    data.end()?;
    context.target = id;
    context.grant.needs(Capabilities::GET_TEMPLATE)?;
    Ok(context.object(Kind::Template, id)?.body.bytes().to_vec())
}
