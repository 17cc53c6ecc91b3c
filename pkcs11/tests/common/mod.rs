//! What several test files share: independent verification, and keys.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use bursar_pkcs11::{Algorithm, Key, NewKey, PublicKey, RawSignature, Token, Usage};
use k256::ecdsa::signature::Verifier as _;

/// Verifies with ed25519-dalek, k256 or p256, strictly, high S refused.
pub fn verifies(key: &PublicKey, message: &[u8], signature: &RawSignature) -> bool {
    match key.algorithm() {
        Algorithm::Ed25519 => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(key.bytes().try_into().unwrap());
            let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
            key.unwrap().verify_strict(message, &signature).is_ok()
        }
        Algorithm::Secp256k1 => {
            let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(key.bytes()).unwrap();
            let signature = k256::ecdsa::Signature::from_slice(&signature.0).unwrap();
            signature.normalize_s() == signature && key.verify(message, &signature).is_ok()
        }
        Algorithm::P256 => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key.bytes()).unwrap();
            let signature = p256::ecdsa::Signature::from_slice(&signature.0).unwrap();
            signature.normalize_s() == signature && key.verify(message, &signature).is_ok()
        }
    }
}

/// A check as a caller writes it.
pub fn checked(key: &PublicKey, message: &[u8], signature: &RawSignature) -> Option<RawSignature> {
    verifies(key, message, signature).then_some(*signature)
}

pub fn new_key(label: &str, algorithm: Algorithm) -> NewKey {
    NewKey {
        label: label.to_owned(),
        id: label.as_bytes().to_vec(),
        algorithm,
        usage: Usage::Sign,
        copyable: true,
        pin_each_use: false,
    }
}

pub fn generate(token: &Token, label: &str, algorithm: Algorithm) -> Key {
    token.generate(new_key(label, algorithm)).wait().unwrap()
}

/// A session of one's own on the fixture's token, logged in, past this crate: to do what a stranger
/// does. It is never closed, since closing under load crashes SoftHSM for the others.
pub fn stranger(hsm: &bursar_pkcs11::fixture::SoftHsm) -> cryptoki::session::Session {
    let context = cryptoki::context::Pkcs11::new(hsm.module().path()).unwrap();
    let slot = hsm.info().slot();
    let slots = context.get_slots_with_token().unwrap();
    let slot = slots.into_iter().find(|s| s.id() == slot).unwrap();
    let session = context.open_rw_session_no_drop(slot).unwrap();
    // Another session may have logged in already.
    let pin = cryptoki::types::AuthPin::from(hsm.pin_text().to_owned());
    let _ = session.login(cryptoki::session::UserType::User, Some(&pin));
    session
}
