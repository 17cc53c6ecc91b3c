//! Public keys for benchmarks.

use bursar_core::key::PublicKey;

/// A public key for each number, always the same.
pub fn key(seed: usize) -> PublicKey {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(seed as u64).to_be_bytes());
    let key = ed25519_dalek::SigningKey::from_bytes(&bytes).verifying_key();
    PublicKey::ed25519(key.to_bytes()).unwrap()
}
