//! RSA with the padding of PKCS #1 v1.5.
//!
//! Source: RFC 8017 7.2.2 and 8.2.1.

use rand_core::CryptoRng;

use super::hash::Hash;
use super::keys::rsa::RsaKey;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::firmware::Firmware;
use crate::object::Kind;
use crate::reader::Reader;

/// Bytes of padding at least, with those around it.
const PADDING: usize = 11;

/// Id (2), then a digest, which its length tells the hash of, or other data that is padded as it is.
pub(super) fn sign(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, data) = (data.u16()?, data.rest());
    let object = context.usable(Kind::AsymmetricKey, id, Capabilities::SIGN_PKCS)?;
    let key = RsaKey::new(object.algorithm, object.body.bytes())?;
    context.enabled(object.algorithm)?;
    if data.is_empty() {
        return Err(Code::WrongLength);
    }
    match Hash::of_digest(data) {
        Some(hash) => {
            context.enabled(hash.pkcs1())?;
            sign_digest(&key, hash, data, context.rng)
        }
        None => sign_padded(&key, data, context.rng),
    }
}

/// Id (2), ciphertext as long as the modulus. The message.
pub(super) fn decrypt(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, ciphertext) = (data.u16()?, data.rest());
    let object = context.usable(Kind::AsymmetricKey, id, Capabilities::DECRYPT_PKCS)?;
    let key = RsaKey::new(object.algorithm, object.body.bytes())?;
    context.enabled(object.algorithm)?;
    // Before, it could not be switched off.
    if context.profile.firmware >= Firmware::V2_4 {
        context.enabled(Algorithm::RsaPkcs1Decrypt)?;
    }
    let padded = key.apply(ciphertext, context.rng)?;
    let Some(([0x00, 0x02], padded)) = padded.split_first_chunk() else { return Err(Code::InvalidData) };
    let end = padded.iter().position(|byte| *byte == 0).ok_or(Code::InvalidData)?;
    let (padding, message) = padded.split_at(end);
    if padding.len() + 3 < PADDING {
        return Err(Code::InvalidData);
    }
    Ok(message.iter().skip(1).copied().collect())
}

/// Signs a digest.
pub(super) fn sign_digest(
    key: &RsaKey,
    hash: Hash,
    digest: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, Code> {
    sign_padded(key, &[&hash.prefix(), digest].concat(), rng)
}

fn sign_padded(key: &RsaKey, data: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, Code> {
    if data.len() + PADDING > key.size() {
        return Err(Code::WrongLength);
    }
    let mut padded = vec![0xff; key.size() - data.len() - 1];
    padded.splice(..2, [0x00, 0x01]);
    padded.push(0x00);
    padded.extend(data);
    Ok(key.apply(&padded, rng)?.to_vec())
}
