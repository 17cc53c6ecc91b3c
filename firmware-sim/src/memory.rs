//! What the device keeps when it has no power.

use p256::SecretKey;
use p256::elliptic_curve::Generate;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;
use crate::audit::Log;
use crate::capability::Capabilities;
use crate::command;
use crate::domain::Domains;
use crate::error::Code;
use crate::firmware::Firmware;
use crate::object::{Body, Kind, LABEL, Label, Object, Origin};
use crate::options::Options;
use crate::store::Store;

/// The id of the factory's authentication key.
pub const FACTORY_KEY: u16 = 1;
/// PBKDF2-HMAC-SHA256 of "password" with the salt "Yubico", 10,000 rounds: the factory's well-known keys.
const FACTORY_KEYS: [u8; 32] = [
    0x09, 0x0b, 0x47, 0xdb, 0xed, 0x59, 0x56, 0x54, 0x90, 0x1d, 0xee, 0x1c, 0xc6, 0x55, 0xe4, 0x20, //
    0x59, 0x2f, 0xd4, 0x83, 0xf7, 0x59, 0xe2, 0x99, 0x09, 0xa0, 0x4c, 0x45, 0x05, 0xd2, 0xce, 0x0a,
];
/// Its label.
const FACTORY_LABEL: &[u8] = b"DEFAULT AUTHKEY CHANGE THIS ASAP";

/// Everything that outlives a loss of power.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The objects.
    pub store: Store,
    /// The options.
    pub options: Options,
    /// The audit log.
    pub log: Log,
    /// The device's own P-256 key, for asymmetric sessions.
    pub device_key: Body,
    /// The factory's attestation key, on P-256, in the layout of asymmetric keys; it is no object.
    pub attestation_key: Body,
}

impl Memory {
    /// As the factory makes it.
    pub fn new(firmware: Firmware, rng: &mut dyn CryptoRng) -> Result<Self, Code> {
        let device_key = Body::new(SecretKey::generate_from_rng(rng).to_bytes().to_vec());
        let attestation_key = Body::new(command::new_key(Algorithm::EcP256, rng)?);
        Self::with_keys(firmware, device_key, attestation_key, rng)
    }

    /// As a reset leaves it: the device's own keys stay.
    pub fn reset(&mut self, firmware: Firmware, rng: &mut dyn CryptoRng) -> Result<(), Code> {
        *self = Self::with_keys(firmware, self.device_key.clone(), self.attestation_key.clone(), rng)?;
        Ok(())
    }

    fn with_keys(
        firmware: Firmware,
        device_key: Body,
        attestation_key: Body,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, Code> {
        let mut store = Store::default();
        store.put(factory_key())?;
        let mut seed = [0; 16];
        rng.fill_bytes(&mut seed);
        Ok(Self { store, options: Options::new(firmware), log: Log::new(seed), device_key, attestation_key })
    }

    /// Is it one that a device of this firmware could have? What was never right would fail later, and elsewhere.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self, firmware: Firmware) -> Result<(), String> {
        for object in self.store.iter() {
            check(object, firmware).map_err(|why| format!("{:?} 0x{:04x}: {why}", object.kind, object.id))?;
        }
        self.device_key().map_err(|_| "the device's own key is none on P-256")?;
        let key = self.attestation_key.bytes();
        command::check_key(Algorithm::EcP256, key).map_err(|_| "the attestation key is none on P-256")?;
        if self.log.is_whole() {
            Ok(())
        } else {
            Err("the log is not one chain of at most 62 entries".into())
        }
    }

    /// Is nothing there but the factory's authentication key?
    pub fn is_fresh(&self) -> bool {
        self.store.iter().all(|object| (object.kind, object.id) == (Kind::AuthenticationKey, FACTORY_KEY))
    }

    /// The device's own key.
    pub(crate) fn device_key(&self) -> Result<SecretKey, Code> {
        // A shorter slice would be one with zeros before it.
        let bytes = self.device_key.bytes().try_into().map_err(|_| Code::SessionFailed)?;
        SecretKey::from_bytes(bytes).map_err(|_| Code::SessionFailed)
    }
}

fn check(object: &Object, firmware: Firmware) -> Result<(), &'static str> {
    if [0, 0xffff].contains(&object.id) {
        return Err("no object has this id");
    }
    if object.domains.0 == 0 {
        return Err("it is in no domain");
    }
    if !object.algorithm.is_known(firmware) {
        return Err("the firmware does not know its algorithm");
    }
    command::check_object(object).map_err(|_| "what it holds is not of its kind and algorithm")
}

/// The factory's authentication key: it may do everything.
fn factory_key() -> Object {
    let mut label = [0; LABEL];
    label.iter_mut().zip(FACTORY_LABEL).for_each(|(byte, new)| *byte = *new);
    Object {
        kind: Kind::AuthenticationKey,
        id: FACTORY_KEY,
        label: Label(label),
        domains: Domains::ALL,
        capabilities: Capabilities::ALL,
        delegated: Capabilities::ALL,
        algorithm: Algorithm::Aes128YubicoAuthentication,
        sequence: 0,
        origin: Origin::IMPORTED,
        body: Body::new(FACTORY_KEYS.to_vec()),
    }
}
