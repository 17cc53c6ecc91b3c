//! AES-CCM with a nonce of 13 bytes, a tag of 8 or 16, and a key of 16, 24 or 32.
//!
//! Source: RFC 3610.

use ::aes::{Aes128, Aes192, Aes256};
use ::ccm::aead::{Aead, KeyInit};
use ::ccm::consts::U13;
use ::ccm::{Ccm, TagSize};
use zeroize::Zeroizing;

use crate::error::Code;

/// Bytes of a nonce.
pub(crate) const NONCE: usize = 13;

/// Encrypts; the tag comes last.
///
/// # Errors
/// [`Code::InvalidData`] for a key of another length, or data that is too long.
pub(crate) fn seal<T: TagSize + ::ccm::aead::array::ArraySize>(
    key: &[u8],
    nonce: &[u8; NONCE],
    plain: &[u8],
) -> Result<Vec<u8>, Code> {
    let nonce = nonce.into();
    match key.len() {
        16 => Ccm::<Aes128, T, U13>::new_from_slice(key).map(|cipher| cipher.encrypt(nonce, plain)),
        24 => Ccm::<Aes192, T, U13>::new_from_slice(key).map(|cipher| cipher.encrypt(nonce, plain)),
        32 => Ccm::<Aes256, T, U13>::new_from_slice(key).map(|cipher| cipher.encrypt(nonce, plain)),
        _ => return Err(Code::InvalidData),
    }
    .map_err(|_| Code::InvalidData)?
    .map_err(|_| Code::InvalidData)
}

/// Decrypts, and checks that nothing was changed.
///
/// # Errors
/// [`Code::InvalidData`] for a key of another length, or when something was.
pub(crate) fn open<T: TagSize + ::ccm::aead::array::ArraySize>(
    key: &[u8],
    nonce: &[u8; NONCE],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Code> {
    let nonce = nonce.into();
    match key.len() {
        16 => Ccm::<Aes128, T, U13>::new_from_slice(key).map(|cipher| cipher.decrypt(nonce, sealed)),
        24 => Ccm::<Aes192, T, U13>::new_from_slice(key).map(|cipher| cipher.decrypt(nonce, sealed)),
        32 => Ccm::<Aes256, T, U13>::new_from_slice(key).map(|cipher| cipher.decrypt(nonce, sealed)),
        _ => return Err(Code::InvalidData),
    }
    .map_err(|_| Code::InvalidData)?
    .map(Zeroizing::new)
    .map_err(|_| Code::InvalidData)
}
