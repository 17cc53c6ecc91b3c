//! Public keys as certificates hold them.
//!
//! Source: RFC 5480, RFC 8017 A.1, RFC 8410, RFC 5639 4.1; SEC 2 A.2.1 for secp256k1.

use ::rsa::pkcs8::EncodePublicKey;
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier};
use x509_cert::der::{self, Decode};
use x509_cert::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::rsa::public_key;
use crate::algorithm::Algorithm;
use crate::error::Code;

pub(super) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The public half of a key, whose body this is.
pub(in crate::command) fn public_key_info(
    algorithm: Algorithm,
    body: &[u8],
) -> Result<SubjectPublicKeyInfo, Code> {
    let public = super::public(algorithm, body)?;
    let info = match algorithm {
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
            let document = public_key(&public)?.to_public_key_der().map_err(|_| Code::InvalidData)?;
            SubjectPublicKeyInfo::from_der(document.as_bytes())
        }
        Algorithm::Ed25519 => bits(ED25519, None, &public),
        _ => Any::encode_from(&curve(algorithm)?)
            .and_then(|curve| bits(EC_PUBLIC_KEY, Some(curve), &[&[0x04], &*public].concat())),
    };
    info.map_err(|_| Code::InvalidData)
}

fn bits(oid: ObjectIdentifier, parameters: Option<Any>, key: &[u8]) -> der::Result<SubjectPublicKeyInfo> {
    let algorithm = AlgorithmIdentifier { oid, parameters };
    Ok(SubjectPublicKeyInfo { algorithm, subject_public_key: BitString::from_bytes(key)? })
}

/// The name of a curve: RFC 5480 2.1.1.1, RFC 5639 4.1, SEC 2.
pub(super) fn curve(algorithm: Algorithm) -> Result<ObjectIdentifier, Code> {
    let oid = match algorithm {
        Algorithm::EcP224 => "1.3.132.0.33",
        Algorithm::EcP256 => "1.2.840.10045.3.1.7",
        Algorithm::EcP384 => "1.3.132.0.34",
        Algorithm::EcP521 => "1.3.132.0.35",
        Algorithm::EcK256 => "1.3.132.0.10",
        Algorithm::EcBp256 => "1.3.36.3.3.2.8.1.1.7",
        Algorithm::EcBp384 => "1.3.36.3.3.2.8.1.1.11",
        Algorithm::EcBp512 => "1.3.36.3.3.2.8.1.1.13",
        _ => return Err(Code::InvalidData),
    };
    ObjectIdentifier::new(oid).map_err(|_| Code::InvalidData)
}
