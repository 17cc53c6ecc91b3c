//! What an object of each kind and algorithm must hold, for one that came wrapped or from a state file.

use super::rsa::{self, RsaKey};
use super::{ASYMMETRIC, aes, ec, ed25519, hmac};
use crate::algorithm::Algorithm;
use crate::error::Code;
use crate::object::{Kind, Object};
use crate::session::asymmetric;

/// The body of an object that came from outside must be one of its kind and algorithm.
pub(crate) fn check(object: &Object) -> Result<(), Code> {
    let (algorithm, length) = (object.algorithm, object.body.bytes().len());
    let fits = match object.kind {
        Kind::Opaque => matches!(algorithm, Algorithm::OpaqueData | Algorithm::OpaqueX509Certificate),
        Kind::Template => algorithm == Algorithm::TemplateSsh,
        Kind::AuthenticationKey => match algorithm {
            Algorithm::Aes128YubicoAuthentication => length == 32,
            Algorithm::EcP256YubicoAuthentication => length == 64,
            _ => false,
        },
        Kind::AsymmetricKey => ASYMMETRIC.contains(&algorithm) && lengths(algorithm).contains(&length),
        Kind::HmacKey => 2 * hmac::block(algorithm)? == length,
        Kind::WrapKey if rsa::ALGORITHMS.contains(&algorithm) => lengths(algorithm).contains(&length),
        Kind::WrapKey => aes::WRAP.contains(&algorithm) && aes::length(algorithm)? == length,
        Kind::OtpAeadKey => aes::OTP.contains(&algorithm) && aes::length(algorithm)? + 4 == length,
        Kind::SymmetricKey => aes::SYMMETRIC.contains(&algorithm) && aes::length(algorithm)? == length,
        Kind::PublicWrapKey => rsa::size(algorithm)? == length,
    };
    if fits && length > 0 { usable(object) } else { Err(Code::InvalidData) }
}

/// A key that could never be used is none.
fn usable(object: &Object) -> Result<(), Code> {
    let (algorithm, body) = (object.algorithm, object.body.bytes());
    let usable = match object.kind {
        Kind::AuthenticationKey if algorithm == Algorithm::EcP256YubicoAuthentication => {
            asymmetric::host_key(body).is_ok()
        }
        Kind::AsymmetricKey if algorithm == Algorithm::Ed25519 => ed25519::fits(body),
        Kind::PublicWrapKey => rsa::import_public(algorithm, body).is_ok(),
        Kind::AsymmetricKey | Kind::WrapKey if rsa::ALGORITHMS.contains(&algorithm) => {
            RsaKey::new(algorithm, body).is_ok()
        }
        Kind::AsymmetricKey => return check_key(algorithm, body),
        _ => true,
    };
    if usable { Ok(()) } else { Err(Code::InvalidData) }
}

/// A key on a curve other than Ed25519's must be one scalar and its point.
pub(crate) fn check_key(algorithm: Algorithm, body: &[u8]) -> Result<(), Code> {
    let curve = ec::Curve::of(algorithm)?;
    let scalar = body.get(..curve.size()).ok_or(Code::InvalidData)?;
    if curve.import(scalar)?.as_slice() == body { Ok(()) } else { Err(Code::InvalidData) }
}

/// Bytes of an asymmetric key: RSA p, q, dp, dq, qinv, n; EC d, x, y; Ed25519 without and with its seed.
fn lengths(algorithm: Algorithm) -> &'static [usize] {
    match algorithm {
        Algorithm::Rsa2048 => &[896],
        Algorithm::Rsa3072 => &[1344],
        Algorithm::Rsa4096 => &[1792],
        Algorithm::EcP224 => &[84],
        Algorithm::EcP256 | Algorithm::EcK256 | Algorithm::EcBp256 => &[96],
        Algorithm::EcP384 | Algorithm::EcBp384 => &[144],
        Algorithm::EcP521 => &[198],
        Algorithm::EcBp512 => &[192],
        Algorithm::Ed25519 => &[ed25519::SEEDLESS, ed25519::SEEDLESS + 32],
        _ => &[],
    }
}
