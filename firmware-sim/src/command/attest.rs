//! Attests a key: a certificate that says what the device knows of it.
//!
//! Source: <https://docs.yubico.com/hardware/oid/oid-product-arc.html>, YubiHSM OIDs.

use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer;
use rand_core::CryptoRng;
use x509_cert::AlgorithmIdentifier;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::{self, DateTime, Decode};
use x509_cert::ext::Extensions;
use x509_cert::time::{Time, Validity};

use super::certificate::{Issuer, Value, common_name, extension, issue};
use super::hash::Hash;
use super::keys::ec::Curve;
use super::keys::rsa::RsaKey;
use super::keys::spki::public_key_info;
use super::pkcs1;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::firmware::Firmware;
use crate::object::{Kind, Object};
use crate::profile::Profile;
use crate::reader::Reader;

/// The id of the factory's attestation key, and of its certificate.
pub(super) const FACTORY: u16 = 0;
/// From this firmware on, attestations say whether the device is in FIPS mode.
const SAYS_FIPS: Firmware = Firmware(2, 4, 1);

const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// Id (2), id of the key that attests (2). A certificate in DER.
pub(super) fn attest(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, by) = (data.u16()?, data.u16()?);
    data.end()?;
    (context.target, context.second) = (id, by);
    context.grant.needs(Capabilities::SIGN_ATTESTATION_CERTIFICATE)?;
    let (algorithm, key, template) = if by == FACTORY {
        let key = context.memory.now().attestation_key.clone();
        (Algorithm::EcP256, key, factory_certificate(context)?)
    } else {
        let key = context.second_object(Kind::AsymmetricKey, by)?.clone();
        if !key.capabilities.contains(Capabilities::SIGN_ATTESTATION_CERTIFICATE) {
            return Err(Code::InsufficientPermissions);
        }
        context.enabled(key.algorithm)?;
        (key.algorithm, key.body.clone(), context.second_object(Kind::Opaque, by)?.body.bytes().to_vec())
    };
    let template = x509_cert::Certificate::from_der(&template).map_err(|_| Code::InvalidData)?;
    let template = template.tbs_certificate();
    let object = context.object(Kind::AsymmetricKey, id)?.clone();
    // The time that it takes is that of the key that signs.
    context.algorithm = Some(algorithm);
    let issuer = Issuer {
        name: template.subject().clone(),
        validity: *template.validity(),
        algorithm: signature_algorithm(algorithm),
    };
    let subject = common_name(&format!("YubiHSM Attestation id 0x{id:04x}"))?;
    // Positive, and of 16 bytes in DER.
    let mut serial = [0; 16];
    context.rng.fill_bytes(&mut serial);
    serial[0] = serial[0] & 0x7f | 0x40;
    let info = public_key_info(object.algorithm, object.body.bytes())?;
    let extensions = extensions(context, &object)?;
    issue(issuer, subject, &serial, info, extensions, |data| sign(algorithm, key.bytes(), data, context.rng))
}

/// The certificate of the factory's attestation key: always the same, because it is signed by itself
/// without a random nonce.
pub(super) fn factory_certificate(context: &Context<'_>) -> Result<Vec<u8>, Code> {
    let (key, profile) = (context.memory.now().attestation_key.bytes(), context.profile);
    let name = common_name(&format!("Simulated YubiHSM Attestation ({})", profile.serial))?;
    let issuer = Issuer {
        name: name.clone(),
        validity: factory_validity().map_err(|_| Code::InvalidData)?,
        algorithm: signature_algorithm(Algorithm::EcP256),
    };
    let info = public_key_info(Algorithm::EcP256, key)?;
    let scalar = key.get(..32).ok_or(Code::InvalidData)?;
    let signer = SigningKey::from_slice(scalar).map_err(|_| Code::InvalidData)?;
    issue(issuer, name, &[1], info, device(profile)?, |data| {
        let signature: p256::ecdsa::DerSignature = signer.sign(data);
        Ok(signature.as_bytes().to_vec())
    })
}

/// A device has no clock: from before there were any of them until long after.
fn factory_validity() -> der::Result<Validity> {
    Ok(Validity::new(
        Time::from(DateTime::new(2017, 1, 1, 0, 0, 0)?),
        Time::from(DateTime::new(2071, 10, 5, 0, 0, 0)?),
    ))
}

/// What is said of the device.
fn device(profile: &Profile) -> Result<Extensions, Code> {
    let Firmware(major, minor, patch) = profile.firmware;
    Ok(vec![
        extension(1, &Value::Octets(&[major, minor, patch]))?,
        extension(2, &Value::Number(profile.serial))?,
    ])
}

/// What is said of the device, and of the key.
fn extensions(context: &Context<'_>, object: &Object) -> Result<Extensions, Code> {
    let label = object.label.0.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut extensions = device(context.profile)?;
    for (number, value) in [
        (3, Value::Bits(&[object.origin.0])),
        (4, Value::Bits(&object.domains.0.to_be_bytes())),
        (5, Value::Bits(&object.capabilities.0.to_be_bytes())),
        (6, Value::Number(object.id.into())),
        (9, Value::Text(label)),
    ] {
        extensions.push(extension(number, &value)?);
    }
    if context.profile.fips && context.profile.firmware >= SAYS_FIPS {
        extensions.push(extension(12, &Value::Flag(context.memory.now().options.is_fips_approved()))?);
    }
    Ok(extensions)
}

fn signature_algorithm(key: Algorithm) -> AlgorithmIdentifier {
    match key {
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
            AlgorithmIdentifier { oid: RSA_SHA256, parameters: Some(Any::null()) }
        }
        _ => AlgorithmIdentifier { oid: ECDSA_SHA256, parameters: None },
    }
}

/// Signs with SHA-256. Ed25519 keys do not attest.
fn sign(key: Algorithm, body: &[u8], data: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, Code> {
    let digest = Hash::Sha256.digest(&[data]);
    match key {
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
            pkcs1::sign_digest(&RsaKey::new(key, body)?, Hash::Sha256, &digest, rng)
        }
        _ => Curve::of(key)?.sign(body, &digest, rng),
    }
}
