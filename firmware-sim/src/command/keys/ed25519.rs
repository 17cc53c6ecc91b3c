//! Ed25519 keys: the scalar (32, big-endian), the prefix (32), the public key (32), and the seed (32) unless
//! the key came wrapped without it.
//!
//! Source: RFC 8032 5.1.5; the layout of the first three is that of Yubico's `yubihsm-wrap`.

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{SECRET_KEY_LENGTH, SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::error::Code;

/// Bytes of a key without its seed.
pub(in crate::command) const SEEDLESS: usize = 96;

pub(super) fn generate(rng: &mut dyn CryptoRng) -> Zeroizing<Vec<u8>> {
    let mut seed = Zeroizing::new([0; SECRET_KEY_LENGTH]);
    rng.fill_bytes(&mut *seed);
    body(&seed)
}

/// `bytes` is the seed.
pub(super) fn import(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    Ok(body(bytes.try_into().map_err(|_| Code::WrongLength)?))
}

pub(super) fn public(body: &[u8]) -> Result<Vec<u8>, Code> {
    body.get(64..SEEDLESS).map(<[u8]>::to_vec).ok_or(Code::InvalidData)
}

/// Signs; 64 bytes.
pub(in crate::command) fn sign(body: &[u8], message: &[u8]) -> Result<Vec<u8>, Code> {
    let (key, public) = keys(body)?;
    Ok(raw_sign::<Sha512>(&key, message, &public).to_vec())
}

/// Are private and public key, and the seed if there is one, of one key?
pub(super) fn fits(body: &[u8]) -> bool {
    let one = keys(body).is_ok_and(|(key, public)| VerifyingKey::from(&key) == public);
    one && match body.get(SEEDLESS..) {
        Some([]) => true,
        Some(seed) => import(seed).is_ok_and(|key| *key == body),
        None => false,
    }
}

fn keys(body: &[u8]) -> Result<(ExpandedSecretKey, VerifyingKey), Code> {
    let (expanded, rest) = body.split_first_chunk::<64>().ok_or(Code::InvalidData)?;
    let public = rest.first_chunk().ok_or(Code::InvalidData)?;
    let public = VerifyingKey::from_bytes(public).map_err(|_| Code::InvalidData)?;
    let mut expanded = Zeroizing::new(*expanded);
    expanded.split_at_mut(32).0.reverse();
    Ok((ExpandedSecretKey::from_bytes(&expanded), public))
}

fn body(seed: &[u8; SECRET_KEY_LENGTH]) -> Zeroizing<Vec<u8>> {
    let mut expanded = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(seed)));
    expanded[0] &= 0xf8;
    expanded[31] = expanded[31] & 0x7f | 0x40;
    expanded.split_at_mut(32).0.reverse();
    let mut body = Zeroizing::new(Vec::with_capacity(SEEDLESS + SECRET_KEY_LENGTH));
    body.extend(expanded.iter());
    body.extend(SigningKey::from_bytes(seed).verifying_key().as_bytes());
    body.extend(seed);
    body
}
