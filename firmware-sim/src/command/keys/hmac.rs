//! HMAC keys: two blocks of the hash, the key with the inner and with the outer padding.
//!
//! Source: RFC 2104; the layout is that of Yubico's `yubihsm-wrap`.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::command::hash::Hash;
use crate::error::Code;

/// Algorithms of HMAC keys.
pub(in crate::command) const ALGORITHMS: &[Algorithm] =
    &[Algorithm::HmacSha1, Algorithm::HmacSha256, Algorithm::HmacSha384, Algorithm::HmacSha512];

/// Bytes of a block.
pub(in crate::command) fn block(algorithm: Algorithm) -> Result<usize, Code> {
    match algorithm {
        Algorithm::HmacSha1 | Algorithm::HmacSha256 => Ok(64),
        Algorithm::HmacSha384 | Algorithm::HmacSha512 => Ok(128),
        _ => Err(Code::InvalidData),
    }
}

/// Bytes of a code.
pub(in crate::command) fn output(algorithm: Algorithm) -> Result<usize, Code> {
    Ok(hash(algorithm)?.size())
}

/// A key of one block.
pub(in crate::command) fn generate(
    algorithm: Algorithm,
    rng: &mut dyn CryptoRng,
) -> Result<Zeroizing<Vec<u8>>, Code> {
    let mut key = Zeroizing::new(vec![0; block(algorithm)?]);
    rng.fill_bytes(&mut key);
    import(algorithm, &key)
}

/// A key of any length but none; one that is longer than a block is hashed.
pub(in crate::command) fn import(algorithm: Algorithm, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    let size = block(algorithm)?;
    if key.is_empty() {
        return Err(Code::WrongLength);
    }
    let mut padded =
        Zeroizing::new(if key.len() > size { hash(algorithm)?.digest(&[key]) } else { key.to_vec() });
    padded.resize(size, 0);
    let padded_with = |byte: u8| padded.iter().map(move |key| key ^ byte);
    let mut body = Zeroizing::new(Vec::with_capacity(2 * size));
    body.extend(padded_with(0x36));
    body.extend(padded_with(0x5c));
    Ok(body)
}

/// The code of a message.
pub(in crate::command) fn sign(algorithm: Algorithm, body: &[u8], message: &[u8]) -> Result<Vec<u8>, Code> {
    let (inner, outer) = body.split_at_checked(block(algorithm)?).ok_or(Code::InvalidData)?;
    let hash = hash(algorithm)?;
    Ok(hash.digest(&[outer, &hash.digest(&[inner, message])]))
}

fn hash(algorithm: Algorithm) -> Result<Hash, Code> {
    match algorithm {
        Algorithm::HmacSha1 => Ok(Hash::Sha1),
        Algorithm::HmacSha256 => Ok(Hash::Sha256),
        Algorithm::HmacSha384 => Ok(Hash::Sha384),
        Algorithm::HmacSha512 => Ok(Hash::Sha512),
        _ => Err(Code::InvalidData),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use data_encoding::HEXLOWER;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        hash: String,
        key: String,
        data: String,
        code: String,
    }

    #[test]
    fn the_codes_of_rfc_2202_and_rfc_4231() {
        let vectors = include_str!("../../../tests/vectors/hmac.json");
        let vectors: Vec<Vector> = serde_json::from_str(vectors).unwrap();
        assert_eq!(vectors.len(), 12);
        for vector in vectors {
            let algorithm = match vector.hash.as_str() {
                "sha1" => Algorithm::HmacSha1,
                "sha256" => Algorithm::HmacSha256,
                "sha384" => Algorithm::HmacSha384,
                _ => Algorithm::HmacSha512,
            };
            let [key, data] = [vector.key, vector.data].map(|hex| HEXLOWER.decode(hex.as_bytes()).unwrap());
            let code = sign(algorithm, &import(algorithm, &key).unwrap(), &data).unwrap();
            assert_eq!(HEXLOWER.encode(&code), vector.code, "{} {}", vector.name, vector.hash);
        }
    }
}
