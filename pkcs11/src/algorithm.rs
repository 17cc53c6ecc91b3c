//! The signature algorithms, and what a key may be used for.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A curve and the one signature scheme used with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// Pure Ed25519, RFC 8032 section 5.1.
    Ed25519,
    /// ECDSA with SHA-256 on secp256k1, SEC 2 section 2.4.1; low-S.
    Secp256k1,
    /// ECDSA with SHA-256 on P-256, FIPS 186-5; low-S.
    P256,
}

/// What a key may do: one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Usage {
    /// Sign, and nothing else.
    Sign,
    /// ECDH, and nothing else.
    Derive,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 3] = [Algorithm::Ed25519, Algorithm::Secp256k1, Algorithm::P256];

    /// DER of the curve's object identifier, the value of CKA_EC_PARAMS: RFC 8410 section 3,
    /// SEC 2 appendix A.2.
    pub(crate) fn ec_params(self) -> &'static [u8] {
        match self {
            Algorithm::Ed25519 => &[0x06, 0x03, 0x2b, 0x65, 0x70],
            Algorithm::Secp256k1 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
            Algorithm::P256 => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
        }
    }

    /// The curve that CKA_EC_PARAMS names. Ed25519 is also written as the PrintableString
    /// "edwards25519" (PKCS#11 3.0 section 2.3.5).
    pub(crate) fn from_ec_params(der: &[u8]) -> Option<Algorithm> {
        if der == b"\x13\x0cedwards25519" {
            return Some(Algorithm::Ed25519);
        }
        Algorithm::ALL.into_iter().find(|a| a.ec_params() == der)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Algorithm::Ed25519 => "ed25519",
            Algorithm::Secp256k1 => "secp256k1",
            Algorithm::P256 => "p256",
        })
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Algorithm, Error> {
        Algorithm::ALL
            .into_iter()
            .find(|a| a.to_string() == text)
            .ok_or_else(|| Error::Unsupported(format!("algorithm {text:?}: use ed25519, secp256k1 or p256")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_read_back() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse::<Algorithm>().unwrap(), algorithm);
        }
        for wrong in ["", "Ed25519", "rsa", "p256 "] {
            assert!(wrong.parse::<Algorithm>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn both_forms_of_ed25519_parameters_are_known() {
        assert_eq!(Algorithm::from_ec_params(b"\x06\x03\x2b\x65\x70"), Some(Algorithm::Ed25519));
        assert_eq!(Algorithm::from_ec_params(b"\x13\x0cedwards25519"), Some(Algorithm::Ed25519));
        assert_eq!(Algorithm::from_ec_params(b"\x06\x05\x2b\x81\x04\x00\x22"), None);
    }
}
