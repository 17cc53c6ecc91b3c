//! Signing: the hash and the normal form; the token does the rest.

use k256::ecdsa::Signature as K256;
use p256::ecdsa::Signature as P256;
use sha2::{Digest, Sha256};

use crate::pool::Shared;
use crate::pool::seat::Seat;
use crate::{Algorithm, Error, Key, RawSignature, Usage};

/// Refuses before the token is asked: a key of another role, or one that lied before.
pub(crate) fn permitted(shared: &Shared, key: &Key) -> Result<(), Error> {
    if key.usage() != Usage::Sign {
        return Err(Error::Unsupported(format!(
            "key {:?} derives and does not sign: use a signing key",
            key.label()
        )));
    }
    if shared.quarantine().contains(key.public_key()) {
        return Err(Error::Quarantined { key: key.label().to_owned() });
    }
    Ok(())
}

/// Signs the message. ECDSA hashes it here with SHA-256, so that CKM_ECDSA always gets 32 bytes: it
/// takes other lengths, too, and truncates or pads them.
pub(crate) fn sign(
    shared: &Shared,
    seat: &mut Seat,
    key: &Key,
    message: &[u8],
) -> Result<RawSignature, Error> {
    let handle = seat.handle(shared, key)?;
    let calls = shared.module.calls();
    let algorithm = key.algorithm();
    let pin = || seat.authenticate(shared, key);
    let raw = match algorithm {
        Algorithm::Ed25519 => calls.sign(&seat.session, algorithm, handle, message, pin)?,
        Algorithm::Secp256k1 | Algorithm::P256 => {
            calls.sign(&seat.session, algorithm, handle, &Sha256::digest(message), pin)?
        }
    };
    Ok(RawSignature(normalise(algorithm, raw)))
}

/// Both (r, s) and (r, n - s) verify; ledgers take the lower s only (BIP 62 rule 5), and one form
/// leaves nothing to vary. What is no signature at all (r or s out of range) stays as it is: the
/// check refuses it.
fn normalise(algorithm: Algorithm, raw: [u8; 64]) -> [u8; 64] {
    match algorithm {
        Algorithm::Ed25519 => raw,
        Algorithm::Secp256k1 => K256::from_slice(&raw).map_or(raw, |s| s.normalize_s().to_bytes().into()),
        Algorithm::P256 => P256::from_slice(&raw).map_or(raw, |s| s.normalize_s().to_bytes().into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn signature(s: &str) -> [u8; 64] {
        let mut bytes = [0u8; 64];
        bytes[31] = 1;
        for (i, byte) in bytes[32..].iter_mut().enumerate() {
            *byte = u8::from_str_radix(&s[2 * i..2 * i + 2], 16).unwrap();
        }
        bytes
    }

    /// n - 1 is the highest s, and becomes 1. Orders: SEC 2 section 2.4.1, SP 800-186 section 3.2.1.3.
    #[test]
    fn the_high_s_becomes_the_low_one() {
        let one = signature(&format!("{:064x}", 1));
        for (algorithm, highest) in [
            (Algorithm::Secp256k1, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140"),
            (Algorithm::P256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"),
        ] {
            assert_eq!(normalise(algorithm, signature(highest)), one, "{algorithm}");
            assert_eq!(normalise(algorithm, one), one, "{algorithm}: low stays");
        }
        let high = signature("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140");
        assert_eq!(normalise(Algorithm::Ed25519, high), high, "another scheme");
        assert_eq!(normalise(Algorithm::P256, [0; 64]), [0; 64], "no signature");
    }
}
