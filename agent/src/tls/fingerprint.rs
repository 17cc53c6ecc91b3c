//! How a certificate is named: `sha256:` and 64 hex digits, the SHA-256 of its DER.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const PREFIX: &str = "sha256:";

/// SHA-256 of a certificate's DER. `openssl x509 -outform der | sha256sum` gives the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

/// A text that is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no certificate's fingerprint; write sha256: and 64 hex digits in lower case, as `bursar certificate` prints it"
)]
pub struct FingerprintError(String);

impl Fingerprint {
    /// Of a certificate, in DER.
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let bytes = text.strip_prefix(PREFIX).and_then(|hex| HEXLOWER.decode(hex.as_bytes()).ok());
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| FingerprintError(text.chars().take(100).collect()))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = FingerprintError;

    fn try_from(text: String) -> Result<Self, FingerprintError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.to_string()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn is_written_one_way() {
        assert_eq!(Fingerprint::of(b"abc").to_string(), ABC);
        assert_eq!(ABC.parse::<Fingerprint>().unwrap(), Fingerprint::of(b"abc"));
        for wrong in [
            &ABC[7..],
            &ABC[..70],
            "",
            "sha256:",
            &format!("{ABC}00"),
            &ABC.to_uppercase(),
            &ABC.replace("ba", "BA"),
        ] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(FingerprintError(wrong.to_owned())), "{wrong}");
        }
    }
}
