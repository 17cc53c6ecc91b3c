//! Authentication keys: 32 bytes for symmetric sessions, a P-256 point for asymmetric ones.

use std::sync::Arc;

use super::new::New;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::memory::FACTORY_KEY;
use crate::object::{Body, Kind, Origin};
use crate::reader::Reader;
use crate::session::asymmetric;

const ALGORITHMS: &[Algorithm] =
    &[Algorithm::Aes128YubicoAuthentication, Algorithm::EcP256YubicoAuthentication];

/// A new object's fields, then the key: ENC and MAC (16 each), or x and y (32 each).
pub(super) fn put(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::AuthenticationKey, &mut data)?;
    let new = new.admit(context, Capabilities::PUT_AUTHENTICATION_KEY, ALGORITHMS)?;
    let key = check(new.algorithm, data)?;
    new.put(context, Origin::IMPORTED, key)
}

/// Id (2), algorithm (1), key. A session changes its own authentication key only.
pub(super) fn change(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, algorithm) = (data.u16()?, data.u8()?);
    context.target = id;
    context.grant.needs(Capabilities::CHANGE_AUTHENTICATION_KEY)?;
    if id != context.grant.key {
        return Err(Code::InvalidId);
    }
    let algorithm = Algorithm::try_from(algorithm)?;
    let key = context.usable(Kind::AuthenticationKey, id, Capabilities::CHANGE_AUTHENTICATION_KEY)?;
    let mut changed = Arc::unwrap_or_clone(key);
    if algorithm != changed.algorithm {
        return Err(Code::InvalidData);
    }
    changed.body = Body::new(check(algorithm, data)?);
    let memory = context.memory.change();
    memory.store.replace(changed)?;
    if id == FACTORY_KEY {
        memory.options.factory_key_gone();
    }
    Ok(id.to_be_bytes().to_vec())
}

fn check(algorithm: Algorithm, data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let key = data.rest();
    if algorithm == Algorithm::EcP256YubicoAuthentication {
        asymmetric::host_key(key)?;
    } else if key.len() != 32 {
        return Err(Code::WrongLength);
    }
    Ok(key.to_vec())
}
