//! Keys of the device: found, made, signed with.

use ::yubihsm::asymmetric::Algorithm as Curve;
use ::yubihsm::ecdh::UncompressedPoint;
use ::yubihsm::object::{self, Filter, Label, Type};
use ::yubihsm::{Algorithm as Any, Capability, Domain};
use bursar_core::key::{KeyError, PublicKey, Signature};
use bursar_pkcs11::{Algorithm, Usage};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::super::attestation::Evidence;
use super::super::device::NewKey;
use super::super::handle::{At, Handle};
use super::super::mark::Mark;
use super::super::{DeviceError, Kind, TokenError};
use super::KeyId;
use super::connector::Firmware;
use super::session::Session;

/// Bytes of a label.
pub(super) const LABEL: usize = object::LABEL_SIZE;
/// Longest message that fits a session message of 2,048 bytes with its padding and MAC.
const LONGEST: usize = 2000;
/// Id of the attestation key that the device left the factory with, and of its certificate.
const FACTORY: KeyId = 0;
/// Labels that an error names at most.
const NAMED: usize = 20;
/// Most random bytes at once.
const RANDOM: usize = 2000;

/// A key as the device describes it.
pub(super) struct Found {
    pub id: KeyId,
    pub label: String,
    pub domains: Domain,
    pub capabilities: Capability,
    origin: object::Origin,
    algorithm: Algorithm,
    public: Result<PublicKey, KeyError>,
}

impl Found {
    pub fn handle(self) -> Result<(Handle, Usage), TokenError> {
        // A key of another maker that may do both counts as a signing key.
        let signs = self.capabilities.intersects(Capability::SIGN_EDDSA | Capability::SIGN_ECDSA);
        let usage = if signs { Usage::Sign } else { Usage::Derive };
        let made = Mark::of_domains(self.domains);
        Ok((Handle::new(&self.label, self.public, made, At::YubiHsm(self.id))?, usage))
    }
}

/// Every key of a curve that is signed with here, as far as the session's domains reach.
pub(super) fn all(session: &mut Session) -> Result<Vec<Found>, DeviceError> {
    found(session, None)
}

/// Exactly one of this label.
pub(super) fn find(session: &mut Session, label: &str) -> Result<Found, DeviceError> {
    let wanted = check_label(label)?;
    let mut found = found(session, Some(wanted))?;
    match (found.pop(), found.len()) {
        (Some(key), 0) => Ok(key),
        (Some(_), more) => Err(DeviceError::new(
            Kind::KeyInDoubt,
            format!(
                "the YubiHSM has {} keys labelled {label:?}: delete the surplus, with yubihsm-shell",
                more + 1
            ),
        )),
        (None, _) => {
            let mut names: Vec<_> = all(session)?.into_iter().map(|key| key.label).collect();
            names.truncate(NAMED);
            let there = if names.is_empty() {
                "there is none".to_owned()
            } else {
                format!("there: {}", names.join(", "))
            };
            Err(DeviceError::new(
                Kind::KeyMissing,
                format!(
                    "no key {label:?} in the YubiHSM, as far as authentication key {} sees; {there}: check the name, or \
                 generate the key",
                    session.auth_key()
                ),
            ))
        }
    }
}

fn found(session: &mut Session, label: Option<Label>) -> Result<Vec<Found>, DeviceError> {
    let filters: Vec<_> =
        [Filter::Type(Type::AsymmetricKey)].into_iter().chain(label.map(Filter::Label)).collect();
    let entries = session.attempt(|client| client.list_objects(&filters))?;
    let mut found = Vec::new();
    for entry in entries {
        let info = session.attempt(|client| client.get_object_info(entry.object_id, Type::AsymmetricKey))?;
        let Some(algorithm) = algorithm(info.algorithm) else { continue };
        let public = session.attempt(|client| client.get_public_key(entry.object_id))?;
        found.push(Found {
            id: entry.object_id,
            label: info.label.to_string(),
            domains: info.domains,
            capabilities: info.capabilities,
            origin: info.origin,
            algorithm,
            public: read_public(algorithm, public.as_slice()),
        });
    }
    Ok(found)
}

/// Makes a key inside the device, for one role and one use, that no wrap key exports; read back and
/// compared.
pub(super) fn generate(session: &mut Session, new: &NewKey) -> Result<Found, DeviceError> {
    let label = check_label(&new.label)?;
    let role = new.mark.ok_or_else(|| {
        let what =
            "a key in a YubiHSM is made for a role, whose domain it gets: add --account NAME or --role ROLE";
        DeviceError::new(Kind::Failed, what)
    })?;
    if new.pin_each_use {
        let what = "a YubiHSM asks for no PIN at each use of a key: leave that out";
        return Err(DeviceError::new(Kind::Failed, what));
    }
    if !found(session, Some(label.clone()))?.is_empty() {
        let what = format!("a key labelled {:?} exists in the YubiHSM: choose another label", new.label);
        return Err(DeviceError::new(Kind::KeyInDoubt, what));
    }
    check_firmware(session, new.algorithm)?;
    let (curve, capability) = match (new.usage, new.algorithm) {
        (Usage::Sign, Algorithm::Ed25519) => (Curve::Ed25519, Capability::SIGN_EDDSA),
        (Usage::Sign, Algorithm::P256) => (Curve::EcP256, Capability::SIGN_ECDSA),
        (Usage::Sign, Algorithm::Secp256k1) => (Curve::EcK256, Capability::SIGN_ECDSA),
        (Usage::Derive, Algorithm::P256) => (Curve::EcP256, Capability::DERIVE_ECDH),
        (Usage::Derive, other) => {
            let what = format!("keys that derive are of P-256, and not of {other}: choose p256");
            return Err(DeviceError::new(Kind::Failed, what));
        }
    };
    let domain = role.domain();
    session.once(|client| client.generate_asymmetric_key(0, label.clone(), domain, capability, curve))?;
    let made = find(session, &new.label)?;
    let as_asked = made.domains == domain
        && made.capabilities == capability
        && made.origin == object::Origin::Generated
        && made.algorithm == new.algorithm;
    if !as_asked {
        return Err(DeviceError::new(
            Kind::Failed,
            format!(
                "the YubiHSM did not keep what it was asked for with the key {:?}: delete it with yubihsm-shell, and do not use it",
                new.label
            ),
        ));
    }
    Ok(made)
}

/// Signs, and hands out what `check` makes of it. A key that once returned a wrong signature is asked
/// for no other until the device is opened again.
pub(super) fn sign<P>(
    session: &mut Session,
    id: KeyId,
    public: &PublicKey,
    label: &str,
    message: &[u8],
    check: impl FnOnce(Signature) -> Option<P>,
) -> Result<P, DeviceError> {
    if session.quarantine.contains(public) {
        return Err(DeviceError::new(
            Kind::Failed,
            format!(
                "key {label:?} is quarantined since it returned a wrong signature: check the device, then start again"
            ),
        ));
    }
    let raw = match public {
        PublicKey::Ed25519(_) if message.len() > LONGEST => {
            let what = format!(
                "a YubiHSM signs {LONGEST} bytes at most, and this is {}: sign less at once",
                message.len()
            );
            return Err(DeviceError::new(Kind::Failed, what));
        }
        PublicKey::Ed25519(_) => Some(session.attempt(|client| client.sign_ed25519(id, message))?.to_bytes()),
        PublicKey::P256(_) => {
            let der = ecdsa(session, id, Algorithm::P256, message)?;
            p256::ecdsa::Signature::from_der(&der).ok().map(|s| s.normalize_s().to_bytes().into())
        }
        PublicKey::Secp256k1(_) => {
            let der = ecdsa(session, id, Algorithm::Secp256k1, message)?;
            k256::ecdsa::Signature::from_der(&der).ok().map(|s| s.normalize_s().to_bytes().into())
        }
    };
    raw.and_then(|raw| check(Signature(raw))).ok_or_else(|| {
        session.quarantine.insert(*public);
        DeviceError::new(Kind::Failed, format!(
            "the YubiHSM returned a wrong signature for key {label:?}, nothing was handed out and the key is quarantined: \
             check the device before you start again"
        ))
    })
}

/// The device signs a digest as it is given, DER.
fn ecdsa(session: &mut Session, id: KeyId, curve: Algorithm, message: &[u8]) -> Result<Vec<u8>, DeviceError> {
    check_firmware(session, curve)?;
    let digest = Sha256::digest(message);
    session.attempt(|client| client.sign_ecdsa_prehash_raw(id, digest.to_vec()))
}

/// ECDH: x of the shared point, 32 bytes.
pub(super) fn derive(
    session: &mut Session,
    id: KeyId,
    label: &str,
    peer: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DeviceError> {
    let wrong = |what: &str| DeviceError::new(Kind::Failed, format!("key {label:?}: {what}"));
    if p256::PublicKey::from_sec1_bytes(peer).is_err() {
        return Err(wrong("the other side's point is not on P-256: ask for it again"));
    }
    let point = UncompressedPoint::from_bytes(peer).ok_or_else(|| wrong("a point has 65 bytes"))?;
    let shared = session.attempt(|client| client.derive_ecdh(id, point.clone()))?;
    let shared = Zeroizing::new(shared.as_slice().to_vec());
    if shared.len() != 32 {
        return Err(wrong("the device gave no x coordinate: check it with yubihsm-shell"));
    }
    Ok(shared)
}

/// Has the device attest a key with its own attestation key.
pub(super) fn attest(session: &mut Session, label: &str) -> Result<(Evidence, Found), DeviceError> {
    let found = find(session, label)?;
    let key = session.attempt(|client| client.sign_attestation_certificate(found.id, Some(FACTORY)))?;
    let device = session.attempt(|client| client.get_opaque(FACTORY))?;
    Ok((Evidence { key: key.into_vec(), device }, found))
}

/// The device's random numbers.
pub(super) fn random(session: &mut Session, n: usize) -> Result<Vec<u8>, DeviceError> {
    if n > RANDOM {
        return Err(DeviceError::new(
            Kind::Failed,
            format!("more than {RANDOM} random bytes at once: ask for less"),
        ));
    }
    session.attempt(|client| client.get_pseudo_random(n))
}

/// EUCLEAK, CVE-2024-45678: below firmware 2.4.0 whoever holds the device can measure the key while it
/// signs with ECDSA. <https://www.yubico.com/support/security-advisories/ysa-2024-03/>
fn check_firmware(session: &mut Session, curve: Algorithm) -> Result<(), DeviceError> {
    if curve == Algorithm::Ed25519 || session.allow_vulnerable_ecdsa {
        return Ok(());
    }
    let firmware = match session.device() {
        Some(device) => device.firmware,
        None => session.connect()?.firmware,
    };
    if firmware >= Firmware::SAFE_ECDSA {
        return Ok(());
    }
    Err(DeviceError::new(
        Kind::Failed,
        format!(
            "the YubiHSM has firmware {firmware}, and below {} whoever holds the device can read {curve} keys out of it while they \
         sign (EUCLEAK, CVE-2024-45678): use ed25519 or a newer device; who accepts that writes allow-vulnerable-ecdsa = true \
         under [token] in config.toml, or gives --allow-vulnerable-ecdsa to init",
            Firmware::SAFE_ECDSA
        ),
    ))
}

/// Labels have 40 bytes, and end at the first zero.
fn check_label(label: &str) -> Result<Label, DeviceError> {
    if label.is_empty() || label.len() > LABEL || label.contains('\0') {
        return Err(DeviceError::new(
            Kind::KeyInDoubt,
            format!(
                "labels in a YubiHSM have 1 to {LABEL} bytes, and {label:?} has {}: choose another one",
                label.len()
            ),
        ));
    }
    Label::from_bytes(label.as_bytes()).map_err(|error| DeviceError::new(Kind::KeyInDoubt, error.to_string()))
}

fn algorithm(any: Any) -> Option<Algorithm> {
    match any.asymmetric()? {
        Curve::Ed25519 => Some(Algorithm::Ed25519),
        Curve::EcP256 => Some(Algorithm::P256),
        Curve::EcK256 => Some(Algorithm::Secp256k1),
        _ => None,
    }
}

/// Ed25519: 32 bytes; ECDSA: x and y.
fn read_public(algorithm: Algorithm, bytes: &[u8]) -> Result<PublicKey, KeyError> {
    let wrong = || KeyError::NotOnCurve("token");
    if algorithm == Algorithm::Ed25519 {
        return PublicKey::ed25519(bytes.try_into().map_err(|_| wrong())?);
    }
    let point: [u8; 64] = bytes.try_into().map_err(|_| wrong())?;
    let whole = [&[4], point.as_slice()].concat();
    let mut compressed = [0; 33];
    compressed[0] = 2 + (point[63] & 1);
    compressed[1..].copy_from_slice(&point[..32]);
    // The whole point has to lie on the curve, and not only some y to this x.
    match algorithm {
        Algorithm::P256 if p256::PublicKey::from_sec1_bytes(&whole).is_ok() => PublicKey::p256(compressed),
        Algorithm::Secp256k1 if k256::PublicKey::from_sec1_bytes(&whole).is_ok() => {
            PublicKey::secp256k1(compressed)
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_label_fits_or_says_why() {
        assert!(check_label(&"x".repeat(40)).is_ok());
        for label in ["", &"x".repeat(41), "a\0b", &"\u{fc}".repeat(21)] {
            let error = check_label(label).unwrap_err();
            assert!(error.to_string().contains("1 to 40 bytes"), "{error}");
        }
    }

    /// The base points: SEC 2 sections 2.4.1 and 2.4.2.
    #[test]
    fn a_point_is_on_its_curve_or_refused() {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let k1 = hex(
            "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
        );
        let r1 = hex(
            "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        );
        let key = read_public(Algorithm::Secp256k1, &k1).unwrap();
        assert_eq!((key.bytes()[0], &key.bytes()[1..]), (2, &k1[..32]));
        let key = read_public(Algorithm::P256, &r1).unwrap();
        assert_eq!((key.bytes()[0], &key.bytes()[1..]), (3, &r1[..32]));
        assert!(read_public(Algorithm::P256, &k1).is_err());
        let mut bent = r1.clone();
        bent[63] ^= 2;
        assert!(read_public(Algorithm::P256, &bent).is_err());
        assert!(read_public(Algorithm::P256, &r1[..63]).is_err());
        assert!(read_public(Algorithm::Ed25519, &r1).is_err());
    }
}
