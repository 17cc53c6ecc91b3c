//! Decrypts with RSAES-OAEP.
//!
//! Source: RFC 8017 7.1.2.

use super::hash::Hash;
use super::keys::rsa::RsaKey;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::Kind;
use crate::reader::Reader;

/// Id (2), mask generation function (1), ciphertext as long as the modulus, digest of the label.
pub(super) fn decrypt(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, mgf) = (data.u16()?, data.u8()?);
    let object = context.usable(Kind::AsymmetricKey, id, Capabilities::DECRYPT_OAEP)?;
    let key = RsaKey::new(object.algorithm, object.body.bytes())?;
    let (ciphertext, label) = (data.bytes(key.size())?, data.rest());
    let (hash, mgf) = (Hash::of_digest(label).ok_or(Code::WrongLength)?, Hash::of_mgf(mgf)?);
    for algorithm in [object.algorithm, hash.oaep(), mgf.mgf()] {
        context.enabled(algorithm)?;
    }
    let mut padded = key.apply(ciphertext, context.rng)?;
    let Some((0x00, padded)) = padded.split_first_mut() else { return Err(Code::InvalidData) };
    let (seed, block) = padded.split_at_mut_checked(hash.size()).ok_or(Code::InvalidData)?;
    mgf.mask(block, seed);
    mgf.mask(seed, block);
    let rest = block.strip_prefix(label).ok_or(Code::InvalidData)?;
    let end = rest.iter().position(|byte| *byte != 0).ok_or(Code::InvalidData)?;
    let Some((0x01, message)) = rest.get(end..).and_then(<[u8]>::split_first) else {
        return Err(Code::InvalidData);
    };
    Ok(message.to_vec())
}
