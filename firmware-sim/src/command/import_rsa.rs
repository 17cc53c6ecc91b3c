//! Takes an object in that was encrypted under an RSA wrap key.

use super::import_wrapped::put;
use super::keys::pkcs8;
use super::rsa_wrap::Inward;
use super::wrap_key;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::domain::Domains;
use crate::error::Code;
use crate::object::{Body, Kind, Label, Object, Origin};
use crate::reader::Reader;
use crate::wrapped;

/// Id of the wrap key (2), then [what it opens](Inward::find). Kind (1), id (2).
pub(super) fn object(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    let key = Inward::find(context, id, data)?;
    let (algorithm, plain) = key.open(context)?;
    let object = wrapped::decode(&plain, algorithm)?;
    wrap_key::moves(key.key(), &object)?;
    put(context, object)
}

/// Id of the wrap key (2), kind (1), id (2), label (40), domains (2), capabilities (8), algorithm (1), then
/// what it opens: PKCS #8, or the bytes of an AES key. Kind (1), id (2).
pub(super) fn key(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let key = data.u16()?;
    let (kind, id, label) = (data.u8()?, data.u16()?, Label(data.array()?));
    let (domains, capabilities) = (Domains(data.u16()?), Capabilities(data.u64()?));
    let algorithm = data.u8()?;
    let key = Inward::find(context, key, data)?;
    let (kind, algorithm) = (Kind::try_from(kind)?, Algorithm::try_from(algorithm)?);
    // The client chose these, as for any new object.
    let grant = context.grant;
    if !(grant.domains.admits(domains) && grant.delegated.contains(capabilities)) {
        return Err(Code::InsufficientPermissions);
    }
    let (_, plain) = key.open(context)?;
    let object = Object {
        kind,
        id,
        label,
        domains,
        capabilities,
        delegated: Capabilities::NONE,
        algorithm,
        sequence: 0,
        origin: Origin::IMPORTED,
        body: Body::new(pkcs8::decode(kind, algorithm, &plain)?),
    };
    wrap_key::moves(key.key(), &object)?;
    put(context, object)
}
