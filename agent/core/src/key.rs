//! Public keys, signatures and addresses.

mod verifier;

use std::fmt;
use std::str::FromStr;

use bech32::{Bech32m, Hrp};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use verifier::Verifier;

/// What an [address](PublicKey::address) begins with.
pub const ADDRESS_PREFIX: &str = "bursar";

/// A public key that lies on its curve.
///
/// As text `ed25519:`, `p256:` or `secp256k1:` and lower-case hex: 32 bytes for Ed25519
/// (RFC 8032), 33 bytes of compressed SEC 1 point for the others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKey {
    /// RFC 8032, 32 bytes.
    Ed25519([u8; 32]),
    /// NIST P-256, compressed SEC 1 point.
    P256([u8; 33]),
    /// secp256k1, compressed SEC 1 point.
    Secp256k1([u8; 33]),
}

/// A signature in fixed width: Ed25519 `R || S` (RFC 8032), ECDSA `r || s` big-endian over
/// SHA-256 of the message, with low S.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// Why a text or bytes are not a public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No known form.
    #[error(
        "{0:?} is not a public key; write ed25519:, p256: or secp256k1: and lower-case hex, or an address bursar1…"
    )]
    Form(String),
    /// The checksum of an address does not hold.
    #[error(
        "{0:?} is not a valid address: its checksum does not hold; copy it again from `bursar key show NAME --format address`"
    )]
    Checksum(String),
    /// The bytes are no point of the curve, or a weak one.
    #[error("these bytes are not a valid {0} public key; ask its owner for the key again")]
    NotOnCurve(&'static str),
}

const ED25519: &str = "ed25519";
const P256: &str = "p256";
const SECP256K1: &str = "secp256k1";

impl PublicKey {
    /// An Ed25519 key; refuses points of small order, for which a signature proves nothing.
    pub fn ed25519(bytes: [u8; 32]) -> Result<Self, KeyError> {
        match ed25519_dalek::VerifyingKey::from_bytes(&bytes) {
            Ok(key) if !key.is_weak() => Ok(Self::Ed25519(bytes)),
            _ => Err(KeyError::NotOnCurve(ED25519)),
        }
    }

    /// A P-256 key from its compressed point, `02` or `03` and x.
    pub fn p256(bytes: [u8; 33]) -> Result<Self, KeyError> {
        match p256::PublicKey::from_sec1_bytes(&bytes) {
            Ok(_) if is_compressed(&bytes) => Ok(Self::P256(bytes)),
            _ => Err(KeyError::NotOnCurve(P256)),
        }
    }

    /// A secp256k1 key from its compressed point, `02` or `03` and x.
    pub fn secp256k1(bytes: [u8; 33]) -> Result<Self, KeyError> {
        match k256::PublicKey::from_sec1_bytes(&bytes) {
            Ok(_) if is_compressed(&bytes) => Ok(Self::Secp256k1(bytes)),
            _ => Err(KeyError::NotOnCurve(SECP256K1)),
        }
    }

    /// `ed25519`, `p256` or `secp256k1`.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => ED25519,
            Self::P256(_) => P256,
            Self::Secp256k1(_) => SECP256K1,
        }
    }

    /// The key's bytes as in its text form.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            Self::P256(bytes) | Self::Secp256k1(bytes) => bytes,
        }
    }

    /// Does this key's owner vouch for exactly this message?
    ///
    /// Ed25519 by the strict rules of `ed25519-dalek` (no malleable signature, no small-order
    /// point); ECDSA only with low S, so that nobody can turn one signature into another.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        Verifier::new(self).is_some_and(|verifier| verifier.verify(message, signature))
    }

    /// The key as an address with a checksum: bech32m (BIP 350) over one byte that names the
    /// algorithm (1 Ed25519, 2 P-256, 3 secp256k1) and the key's bytes.
    pub fn address(&self) -> String {
        let mut data = vec![match self {
            Self::Ed25519(_) => 1,
            Self::P256(_) => 2,
            Self::Secp256k1(_) => 3,
        }];
        data.extend_from_slice(self.bytes());
        // 34 bytes are far below bech32m's limit, so this cannot fail; the tagged form would do too.
        bech32::encode::<Bech32m>(Hrp::parse_unchecked(ADDRESS_PREFIX), &data)
            .unwrap_or_else(|_| self.to_string())
    }

    /// Reads the tagged hex form without asking whether the point lies on its curve, which costs a
    /// hundred times as much. For comparing with keys that are known to, of bytes that were checked
    /// before; never to verify by.
    pub fn unproven(text: &str) -> Option<Self> {
        let (algorithm, hex) = text.split_once(':')?;
        let bytes = HEXLOWER.decode(hex.as_bytes()).ok()?;
        match algorithm {
            ED25519 => bytes.try_into().ok().map(Self::Ed25519),
            P256 => bytes.try_into().ok().map(Self::P256),
            SECP256K1 => bytes.try_into().ok().map(Self::Secp256k1),
            _ => None,
        }
    }

    fn from_address(text: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError::Checksum(text.chars().take(100).collect());
        // One spelling per address; bech32 would also take upper case.
        if text.len() > 90 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(wrong());
        }
        let checked =
            bech32::primitives::decode::CheckedHrpstring::new::<Bech32m>(text).map_err(|_| wrong())?;
        if checked.hrp().as_str() != ADDRESS_PREFIX {
            return Err(wrong());
        }
        let data: Vec<u8> = checked.byte_iter().collect();
        let (algorithm, bytes) = data.split_first().ok_or_else(wrong)?;
        let name = match algorithm {
            1 => ED25519,
            2 => P256,
            3 => SECP256K1,
            _ => return Err(wrong()),
        };
        let key = Self::from_tagged(name, bytes)?;
        // Bech32 leaves padding bits; only the canonical text is an address.
        if key.address() == text { Ok(key) } else { Err(wrong()) }
    }

    fn from_tagged(algorithm: &str, bytes: &[u8]) -> Result<Self, KeyError> {
        let form =
            || KeyError::Form(format!("{algorithm}:{}", HEXLOWER.encode(bytes.get(..64).unwrap_or(bytes))));
        match algorithm {
            ED25519 => Self::ed25519(bytes.try_into().map_err(|_| form())?),
            P256 => Self::p256(bytes.try_into().map_err(|_| form())?),
            SECP256K1 => Self::secp256k1(bytes.try_into().map_err(|_| form())?),
            _ => Err(form()),
        }
    }
}

/// The curves' crates also read compact points, `05` and x: a second spelling of the same key.
fn is_compressed(point: &[u8; 33]) -> bool {
    matches!(point, [2 | 3, ..])
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), HEXLOWER.encode(self.bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", HEXLOWER.encode(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Reads the tagged hex form or an address.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let Some((algorithm, hex)) = text.split_once(':') else {
            return if text.starts_with("bursar1") {
                Self::from_address(text)
            } else {
                Err(KeyError::Form(text.chars().take(100).collect()))
            };
        };
        let bytes =
            HEXLOWER.decode(hex.as_bytes()).map_err(|_| KeyError::Form(text.chars().take(100).collect()))?;
        Self::from_tagged(algorithm, &bytes)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}
