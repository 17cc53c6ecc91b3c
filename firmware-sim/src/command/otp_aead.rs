//! The secret of a YubiKey that makes one-time passwords, encrypted for one key of the device.

use ::ccm::consts::U8;
use zeroize::Zeroizing;

use crate::capability::Capabilities;
use crate::ccm::{self, NONCE};
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Object};
use crate::reader::Reader;

/// Bytes of a secret: AES key (16), private id (6).
pub(super) const SECRET: usize = 22;
/// Bytes of an AEAD: random part of the nonce (6), ciphertext (22), tag (8).
pub(super) const AEAD: usize = 36;

/// Id (2), AES key (16), private id (6). An AEAD.
pub(super) fn create(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    let secret = data.array()?;
    data.end()?;
    let key = context.usable(Kind::OtpAeadKey, id, Capabilities::CREATE_OTP_AEAD)?;
    seal(context, &key, &Zeroizing::new(secret))
}

/// Id (2). An AEAD of a random secret.
pub(super) fn randomize(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    data.end()?;
    let key = context.usable(Kind::OtpAeadKey, id, Capabilities::RANDOMIZE_OTP_AEAD)?;
    let mut secret = Zeroizing::new([0; SECRET]);
    context.rng.fill_bytes(&mut *secret);
    seal(context, &key, &secret)
}

/// Id (2), id of another key (2), AEAD (36) of the first. An AEAD of the other.
pub(super) fn rewrap(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (from, to) = (data.u16()?, data.u16()?);
    let aead = data.array()?;
    data.end()?;
    let from = context.usable(Kind::OtpAeadKey, from, Capabilities::REWRAP_FROM_OTP_AEAD_KEY)?;
    context.grant.needs(Capabilities::REWRAP_TO_OTP_AEAD_KEY)?;
    let to = context.second_object(Kind::OtpAeadKey, to)?.clone();
    if !to.capabilities.contains(Capabilities::REWRAP_TO_OTP_AEAD_KEY) {
        return Err(Code::InsufficientPermissions);
    }
    let secret = open(context, &from, &aead)?;
    seal(context, &to, &secret)
}

/// The secret of an AEAD.
pub(super) fn open(
    context: &Context<'_>,
    key: &Object,
    aead: &[u8; AEAD],
) -> Result<Zeroizing<[u8; SECRET]>, Code> {
    let (random, sealed) = aead.split_first_chunk().ok_or(Code::WrongLength)?;
    let (nonce, key) = parts(context, key, *random)?;
    let secret = ccm::open::<U8>(key, &nonce, sealed)?;
    secret.as_slice().try_into().map(Zeroizing::new).map_err(|_| Code::InvalidData)
}

fn seal(context: &mut Context<'_>, key: &Object, secret: &[u8; SECRET]) -> Result<Vec<u8>, Code> {
    let mut random = [0; 6];
    context.rng.fill_bytes(&mut random);
    let (nonce, key) = parts(context, key, random)?;
    let mut aead = random.to_vec();
    aead.extend(ccm::seal::<U8>(key, &nonce, secret)?);
    Ok(aead)
}

/// The nonce, which is the key's nonce id (4), the random part (6) and zeros (3), and the AES key.
fn parts<'k>(
    context: &Context<'_>,
    key: &'k Object,
    random: [u8; 6],
) -> Result<([u8; NONCE], &'k [u8]), Code> {
    context.enabled(key.algorithm)?;
    let (nonce_id, key) = key.body.bytes().split_first_chunk::<4>().ok_or(Code::InvalidData)?;
    let mut nonce = [0; NONCE];
    nonce.iter_mut().zip(nonce_id.iter().chain(&random)).for_each(|(to, from)| *to = *from);
    Ok((nonce, key))
}
