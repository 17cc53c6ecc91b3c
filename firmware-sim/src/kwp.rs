//! AES Key Wrap with Padding, and a key of 16, 24 or 32 bytes.
//!
//! Source: RFC 5649.

use aes::{Aes128, Aes192, Aes256};
use aes_kw::{AesKwp, IV_LEN, KeyInit};
use zeroize::Zeroizing;

use crate::error::Code;

/// Encrypts; up to 15 bytes longer.
///
/// # Errors
/// [`Code::InvalidData`] for a key of another length.
pub(crate) fn seal(key: &[u8], plain: &[u8]) -> Result<Vec<u8>, Code> {
    let mut sealed = vec![0; plain.len().next_multiple_of(IV_LEN) + IV_LEN];
    match key.len() {
        16 => AesKwp::<Aes128>::new_from_slice(key).map(|cipher| cipher.wrap_key(plain, &mut sealed).is_ok()),
        24 => AesKwp::<Aes192>::new_from_slice(key).map(|cipher| cipher.wrap_key(plain, &mut sealed).is_ok()),
        32 => AesKwp::<Aes256>::new_from_slice(key).map(|cipher| cipher.wrap_key(plain, &mut sealed).is_ok()),
        _ => return Err(Code::InvalidData),
    }
    .ok()
    .filter(|done| *done)
    .ok_or(Code::InvalidData)?;
    Ok(sealed)
}

/// Decrypts, and checks that nothing was changed.
///
/// # Errors
/// [`Code::InvalidData`] for a key of another length, or when something was.
pub(crate) fn open(key: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    let length = sealed.len().checked_sub(IV_LEN).ok_or(Code::InvalidData)?;
    let mut buffer = Zeroizing::new(vec![0; length]);
    let plain = match key.len() {
        16 => AesKwp::<Aes128>::new_from_slice(key).map(|cipher| cipher.unwrap_key(sealed, &mut buffer)),
        24 => AesKwp::<Aes192>::new_from_slice(key).map(|cipher| cipher.unwrap_key(sealed, &mut buffer)),
        32 => AesKwp::<Aes256>::new_from_slice(key).map(|cipher| cipher.unwrap_key(sealed, &mut buffer)),
        _ => return Err(Code::InvalidData),
    };
    let plain = plain.map_err(|_| Code::InvalidData)?.map_err(|_| Code::InvalidData)?;
    Ok(plain.to_vec().into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use data_encoding::HEXLOWER;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        kek: String,
        key: String,
        wrapped: String,
    }

    #[test]
    fn the_vectors_of_rfc_5649() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../tests/vectors/kwp.json")).unwrap();
        assert_eq!(vectors.len(), 2);
        for Vector { kek, key, wrapped } in vectors {
            let [kek, key, wrapped] = [kek, key, wrapped].map(|hex| HEXLOWER.decode(hex.as_bytes()).unwrap());
            assert_eq!(seal(&kek, &key), Ok(wrapped.clone()));
            assert_eq!(open(&kek, &wrapped).unwrap().as_slice(), key);
            for at in 0..wrapped.len() {
                let mut changed = wrapped.clone();
                changed[at] ^= 1;
                assert_eq!(open(&kek, &changed), Err(Code::InvalidData), "byte {at}");
            }
        }
        for length in [0, 1, 7, 8, 9] {
            assert_eq!(open(&[0; 16], &vec![0; length]), Err(Code::InvalidData));
        }
    }
}
