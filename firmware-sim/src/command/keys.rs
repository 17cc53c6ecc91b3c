//! Private keys, in the layout in which the device keeps them.

pub(super) mod aes;
mod brainpool512;
mod check;
pub(super) mod ec;
pub(super) mod ed25519;
pub(super) mod hmac;
pub(super) mod pkcs8;
pub(super) mod rsa;
pub(super) mod spki;

pub(crate) use check::{check, check_key};

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::error::Code;

/// Algorithms of asymmetric keys.
pub(super) const ASYMMETRIC: &[Algorithm] = &[
    Algorithm::Rsa2048,
    Algorithm::Rsa3072,
    Algorithm::Rsa4096,
    Algorithm::EcP256,
    Algorithm::EcP384,
    Algorithm::EcP521,
    Algorithm::EcK256,
    Algorithm::EcBp256,
    Algorithm::EcBp384,
    Algorithm::EcBp512,
    Algorithm::EcP224,
    Algorithm::Ed25519,
];

/// Makes a key.
pub(crate) fn generate(algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<Zeroizing<Vec<u8>>, Code> {
    match algorithm {
        Algorithm::Ed25519 => Ok(ed25519::generate(rng)),
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => rsa::generate(algorithm, rng),
        _ => Ok(ec::Curve::of(algorithm)?.generate(rng)),
    }
}

/// A key as clients send it to the device.
pub(super) fn import(algorithm: Algorithm, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    match algorithm {
        Algorithm::Ed25519 => ed25519::import(bytes),
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => rsa::import(algorithm, bytes),
        _ => ec::Curve::of(algorithm)?.import(bytes),
    }
}

/// The public key as the device tells it.
pub(super) fn public(algorithm: Algorithm, body: &[u8]) -> Result<Vec<u8>, Code> {
    match algorithm {
        Algorithm::Ed25519 => ed25519::public(body),
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => rsa::public(algorithm, body),
        _ => ec::Curve::of(algorithm)?.public(body),
    }
}
