//! Algorithms, by the numbers that travel.
//!
//! Source: <https://docs.yubico.com/hardware/yubihsm-2/hsm-2-user-guide/hsm2-core-concepts.html>, Algorithms.

use serde::{Deserialize, Serialize};

use crate::error::Code;
use crate::firmware::Firmware;

macro_rules! algorithms {
    ($($name:ident = $byte:literal,)*) => {
        /// An algorithm of a key or of an operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "u8", try_from = "u8")]
        #[allow(missing_docs, reason = "the vendor's names say it")]
        #[repr(u8)]
        pub enum Algorithm {
            $($name = $byte,)*
        }

        impl Algorithm {
            /// Every one, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }

        impl TryFrom<u8> for Algorithm {
            type Error = Code;

            fn try_from(byte: u8) -> Result<Self, Code> {
                match byte {
                    $($byte => Ok(Self::$name),)*
                    _ => Err(Code::InvalidData),
                }
            }
        }
    };
}

algorithms! {
    RsaPkcs1Sha1 = 1,
    RsaPkcs1Sha256 = 2,
    RsaPkcs1Sha384 = 3,
    RsaPkcs1Sha512 = 4,
    RsaPssSha1 = 5,
    RsaPssSha256 = 6,
    RsaPssSha384 = 7,
    RsaPssSha512 = 8,
    Rsa2048 = 9,
    Rsa3072 = 10,
    Rsa4096 = 11,
    EcP256 = 12,
    EcP384 = 13,
    EcP521 = 14,
    EcK256 = 15,
    EcBp256 = 16,
    EcBp384 = 17,
    EcBp512 = 18,
    HmacSha1 = 19,
    HmacSha256 = 20,
    HmacSha384 = 21,
    HmacSha512 = 22,
    EcdsaSha1 = 23,
    EcEcdh = 24,
    RsaOaepSha1 = 25,
    RsaOaepSha256 = 26,
    RsaOaepSha384 = 27,
    RsaOaepSha512 = 28,
    Aes128CcmWrap = 29,
    OpaqueData = 30,
    OpaqueX509Certificate = 31,
    Mgf1Sha1 = 32,
    Mgf1Sha256 = 33,
    Mgf1Sha384 = 34,
    Mgf1Sha512 = 35,
    TemplateSsh = 36,
    Aes128YubicoOtp = 37,
    Aes128YubicoAuthentication = 38,
    Aes192YubicoOtp = 39,
    Aes256YubicoOtp = 40,
    Aes192CcmWrap = 41,
    Aes256CcmWrap = 42,
    EcdsaSha256 = 43,
    EcdsaSha384 = 44,
    EcdsaSha512 = 45,
    Ed25519 = 46,
    EcP224 = 47,
    RsaPkcs1Decrypt = 48,
    EcP256YubicoAuthentication = 49,
    Aes128 = 50,
    Aes192 = 51,
    Aes256 = 52,
    AesEcb = 53,
    AesCbc = 54,
    AesKwp = 55,
}

impl Algorithm {
    /// The byte that travels.
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// Those that a firmware knows.
    pub fn known(firmware: Firmware) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |algorithm| algorithm.is_known(firmware))
    }

    /// Does a firmware know it?
    pub fn is_known(self, firmware: Firmware) -> bool {
        firmware >= self.since()
    }

    /// The first firmware that knows it.
    fn since(self) -> Firmware {
        match self.byte() {
            0..=47 => Firmware::V2_0,
            49..=54 => Firmware::V2_3,
            _ => Firmware::V2_4,
        }
    }
}

impl From<Algorithm> for u8 {
    fn from(algorithm: Algorithm) -> Self {
        algorithm.byte()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_have_no_gap() {
        let bytes: Vec<u8> = Algorithm::ALL.iter().map(|algorithm| algorithm.byte()).collect();
        assert_eq!(bytes, (1..=55).collect::<Vec<u8>>());
        assert_eq!(Algorithm::known(Firmware::V2_0).count(), 47);
        assert_eq!(Algorithm::try_from(46), Ok(Algorithm::Ed25519));
        assert_eq!(Algorithm::try_from(56), Err(Code::InvalidData));
    }
}
