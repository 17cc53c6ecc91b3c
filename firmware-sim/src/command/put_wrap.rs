//! Puts a wrap key into the device, or makes one in it.

use super::keys::{self, aes, rsa};
use super::new::New;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::firmware::Firmware;
use crate::object::{Kind, Origin};
use crate::reader::Reader;

/// A new object's fields, then the key: of AES the key, of RSA p and q.
pub(super) fn put(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::WrapKey, &mut data)?;
    let algorithms = algorithms(context.profile.firmware);
    let new = new.admit(context, Capabilities::PUT_WRAP_KEY, &algorithms)?;
    let body = match new.algorithm {
        algorithm if aes::WRAP.contains(&algorithm) => aes::import(algorithm, data.rest())?,
        algorithm => keys::import(algorithm, data.rest())?,
    };
    new.put(context, Origin::IMPORTED, body)
}

/// A new object's fields.
pub(super) fn generate(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let new = New::read(Kind::WrapKey, &mut data)?;
    data.end()?;
    let algorithms = algorithms(context.profile.firmware);
    let new = new.admit(context, Capabilities::GENERATE_WRAP_KEY, &algorithms)?;
    let body = match new.algorithm {
        algorithm if aes::WRAP.contains(&algorithm) => aes::generate(algorithm, context.rng)?,
        algorithm => keys::generate(algorithm, context.rng)?,
    };
    new.put(context, Origin::GENERATED, body)
}

/// RSA wraps from 2.4.
fn algorithms(firmware: Firmware) -> Vec<Algorithm> {
    let rsa = if firmware >= Firmware::V2_4 { rsa::ALGORITHMS } else { &[] };
    [aes::WRAP, rsa].concat()
}
