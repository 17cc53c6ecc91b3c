//! Signs with RSASSA-PSS.
//!
//! Source: RFC 8017 8.1.1 and 9.1.1.

use super::hash::Hash;
use super::keys::rsa::RsaKey;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::Kind;
use crate::reader::Reader;

/// Id (2), mask generation function (1), bytes of salt (2), digest.
pub(super) fn sign(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, mgf, salt, digest) = (data.u16()?, data.u8()?, data.u16()?, data.rest());
    let object = context.usable(Kind::AsymmetricKey, id, Capabilities::SIGN_PSS)?;
    let key = RsaKey::new(object.algorithm, object.body.bytes())?;
    let (hash, mgf) = (Hash::of_digest(digest).ok_or(Code::WrongLength)?, Hash::of_mgf(mgf)?);
    for algorithm in [object.algorithm, hash.pss(), mgf.mgf()] {
        context.enabled(algorithm)?;
    }
    let padding = (key.size() - hash.size() - 2).checked_sub(salt.into()).ok_or(Code::InvalidData)?;
    let mut salt = vec![0; salt.into()];
    context.rng.fill_bytes(&mut salt);
    let digest = hash.digest(&[&[0; 8], digest, &salt]);
    let mut padded = vec![0; padding];
    padded.push(0x01);
    padded.extend(salt);
    mgf.mask(&digest, &mut padded);
    // The encoded message has one bit less than the modulus.
    if let Some(first) = padded.first_mut() {
        *first &= 0x7f;
    }
    padded.extend(digest);
    padded.push(0xbc);
    Ok(key.apply(&padded, context.rng)?.to_vec())
}
