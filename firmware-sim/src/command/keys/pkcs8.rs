//! Keys as other tools take them: PKCS #8 for asymmetric keys, the key itself for AES.
//!
//! Source: RFC 5958, with RFC 5915 for elliptic curves and RFC 8410 for Ed25519.

use rsa::pkcs8::der::asn1::{AnyRef, OctetStringRef};
use rsa::pkcs8::der::{Decode, Encode};
use rsa::pkcs8::spki::AlgorithmIdentifier;
use rsa::pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use super::rsa::RsaKey;
use super::spki::{EC_PUBLIC_KEY, ED25519, curve};
use super::{aes, ec, ed25519, rsa as rsa_key};
use crate::algorithm::Algorithm;
use crate::error::Code;
use crate::object::{Kind, Object};

/// The key of an object.
///
/// # Errors
/// [`Code::InvalidData`] for objects that are no such keys, and for an Ed25519 key without its seed.
pub(in crate::command) fn encode(object: &Object) -> Result<Zeroizing<Vec<u8>>, Code> {
    let (algorithm, body) = (object.algorithm, object.body.bytes());
    match object.kind {
        Kind::SymmetricKey => Ok(body.to_vec().into()),
        Kind::AsymmetricKey if rsa_key::ALGORITHMS.contains(&algorithm) => {
            RsaKey::new(algorithm, body)?.to_pkcs8()
        }
        Kind::AsymmetricKey if algorithm == Algorithm::Ed25519 => {
            let seed = body.get(ed25519::SEEDLESS..).filter(|seed| !seed.is_empty());
            der(ED25519, None, &Zeroizing::new(to_der(&octets(seed.ok_or(Code::InvalidData)?)?)?))
        }
        Kind::AsymmetricKey => encode_ec(algorithm, body),
        _ => Err(Code::InvalidData),
    }
}

fn encode_ec(algorithm: Algorithm, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    let (scalar, public) =
        body.split_at_checked(ec::Curve::of(algorithm)?.size()).ok_or(Code::InvalidData)?;
    let point = [&[0x04], public].concat();
    let key = EcPrivateKey { private_key: scalar, parameters: None, public_key: Some(&point) };
    der(EC_PUBLIC_KEY, Some(curve(algorithm)?), &Zeroizing::new(to_der(&key)?))
}

/// The body of an object of this kind and algorithm.
///
/// # Errors
/// [`Code::InvalidData`] when it is not such a key.
pub(in crate::command) fn decode(
    kind: Kind,
    algorithm: Algorithm,
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Code> {
    let body = match kind {
        Kind::SymmetricKey if aes::SYMMETRIC.contains(&algorithm) => aes::import(algorithm, bytes),
        Kind::AsymmetricKey if rsa_key::ALGORITHMS.contains(&algorithm) => {
            rsa_key::from_pkcs8(algorithm, bytes)
        }
        Kind::AsymmetricKey => decode_curve(algorithm, bytes),
        _ => Err(Code::InvalidData),
    };
    body.map_err(|_| Code::InvalidData)
}

fn decode_curve(algorithm: Algorithm, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    let info = PrivateKeyInfoRef::try_from(bytes).map_err(|_| Code::InvalidData)?;
    let key = info.private_key.as_bytes();
    if algorithm == Algorithm::Ed25519 {
        let seed = <&OctetStringRef>::from_der(key).map_err(|_| Code::InvalidData)?;
        return if info.algorithm.oid == ED25519 {
            super::import(algorithm, seed.as_bytes())
        } else {
            Err(Code::InvalidData)
        };
    }
    let named = info.algorithm.parameters_oid().map_err(|_| Code::InvalidData)?;
    if (info.algorithm.oid, named) != (EC_PUBLIC_KEY, curve(algorithm)?) {
        return Err(Code::InvalidData);
    }
    let key = EcPrivateKey::from_der(key).map_err(|_| Code::InvalidData)?;
    super::import(algorithm, key.private_key)
}

fn der(
    oid: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
    key: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Code> {
    let parameters = curve.as_ref().map(AnyRef::from);
    let info = PrivateKeyInfoRef::new(AlgorithmIdentifier { oid, parameters }, octets(key)?);
    to_der(&info).map(Zeroizing::new)
}

fn octets(bytes: &[u8]) -> Result<&OctetStringRef, Code> {
    OctetStringRef::new(bytes).map_err(|_| Code::InvalidData)
}

fn to_der(value: &impl Encode) -> Result<Vec<u8>, Code> {
    value.to_der().map_err(|_| Code::InvalidData)
}
