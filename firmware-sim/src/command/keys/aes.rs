//! AES keys: those that encrypt, wrap, and keep the secrets of one-time passwords.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::error::Code;

/// Algorithms of keys that encrypt.
pub(in crate::command) const SYMMETRIC: &[Algorithm] =
    &[Algorithm::Aes128, Algorithm::Aes192, Algorithm::Aes256];
/// Algorithms of wrap keys.
pub(in crate::command) const WRAP: &[Algorithm] =
    &[Algorithm::Aes128CcmWrap, Algorithm::Aes192CcmWrap, Algorithm::Aes256CcmWrap];
/// Algorithms of keys for one-time passwords.
pub(in crate::command) const OTP: &[Algorithm] =
    &[Algorithm::Aes128YubicoOtp, Algorithm::Aes192YubicoOtp, Algorithm::Aes256YubicoOtp];

/// Bytes of a key.
pub(in crate::command) fn length(algorithm: Algorithm) -> Result<usize, Code> {
    match algorithm {
        Algorithm::Aes128 | Algorithm::Aes128CcmWrap | Algorithm::Aes128YubicoOtp => Ok(16),
        Algorithm::Aes192 | Algorithm::Aes192CcmWrap | Algorithm::Aes192YubicoOtp => Ok(24),
        Algorithm::Aes256 | Algorithm::Aes256CcmWrap | Algorithm::Aes256YubicoOtp => Ok(32),
        _ => Err(Code::InvalidData),
    }
}

pub(in crate::command) fn generate(
    algorithm: Algorithm,
    rng: &mut dyn CryptoRng,
) -> Result<Zeroizing<Vec<u8>>, Code> {
    let mut key = Zeroizing::new(vec![0; length(algorithm)?]);
    rng.fill_bytes(&mut key);
    Ok(key)
}

pub(in crate::command) fn import(algorithm: Algorithm, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    if key.len() == length(algorithm)? { Ok(key.to_vec().into()) } else { Err(Code::WrongLength) }
}
