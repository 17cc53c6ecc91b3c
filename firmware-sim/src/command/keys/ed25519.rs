//! Ed25519 keys: 128 bytes, the expanded key (64), the public key (32), the seed (32).
//!
//! Source: RFC 8032 5.1.5.

use ed25519_dalek::{SECRET_KEY_LENGTH, Signer, SigningKey};
use rand_core::CryptoRng;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::error::Code;

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
    body.get(64..96).map(<[u8]>::to_vec).ok_or(Code::InvalidData)
}

/// Signs; 64 bytes.
pub(in crate::command) fn sign(body: &[u8], message: &[u8]) -> Result<Vec<u8>, Code> {
    let seed = body.last_chunk().ok_or(Code::InvalidData)?;
    Ok(SigningKey::from_bytes(seed).sign(message).to_vec())
}

fn body(seed: &[u8; SECRET_KEY_LENGTH]) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(Vec::with_capacity(128));
    body.extend(Sha512::digest(seed));
    body.extend(SigningKey::from_bytes(seed).verifying_key().as_bytes());
    body.extend(seed);
    body
}
