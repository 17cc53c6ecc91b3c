//! What a YubiHSM says of a key that it made, and whether that can be believed.
//! <https://docs.yubico.com/hardware/oid/oid-product-arc.html>

use bursar_core::key::PublicKey;
use x509_parser::asn1_rs::{BitString, FromDer, Integer, OctetString, Utf8String};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::Oid;
use x509_parser::oid_registry::asn1_rs::oid;
use x509_parser::pem::Pem;

/// Yubico's arc for the YubiHSM: 1.3.6.1.4.1.41482.4.
const FIRMWARE: Oid<'static> = oid!(1.3.6.1.4.1.41482.4.1);
const SERIAL: Oid<'static> = oid!(1.3.6.1.4.1.41482.4.2);
const ORIGIN: Oid<'static> = oid!(1.3.6.1.4.1.41482.4.3);
const DOMAINS: Oid<'static> = oid!(1.3.6.1.4.1.41482.4.4);
const CAPABILITIES: Oid<'static> = oid!(1.3.6.1.4.1.41482.4.5);
const ID: Oid<'static> = oid!(1.3.6.1.4.1.41482.4.6);
const LABEL: Oid<'static> = oid!(1.3.6.1.4.1.41482.4.9);
/// Made inside the device, never imported, never wrapped.
const GENERATED: u64 = 1;
/// The capability exportable-under-wrap, bit 0x10.
const EXPORTABLE: u64 = 1 << 0x10;
/// RFC 8410, section 3.
const ED25519: Oid<'static> = oid!(1.3.101.112);
/// RFC 5480, section 2.1.1.
const EC: Oid<'static> = oid!(1.2.840.10045.2.1);
/// RFC 5480, section 2.1.1.1.
const P256: Oid<'static> = oid!(1.2.840.10045.3.1.7);
/// SEC 2, appendix A.2.
const SECP256K1: Oid<'static> = oid!(1.3.132.0.10);

/// What the device gave: two certificates, DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Of the key, signed with the device's attestation key.
    pub key: Vec<u8>,
    /// Of the device's attestation key.
    pub device: Vec<u8>,
}

/// What a key is, as the device lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The public key.
    pub public: PublicKey,
    /// Object id.
    pub id: u16,
    /// Label.
    pub label: String,
    /// Serial number of the device.
    pub serial: u32,
    /// The domains, as bits.
    pub domains: u16,
    /// What it may be used for, as bits.
    pub capabilities: u64,
}

/// What was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// Version of the device's firmware, as the attestation says.
    pub firmware: String,
    /// The name of the authority that vouches for the device, if one was asked about.
    pub authority: Option<String>,
}

/// Why an attestation proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum AttestationError {
    /// It cannot be read.
    #[error("{which} cannot be read ({why}): ask the device again; if it stays so, do not rely on this key")]
    Unreadable {
        /// Which certificate, or which part of it.
        which: &'static str,
        /// Why.
        why: String,
    },
    /// It is of something else.
    #[error(
        "the attestation says {said} for the {what}, and the device lists {listed}: do not rely on this key"
    )]
    Differs {
        /// What differs.
        what: &'static str,
        /// By the attestation.
        said: String,
        /// By the device.
        listed: String,
    },
    /// The key was somewhere else before.
    #[error(
        "the attestation does not say that the key was made in the device (origin {0:#x}): it may exist elsewhere, too; make another one"
    )]
    Origin(u64),
    /// The key can leave the device, or has left it: neither its origin nor anything else here tells.
    #[error(
        "whoever has a wrap key of the device can export this key: it may exist elsewhere, too; make another one"
    )]
    Exportable,
    /// It does not verify.
    #[error("the signature of {0} does not verify: do not rely on this key")]
    Signature(&'static str),
    /// No authority vouches for the device.
    #[error(
        "none of the certificates that were given vouches for the device's certificate, whose issuer is {0}: give Yubico's root and \
         the certificate in between, from https://developers.yubico.com/YubiHSM2/Concepts/Attestation.html"
    )]
    Authority(String),
}

impl Evidence {
    /// Verifies what the device says of the key. Every certificate of `authorities` is trusted to vouch
    /// for devices; without them it stays open whether a device of Yubico's is speaking at all. Validity
    /// dates are not looked at: the key's are copied from the device's, which says when that was made.
    pub fn verify(&self, listed: &Listed, authorities: Option<&[Pem]>) -> Result<Attested, AttestationError> {
        let key = parse("the key's certificate", &self.key)?;
        let device = parse("the device's certificate", &self.device)?;
        same("public key", public(&key), Some(listed.public))?;
        if key.issuer() != device.subject() || key.verify_signature(Some(device.public_key())).is_err() {
            return Err(AttestationError::Signature("the key's certificate"));
        }
        let origin = bits(&key, &ORIGIN, "the origin")?;
        if origin != GENERATED {
            return Err(AttestationError::Origin(origin));
        }
        same("id", integer(&key, &ID, "the id")?, u32::from(listed.id))?;
        same("label", label(&key)?, listed.label.clone())?;
        same("serial number", integer(&key, &SERIAL, "the serial number")?, listed.serial)?;
        same("domains", bits(&key, &DOMAINS, "the domains")?, u64::from(listed.domains))?;
        same("capabilities", bits(&key, &CAPABILITIES, "the capabilities")?, listed.capabilities)?;
        if listed.capabilities & EXPORTABLE != 0 {
            return Err(AttestationError::Exportable);
        }
        // Of another device of the same maker it would be no less genuine.
        same("serial number of the device", integer(&device, &SERIAL, "the serial number")?, listed.serial)?;
        let authority = authorities.map(|authorities| vouch(&device, authorities)).transpose()?;
        Ok(Attested { firmware: firmware(&key)?, authority })
    }

    /// Both certificates, the key's first (RFC 7468).
    pub fn to_pem(&self) -> String {
        [&self.key, &self.device].map(|der| pem(der)).concat()
    }
}

fn vouch(device: &X509Certificate<'_>, authorities: &[Pem]) -> Result<String, AttestationError> {
    for pem in authorities {
        let authority = parse("a certificate of the authority", &pem.contents)?;
        let signs = authority.is_ca() && authority.subject() == device.issuer();
        if signs && device.verify_signature(Some(authority.public_key())).is_ok() {
            return Ok(authority.subject().to_string());
        }
    }
    Err(AttestationError::Authority(device.issuer().to_string()))
}

/// Reads the certificates of a PEM file.
pub fn authorities(text: &[u8]) -> Result<Vec<Pem>, AttestationError> {
    let which = "the file of certificates";
    let unreadable = |why: String| AttestationError::Unreadable { which, why };
    let read: Result<Vec<_>, _> = Pem::iter_from_buffer(text).collect();
    let read = read.map_err(|error| unreadable(error.to_string()))?;
    if read.is_empty() {
        return Err(unreadable("there is none in it".to_owned()));
    }
    Ok(read)
}

fn parse<'a>(which: &'static str, der: &'a [u8]) -> Result<X509Certificate<'a>, AttestationError> {
    match X509Certificate::from_der(der) {
        // What the signature does not cover has one form only (RFC 5280, section 4.1.1.2).
        Ok(([], certificate))
            if certificate.signature_value.unused_bits == 0
                && certificate.signature_algorithm == certificate.signature =>
        {
            Ok(certificate)
        }
        Ok(_) => Err(AttestationError::Unreadable { which, why: "it is not in DER".to_owned() }),
        Err(error) => Err(AttestationError::Unreadable { which, why: error.to_string() }),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: &'static str,
    said: T,
    listed: T,
) -> Result<(), AttestationError> {
    if said == listed {
        return Ok(());
    }
    Err(AttestationError::Differs { what, said: format!("{said:?}"), listed: format!("{listed:?}") })
}

/// The certificate's key, if it is of a curve that is signed with here.
fn public(certificate: &X509Certificate<'_>) -> Option<PublicKey> {
    let info = certificate.public_key();
    let bytes = info.subject_public_key.data.as_ref();
    if info.algorithm.algorithm == ED25519 {
        return PublicKey::ed25519(bytes.try_into().ok()?).ok();
    }
    let curve = info.algorithm.parameters.as_ref()?.as_oid().ok()?;
    let [4, x @ ..] = bytes else { return None };
    if info.algorithm.algorithm != EC || x.len() != 64 {
        return None;
    }
    let (x, y) = x.split_at(32);
    let compressed: [u8; 33] = [&[2 + (y.last()? & 1)], x].concat().try_into().ok()?;
    match curve {
        curve if curve == P256 => PublicKey::p256(compressed).ok(),
        curve if curve == SECP256K1 => PublicKey::secp256k1(compressed).ok(),
        _ => None,
    }
}

/// The value of an extension that is there exactly once.
fn extension<'a>(
    certificate: &'a X509Certificate<'_>,
    oid: &Oid<'_>,
    which: &'static str,
) -> Result<&'a [u8], AttestationError> {
    let unreadable = |why: String| AttestationError::Unreadable { which, why };
    let found = certificate.get_extension_unique(oid).map_err(|error| unreadable(error.to_string()))?;
    found
        .map(|extension| extension.value)
        .ok_or_else(|| unreadable("the certificate says nothing of it".to_owned()))
}

fn read<'a, T: FromDer<'a>>(value: &'a [u8], which: &'static str) -> Result<T, AttestationError> {
    match T::from_der(value) {
        Ok(([], read)) => Ok(read),
        _ => Err(AttestationError::Unreadable { which, why: "it is of another type".to_owned() }),
    }
}

fn integer(
    certificate: &X509Certificate<'_>,
    oid: &Oid<'_>,
    which: &'static str,
) -> Result<u32, AttestationError> {
    let value: Integer<'_> = read(extension(certificate, oid, which)?, which)?;
    value.as_u32().map_err(|error| AttestationError::Unreadable { which, why: error.to_string() })
}

/// A bit string, its last bit being the lowest: 64 at most.
fn bits(
    certificate: &X509Certificate<'_>,
    oid: &Oid<'_>,
    which: &'static str,
) -> Result<u64, AttestationError> {
    let value: BitString<'_> = read(extension(certificate, oid, which)?, which)?;
    let bytes = value.data.as_ref();
    if bytes.len() > 8 || value.unused_bits != 0 {
        return Err(AttestationError::Unreadable { which, why: "it has an odd length".to_owned() });
    }
    Ok(bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

fn label(certificate: &X509Certificate<'_>) -> Result<String, AttestationError> {
    let which = "the label";
    let value: Utf8String<'_> = read(extension(certificate, &LABEL, which)?, which)?;
    // A device that gives all 40 bytes pads with zeros.
    Ok(value.string().trim_end_matches('\0').to_owned())
}

fn firmware(certificate: &X509Certificate<'_>) -> Result<String, AttestationError> {
    let which = "the firmware's version";
    let value: OctetString<'_> = read(extension(certificate, &FIRMWARE, which)?, which)?;
    match value.as_ref() {
        [major, minor, build] => Ok(format!("{major}.{minor}.{build}")),
        _ => Err(AttestationError::Unreadable { which, why: "it has not 3 bytes".to_owned() }),
    }
}

fn pem(der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rcgen::{
        BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair,
        PKCS_ECDSA_P256_SHA256, PKCS_ED25519,
    };

    use super::*;

    const ARC: [u64; 8] = [1, 3, 6, 1, 4, 1, 41482, 4];

    /// The extensions of a device's certificate, DER by hand: tag, length, value.
    fn extensions(origin: u8, serial: u8, capabilities: u64, label: &str) -> Vec<CustomExtension> {
        let utf8 = [&[0x0c, u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
        [
            (1, vec![0x04, 3, 2, 4, 0]),
            (2, vec![0x02, 1, serial]),
            (3, vec![0x03, 2, 0, origin]),
            (4, vec![0x03, 3, 0, 0, 1]),
            (5, [&[0x03, 9, 0], capabilities.to_be_bytes().as_slice()].concat()),
            (6, vec![0x02, 2, 0x12, 0x34]),
            (9, utf8),
        ]
        .map(|(last, der)| CustomExtension::from_oid_content(&[&ARC[..], &[last]].concat(), der))
        .into()
    }

    fn params(name: &str, extensions: Vec<CustomExtension>) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.custom_extensions = extensions;
        params
    }

    struct World {
        evidence: Evidence,
        root: String,
        listed: Listed,
    }

    const SIGNS: u64 = 0x100;

    fn world(origin: u8, serial: u8, label: &str) -> World {
        world_of(origin, serial, SIGNS, label)
    }

    fn world_of(origin: u8, serial: u8, capabilities: u64, label: &str) -> World {
        let new = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let (root_key, device_key, key) = (new(), new(), KeyPair::generate_for(&PKCS_ED25519).unwrap());
        let mut root = params("Test Root", Vec::new());
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let root = Issuer::new(root, root_key);
        let device = params("YubiHSM Attestation", extensions(1, 7, SIGNS, "device"));
        let device_der = device.signed_by(&device_key, &root).unwrap().der().to_vec();
        let device = Issuer::new(device, device_key);
        let attested =
            params("YubiHSM Attestation id 0x1234", extensions(origin, serial, capabilities, label));
        let key_der = attested.signed_by(&key, &device).unwrap().der().to_vec();
        let public = PublicKey::ed25519(key.public_key_raw().try_into().unwrap()).unwrap();
        let listed =
            Listed { public, id: 0x1234, label: "expenses".to_owned(), serial: 7, domains: 1, capabilities };
        World { evidence: Evidence { key: key_der, device: device_der }, root: root_pem, listed }
    }

    #[test]
    fn a_key_that_the_device_made_is_attested() {
        let World { evidence, root, listed } = world(1, 7, "expenses");
        let open = evidence.verify(&listed, None).unwrap();
        assert_eq!((open.firmware.as_str(), open.authority), ("2.4.0", None));
        let roots = authorities(root.as_bytes()).unwrap();
        let proved = evidence.verify(&listed, Some(&roots)).unwrap();
        assert_eq!(proved.authority.as_deref(), Some("CN=Test Root"));
        assert_eq!(authorities(evidence.to_pem().as_bytes()).unwrap()[1].contents, evidence.device);
    }

    #[test]
    fn an_attestation_of_anything_else_is_refused() {
        // Imported; imported and wrapped; generated and wrapped.
        for origin in [2, 0x12, 0x11, 3, 0] {
            let World { evidence, listed, .. } = world(origin, 7, "expenses");
            assert!(matches!(evidence.verify(&listed, None), Err(AttestationError::Origin(_))), "{origin}");
        }
        let refused = |evidence: &Evidence, listed: &Listed| match evidence.verify(listed, None) {
            Err(AttestationError::Differs { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        let World { evidence, listed, .. } = world(1, 8, "expenses");
        assert_eq!(refused(&evidence, &listed), "serial number");
        assert_eq!(refused(&evidence, &Listed { serial: 8, ..listed }), "serial number of the device");
        let World { evidence, listed, .. } = world(1, 7, "other");
        assert_eq!(refused(&evidence, &listed), "label");
        let World { evidence, listed, .. } = world(1, 7, "expenses");
        let other = world(1, 7, "expenses");
        for (listed, what) in [
            (Listed { id: 1, ..listed.clone() }, "id"),
            (Listed { domains: 3, ..listed.clone() }, "domains"),
            (Listed { capabilities: 0x1_0100, ..listed.clone() }, "capabilities"),
            (Listed { public: other.listed.public, ..listed.clone() }, "public key"),
        ] {
            assert_eq!(refused(&evidence, &listed), what);
        }
    }

    #[test]
    fn a_key_that_can_leave_the_device_is_not_attested() {
        let World { evidence, listed, .. } = world_of(1, 7, SIGNS | 1 << 16, "expenses");
        assert!(matches!(evidence.verify(&listed, None), Err(AttestationError::Exportable)));
    }

    #[test]
    fn what_another_device_or_nobody_signed_is_refused() {
        let (one, other) = (world(1, 7, "expenses"), world(1, 7, "expenses"));
        let mixed = Evidence { device: other.evidence.device.clone(), ..one.evidence.clone() };
        assert!(matches!(mixed.verify(&one.listed, None), Err(AttestationError::Signature(_))));
        let roots = authorities(other.root.as_bytes()).unwrap();
        let error = one.evidence.verify(&one.listed, Some(&roots)).unwrap_err();
        assert!(matches!(error, AttestationError::Authority(_)), "{error}");
        // A certificate that is no authority's vouches for nobody.
        let own = authorities(one.evidence.to_pem().as_bytes()).unwrap();
        assert!(one.evidence.verify(&one.listed, Some(&own)).is_err());
        // Whatever byte is changed: refused, and no panic. The 12 bytes between what is signed and the
        // signature name the algorithm again, and are read less strictly.
        let signed = 4 + parse("x", &one.evidence.key).unwrap().tbs_certificate.as_ref().len();
        for at in 0..one.evidence.key.len() {
            let mut bent = one.evidence.clone();
            bent.key[at] ^= 1;
            let verified = bent.verify(&one.listed, None);
            assert!(verified.is_err() || (signed..signed + 12).contains(&at), "{at}");
        }
        assert!(authorities(b"").is_err() && authorities(b"nothing").is_err());
    }
}
