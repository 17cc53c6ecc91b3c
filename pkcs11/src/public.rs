//! Public keys, in one form whatever the module's own.

use p256::elliptic_curve::sec1::ToSec1Point;

use crate::{Algorithm, Error};

/// A public key: 32 bytes for Ed25519 (RFC 8032), 33 bytes of compressed SEC1 for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    algorithm: Algorithm,
    // The last byte is zero and unused for Ed25519.
    bytes: [u8; 33],
}

impl PublicKey {
    /// The curve.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// 32 or 33 bytes.
    pub fn bytes(&self) -> &[u8] {
        match self.algorithm {
            Algorithm::Ed25519 => self.bytes.split_at(32).0,
            Algorithm::Secp256k1 | Algorithm::P256 => &self.bytes,
        }
    }

    /// Reads CKA_EC_POINT. The standard wants a DER OCTET STRING around the point; many modules give
    /// the bare point (quirk 1). The lengths tell them apart: 32 or 34 bytes for Ed25519, 33, 35, 65
    /// or 67 for the others. A point that is not on its curve is refused.
    pub(crate) fn from_ec_point(algorithm: Algorithm, value: &[u8]) -> Result<PublicKey, Error> {
        let point = match value {
            [0x04, length, point @ ..]
                if usize::from(*length) == point.len() && matches!(point.len(), 32 | 33 | 65) =>
            {
                point
            }
            bare => bare,
        };
        let refused =
            || Error::Device(format!("CKA_EC_POINT of {} bytes is no {algorithm} key", value.len()));
        let mut bytes = [0; 33];
        match algorithm {
            Algorithm::Ed25519 => {
                let point: &[u8; 32] = point.try_into().map_err(|_| refused())?;
                bytes.split_at_mut(32).0.copy_from_slice(point);
            }
            Algorithm::Secp256k1 => {
                let key = k256::PublicKey::from_sec1_bytes(point).map_err(|_| refused())?;
                bytes.copy_from_slice(key.to_sec1_point(true).as_bytes());
            }
            Algorithm::P256 => {
                let key = p256::PublicKey::from_sec1_bytes(point).map_err(|_| refused())?;
                bytes.copy_from_slice(key.to_sec1_point(true).as_bytes());
            }
        }
        Ok(PublicKey { algorithm, bytes })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The base point of P-256, FIPS 186-5 / SP 800-186 section 3.2.1.3.
    const GX: [u8; 32] = [
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77,
        0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    ];
    const GY: [u8; 32] = [
        0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b,
        0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
    ];

    #[test]
    fn every_form_of_one_point_gives_one_key() {
        let whole = [&[0x04][..], &GX, &GY].concat();
        let short = [&[0x03][..], &GX].concat();
        let wrapped = [&[0x04, 65][..], &whole].concat();
        let wrapped_short = [&[0x04, 33][..], &short].concat();
        for form in [whole, short.clone(), wrapped, wrapped_short] {
            let key = PublicKey::from_ec_point(Algorithm::P256, &form).unwrap();
            assert_eq!(key.bytes(), short);
        }
    }

    #[test]
    fn ed25519_comes_wrapped_or_bare() {
        // A bare key may itself begin like a DER header.
        let bare = [&[0x04, 0x20][..], &[7; 30]].concat();
        let wrapped = [&[0x04, 0x20][..], &bare].concat();
        for form in [bare.clone(), wrapped] {
            let key = PublicKey::from_ec_point(Algorithm::Ed25519, &form).unwrap();
            assert_eq!(key.bytes(), bare);
        }
    }

    #[test]
    fn what_is_no_point_is_refused() {
        let off_curve = [&[0x04][..], &GX, &GX].concat();
        for (algorithm, value) in [
            (Algorithm::P256, off_curve.clone()),
            (Algorithm::Secp256k1, off_curve),
            (Algorithm::P256, vec![]),
            (Algorithm::P256, vec![0]),
            (Algorithm::Ed25519, vec![1; 31]),
            (Algorithm::Ed25519, vec![1; 33]),
        ] {
            assert!(PublicKey::from_ec_point(algorithm, &value).is_err(), "{algorithm} {value:?}");
        }
    }
}
