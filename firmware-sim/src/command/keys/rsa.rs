//! RSA keys with the public exponent 65537: p, q, dp, dq, qinv, each half as long as the modulus, then
//! the modulus; 7n/2 bytes.

use rand_core::CryptoRng;
use rsa::hazmat::{rsa_decrypt_and_check, rsa_encrypt};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, PrivateKey, PublicKey};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::error::Code;

const EXPONENT: u32 = 0x1_0001;

/// A key that can be used.
pub(in crate::command) struct RsaKey {
    key: PrivateKey,
    /// Bytes of the modulus.
    size: usize,
}

impl RsaKey {
    /// `body` is a key's, in the device's layout.
    pub(in crate::command) fn new(algorithm: Algorithm, body: &[u8]) -> Result<Self, Code> {
        let size = size(algorithm)?;
        Self::from_primes(size, body.get(..size).ok_or(Code::InvalidData)?)
    }

    /// `primes` are p and q, of half a modulus each.
    fn from_primes(size: usize, primes: &[u8]) -> Result<Self, Code> {
        let (p, q) = primes.split_at_checked(size / 2).ok_or(Code::WrongLength)?;
        let (p, q) = (integer(p)?, integer(q)?);
        let key = PrivateKey::from_p_q(p, q, BoxedUint::from(EXPONENT)).map_err(|_| Code::InvalidData)?;
        if usize::try_from(key.n().bit_width()) != Ok(8 * size) {
            return Err(Code::InvalidData);
        }
        Ok(Self { key, size })
    }

    /// Bytes of the modulus.
    pub(in crate::command) fn size(&self) -> usize {
        self.size
    }

    /// The private operation on a number of the modulus's length. There is no padding.
    pub(in crate::command) fn apply(
        &self,
        number: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<Zeroizing<Vec<u8>>, Code> {
        if number.len() != self.size {
            return Err(Code::WrongLength);
        }
        let result = rsa_decrypt_and_check(&self.key, Some(rng), &integer(number)?);
        bytes(&result.map_err(|_| Code::InvalidData)?, self.size)
    }

    /// As PKCS #8.
    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Code> {
        self.key.to_pkcs8_der().map(|key| key.to_bytes()).map_err(|_| Code::InvalidData)
    }

    fn body(&self) -> Result<Zeroizing<Vec<u8>>, Code> {
        let [p, q] = self.key.primes() else { return Err(Code::InvalidData) };
        let (Some(dp), Some(dq)) = (self.key.dp(), self.key.dq()) else { return Err(Code::InvalidData) };
        let qinv = self.key.crt_coefficient().ok_or(Code::InvalidData)?;
        let mut body = Zeroizing::new(Vec::with_capacity(7 * self.size / 2));
        for number in [p.as_ref(), q.as_ref(), dp, dq, &qinv] {
            body.extend(&*bytes(number, self.size / 2)?);
        }
        body.extend(&*bytes(self.key.n(), self.size)?);
        Ok(body)
    }
}

pub(super) fn generate(algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<Zeroizing<Vec<u8>>, Code> {
    let size = size(algorithm)?;
    let key = PrivateKey::new(rng, 8 * size).map_err(|_| Code::StorageFailed)?;
    RsaKey { key, size }.body()
}

/// `bytes` are p and q.
pub(super) fn import(algorithm: Algorithm, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    let size = size(algorithm)?;
    if bytes.len() != size {
        return Err(Code::WrongLength);
    }
    RsaKey::from_primes(size, bytes)?.body()
}

/// Algorithms of RSA keys.
pub(in crate::command) const ALGORITHMS: &[Algorithm] =
    &[Algorithm::Rsa2048, Algorithm::Rsa3072, Algorithm::Rsa4096];

/// A key as PKCS #8.
pub(super) fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    let key = PrivateKey::from_pkcs8_der(der).map_err(|_| Code::InvalidData)?;
    let size = size(algorithm)?;
    let ([p, q], true) = (key.primes(), *key.e() == BoxedUint::from(EXPONENT)) else {
        return Err(Code::InvalidData);
    };
    let mut primes = bytes(p.as_ref(), size / 2)?;
    primes.extend(&*bytes(q.as_ref(), size / 2)?);
    import(algorithm, &primes)
}

/// A modulus as clients send it to the device.
pub(in crate::command) fn import_public(algorithm: Algorithm, modulus: &[u8]) -> Result<Vec<u8>, Code> {
    if modulus.len() != size(algorithm)? {
        return Err(Code::WrongLength);
    }
    match (modulus.first(), public_key(modulus)) {
        (Some(0x80..), Ok(_)) => Ok(modulus.to_vec()),
        _ => Err(Code::InvalidData),
    }
}

/// The public operation on a number of the modulus's length. There is no padding.
pub(in crate::command) fn encrypt(modulus: &[u8], number: &[u8]) -> Result<Vec<u8>, Code> {
    let result = rsa_encrypt(&public_key(modulus)?, &integer(number)?).map_err(|_| Code::InvalidData)?;
    bytes(&result, modulus.len()).map(|bytes| bytes.to_vec())
}

/// The modulus.
pub(super) fn public(algorithm: Algorithm, body: &[u8]) -> Result<Vec<u8>, Code> {
    let private = 5 * size(algorithm)? / 2;
    body.get(private..).map(<[u8]>::to_vec).ok_or(Code::InvalidData)
}

/// A public key as the libraries have it.
pub(in crate::command) fn public_key(modulus: &[u8]) -> Result<PublicKey, Code> {
    PublicKey::new(integer(modulus)?, BoxedUint::from(EXPONENT)).map_err(|_| Code::InvalidData)
}

/// Bytes of the modulus.
pub(in crate::command) fn size(algorithm: Algorithm) -> Result<usize, Code> {
    match algorithm {
        Algorithm::Rsa2048 => Ok(256),
        Algorithm::Rsa3072 => Ok(384),
        Algorithm::Rsa4096 => Ok(512),
        _ => Err(Code::InvalidData),
    }
}

fn integer(bytes: &[u8]) -> Result<BoxedUint, Code> {
    let bits = u32::try_from(8 * bytes.len()).map_err(|_| Code::WrongLength)?;
    BoxedUint::from_be_slice(bytes, bits).map_err(|_| Code::InvalidData)
}

/// A number in exactly `size` bytes.
fn bytes(number: &BoxedUint, size: usize) -> Result<Zeroizing<Vec<u8>>, Code> {
    let short = Zeroizing::new(number.to_be_bytes_trimmed_vartime());
    let zeros = size.checked_sub(short.len()).ok_or(Code::InvalidData)?;
    let mut bytes = Zeroizing::new(vec![0; zeros]);
    bytes.extend(&**short);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::command::vectors::{Cases, Hex, vectors};

    #[derive(Deserialize)]
    struct Case {
        algorithm: Algorithm,
        p: Hex,
        q: Hex,
        dp: Hex,
        dq: Hex,
        qinv: Hex,
        n: Hex,
    }

    fn cases() -> Vec<Case> {
        vectors::<Cases<Case>>(include_str!("../../../tests/vectors/rsa_keys.json")).cases
    }

    #[test]
    fn bodies_have_the_numbers_of_openssl() -> Result<(), Code> {
        for Case { algorithm, p, q, dp, dq, qinv, n } in cases() {
            let body = import(algorithm, &[&p.0[..], &q.0].concat())?;
            let expected = [p, q, dp, dq, qinv, n.clone()].into_iter().flat_map(|number| number.0);
            assert_eq!(*body, expected.collect::<Vec<_>>(), "{algorithm:?}");
            assert_eq!(body.len(), 7 * n.0.len() / 2);
            assert_eq!(public(algorithm, &body)?, n.0);
        }
        Ok(())
    }

    #[test]
    fn primes_must_be_two_of_the_right_length() {
        for Case { algorithm, p, q, .. } in cases() {
            let import = |p: &[u8], q: &[u8]| import(algorithm, &[p, q].concat()).err();
            assert_eq!(import(&p.0, &q.0), None);
            assert_eq!(import(&p.0, &q.0[1..]), Some(Code::WrongLength));
            assert_eq!(import(&p.0, &p.0), Some(Code::InvalidData));
            assert_eq!(import(&p.0, &vec![0; q.0.len()]), Some(Code::InvalidData));
            // Half as long, filled up with zeros: the modulus is too short.
            let short = [&vec![0; q.0.len() - 1][..], &[3]].concat();
            assert_eq!(import(&p.0, &short), Some(Code::InvalidData));
        }
    }
}
