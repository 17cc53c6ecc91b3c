//! X.509 certificates of keys, with the vendor's extensions.
//!
//! Source: RFC 5280 4.1; <https://docs.yubico.com/hardware/oid/oid-product-arc.html>, YubiHSM OIDs.

use std::str::FromStr;

use der::asn1::{Any, BitString, ObjectIdentifier, OctetString};
use der::{Encode, Sequence, Tag};
use x509_cert::ext::{Extension, Extensions};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Validity;
use x509_cert::{AlgorithmIdentifier, SubjectPublicKeyInfo, Version};

use crate::error::Code;

/// What is signed. The library's own cannot be made without the key of a signer.
#[derive(Sequence)]
struct ToBeSigned {
    #[asn1(context_specific = "0")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifier,
    issuer: Name,
    validity: Validity,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfo,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Extensions,
}

/// The parts of a certificate.
#[derive(Sequence)]
struct Signed {
    to_be_signed: ToBeSigned,
    algorithm: AlgorithmIdentifier,
    signature: BitString,
}

/// Who vouches, for how long.
pub(super) struct Issuer {
    pub name: Name,
    pub validity: Validity,
    /// How it signs.
    pub algorithm: AlgorithmIdentifier,
}

/// Makes a certificate in DER. `sign` is given what is to be signed; `serial` is a positive number.
pub(super) fn issue(
    issuer: Issuer,
    subject: Name,
    serial: &[u8],
    key: SubjectPublicKeyInfo,
    extensions: Extensions,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, Code>,
) -> Result<Vec<u8>, Code> {
    let Issuer { name, validity, algorithm } = issuer;
    let to_be_signed = ToBeSigned {
        version: Version::V3,
        serial_number: SerialNumber::new(serial).map_err(invalid)?,
        signature: algorithm.clone(),
        issuer: name,
        validity,
        subject,
        subject_public_key_info: key,
        extensions,
    };
    let signature = sign(&to_be_signed.to_der().map_err(invalid)?)?;
    let signature = BitString::from_bytes(&signature).map_err(invalid)?;
    Signed { to_be_signed, algorithm, signature }.to_der().map_err(invalid)
}

/// A name with this common name only.
pub(super) fn common_name(text: &str) -> Result<Name, Code> {
    Name::from_str(&format!("CN={text}")).map_err(invalid)
}

/// What an extension holds, by the last number of its OID.
pub(super) enum Value<'a> {
    Number(u32),
    Bits(&'a [u8]),
    Octets(&'a [u8]),
    Text(&'a [u8]),
    Flag(bool),
}

/// One of the vendor's extensions.
pub(super) fn extension(number: u32, value: &Value<'_>) -> Result<Extension, Code> {
    let any = match value {
        Value::Number(number) => Any::encode_from(number),
        Value::Bits(bits) => BitString::from_bytes(bits).and_then(|bits| Any::encode_from(&bits)),
        Value::Octets(octets) => Any::new(Tag::OctetString, *octets),
        Value::Text(text) => Any::new(Tag::Utf8String, *text),
        Value::Flag(flag) => Any::encode_from(flag),
    };
    let value = any.and_then(|any| any.to_der()).and_then(OctetString::new).map_err(invalid)?;
    let oid = ObjectIdentifier::new(&format!("1.3.6.1.4.1.41482.4.{number}"));
    Ok(Extension { extn_id: oid.map_err(|_| Code::InvalidData)?, critical: false, extn_value: value })
}

fn invalid(_: der::Error) -> Code {
    Code::InvalidData
}
