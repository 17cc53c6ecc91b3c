//! The key derivation of SCP03: AES-CMAC in counter mode.
//!
//! Source: GlobalPlatform Card Technology, Secure Channel Protocol '03', 4.1.5 and 6.2.

use aes::Aes128;
use cmac::{Cmac, KeyInit, Mac};

/// What is derived.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Purpose {
    CardCryptogram = 0x00,
    HostCryptogram = 0x01,
    Encryption = 0x04,
    Mac = 0x06,
    ResponseMac = 0x07,
}

/// AES-CMAC over all these bytes.
pub(crate) fn cmac(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    authenticate(&Cmac::new(&(*key).into()), parts)
}

/// The same with a key that is ready.
pub(crate) fn authenticate(key: &Cmac<Aes128>, parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = key.clone();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Up to 128 bits; `context` is both challenges.
fn derive(key: &[u8; 16], purpose: Purpose, bits: u16, context: &[u8; 16]) -> [u8; 16] {
    let [high, low] = bits.to_be_bytes();
    cmac(key, &[&[0; 11], &[purpose as u8, 0, high, low, 1], context])
}

/// A session key.
pub(crate) fn session_key(key: &[u8; 16], purpose: Purpose, context: &[u8; 16]) -> [u8; 16] {
    derive(key, purpose, 128, context)
}

/// What one side shows to prove that it has the key.
pub(crate) fn cryptogram(key: &[u8; 16], purpose: Purpose, context: &[u8; 16]) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(derive(key, purpose, 64, context).split_at(8).0);
    short
}
