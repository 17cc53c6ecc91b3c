//! A session by two P-256 keys, each side's static and ephemeral.
//!
//! Source: GlobalPlatform Card Technology, Secure Channel Protocol '11', 6.5.2 (the key agreement);
//! ANSI X9.63 3.6.1 (the derivation).

use p256::elliptic_curve::Generate;
use p256::{PublicKey, SecretKey, ecdh};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::channel::Channel;
use super::kdf::cmac;
use crate::error::Code;

/// Key usage (MAC and encryption), key type (AES), length in bytes.
const INFO: [u8; 3] = [0x3c, 0x88, 0x10];

/// What the device answers: its ephemeral point, and the receipt that proves its static key.
pub(crate) struct Agreed {
    pub point: [u8; 65],
    pub receipt: [u8; 16],
    pub channel: Channel,
}

/// Agrees on a session's keys.
///
/// # Errors
/// [`Code::InvalidData`] when a point of the host is not on the curve.
pub(crate) fn agree(
    device: &SecretKey,
    host_static: &[u8],
    host_ephemeral: &[u8; 65],
    rng: &mut dyn CryptoRng,
) -> Result<Agreed, Code> {
    let host_static = host_key(host_static)?;
    let host_public = public(host_ephemeral)?;
    let own = SecretKey::generate_from_rng(rng);
    let ephemeral = ecdh::diffie_hellman(own.to_nonzero_scalar(), host_public.as_affine());
    let fixed = ecdh::diffie_hellman(device.to_nonzero_scalar(), host_static.as_affine());
    let [receipt_key, encryption, mac, response_mac] =
        *keys(ephemeral.raw_secret_bytes(), fixed.raw_secret_bytes());
    let point = point_of(&own.public_key())?;
    let receipt = cmac(&receipt_key, &[&point, host_ephemeral]);
    Ok(Agreed { point, receipt, channel: Channel::new(encryption, mac, response_mac, receipt) })
}

/// X9.63 with SHA-256 over both secrets.
fn keys(ephemeral: &[u8], fixed: &[u8]) -> Zeroizing<[[u8; 16]; 4]> {
    let mut keys = Zeroizing::new([[0; 16]; 4]);
    for (counter, pair) in (1u32..).zip(keys.as_chunks_mut::<2>().0) {
        let hash = Sha256::new().chain_update(ephemeral).chain_update(fixed);
        let hash = hash.chain_update(counter.to_be_bytes()).chain_update(INFO).finalize();
        pair.as_flattened_mut().copy_from_slice(&hash);
    }
    keys
}

fn public(point: &[u8; 65]) -> Result<PublicKey, Code> {
    PublicKey::from_sec1_bytes(point).map_err(|_| Code::InvalidData)
}

/// The host's static key: a point without its first byte.
///
/// # Errors
/// [`Code::WrongLength`] when it has not 64 bytes, [`Code::InvalidData`] when it is not on the curve.
pub(crate) fn host_key(point: &[u8]) -> Result<PublicKey, Code> {
    let point = <&[u8; 64]>::try_from(point).map_err(|_| Code::WrongLength)?;
    let mut bytes = [0x04; 65];
    bytes[1..].copy_from_slice(point);
    public(&bytes)
}

/// 04, x, y.
pub(crate) fn point_of(key: &PublicKey) -> Result<[u8; 65], Code> {
    use p256::elliptic_curve::sec1::ToSec1Point;
    key.to_sec1_point(false).as_bytes().try_into().map_err(|_| Code::SessionFailed)
}
