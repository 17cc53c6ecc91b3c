//! How long the hardware takes.
//!
//! Source: the examples of YubiHSM 2 Device Specifications, Performance,
//! <https://docs.yubico.com/hardware/yubihsm-2/hsm-2-user-guide/hsm2-device-specs.html>, of an otherwise idle device.
//! What that page is silent about is an estimate, and says so.

use std::time::Duration;

use crate::algorithm::Algorithm;
use crate::command::Command;
use crate::device::Work;

/// Milliseconds for what needs no key: the shortest of the published figures, most of which is the way over USB.
const SHORTEST: u64 = 4;
/// Milliseconds of a wrap or unwrap with AES-CCM.
const WRAP: u64 = 10;
/// Ed25519: bytes of the message, milliseconds.
const ED25519: [(u64, u64); 6] = [(32, 105), (64, 121), (128, 137), (256, 168), (512, 229), (1024, 353)];
/// Milliseconds of HMAC with SHA-384 and SHA-512.
const HMAC_LONG: u64 = 243;

/// How long the hardware takes for this work. Sessions' own cryptography is in every figure.
pub fn of(work: Work) -> Duration {
    Duration::from_millis(milliseconds(work))
}

fn milliseconds(Work { command, algorithm, length }: Work) -> u64 {
    use Algorithm as A;
    let is = |commands: &[Command]| commands.iter().any(|other| other.byte() == command);
    let Some(algorithm) = algorithm.filter(|_| !is(&NO_KEY_USED)) else { return SHORTEST };
    if is(&[Command::GenerateAsymmetricKey, Command::GenerateWrapKey]) {
        return generation(algorithm);
    }
    match algorithm {
        A::Ed25519 => ed25519(u64::try_from(length).unwrap_or(u64::MAX).saturating_sub(2)),
        A::Rsa2048 | A::Rsa3072 | A::Rsa4096 => rsa(algorithm),
        A::HmacSha384 | A::HmacSha512 => HMAC_LONG,
        A::Aes128CcmWrap | A::Aes192CcmWrap | A::Aes256CcmWrap => WRAP,
        curve => ec(curve).unwrap_or(SHORTEST),
    }
}

/// Commands that are about a key and do not calculate with it.
const NO_KEY_USED: [Command; 4] =
    [Command::GetObjectInfo, Command::GetPublicKey, Command::DeleteObject, Command::PutAsymmetricKey];

fn rsa(algorithm: Algorithm) -> u64 {
    match algorithm {
        Algorithm::Rsa2048 => 139,
        Algorithm::Rsa3072 => 504,
        _ => 852,
    }
}

/// One multiplication by a secret. P-224, secp256k1 and the brainpool curves are estimates after those of their size.
fn ec(algorithm: Algorithm) -> Option<u64> {
    use Algorithm as A;
    Some(match algorithm {
        A::EcP224 => 64,
        A::EcP256 | A::EcK256 | A::EcBp256 => 73,
        A::EcP384 | A::EcBp384 => 120,
        A::EcP521 | A::EcBp512 => 210,
        _ => return None,
    })
}

/// Estimates: a multiplication for curves; for RSA, which tries numbers until two are prime, a hundred signatures.
fn generation(algorithm: Algorithm) -> u64 {
    match algorithm {
        Algorithm::Ed25519 => 105,
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => 100 * rsa(algorithm),
        curve => ec(curve).unwrap_or(SHORTEST),
    }
}

/// Between two figures on a straight line, as SHA-512 over longer messages takes longer; beyond the last on the same.
fn ed25519(bytes: u64) -> u64 {
    let mut pairs = ED25519.iter().zip(ED25519.iter().skip(1));
    let line = pairs.clone().find(|(_, (end, _))| bytes <= *end).or(pairs.next_back());
    let Some(((from, low), (to, high))) = line else { return SHORTEST };
    low + bytes.saturating_sub(*from).saturating_mul(high - low) / (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(command: Command, algorithm: Algorithm, length: usize) -> u128 {
        of(Work { command: command.byte(), algorithm: Some(algorithm), length }).as_millis()
    }

    #[test]
    fn the_published_figures_and_what_lies_between() {
        for (bytes, milliseconds) in [(0, 105), (32, 105), (48, 113), (64, 121), (1024, 353), (2000, 589)] {
            assert_eq!(
                time(Command::SignEddsa, Algorithm::Ed25519, 2 + bytes),
                milliseconds,
                "{bytes} bytes"
            );
        }
        assert_eq!(time(Command::SignPkcs1, Algorithm::Rsa2048, 34), 139);
        assert_eq!(time(Command::SignEcdsa, Algorithm::EcP256, 34), 73);
        assert_eq!(time(Command::SignHmac, Algorithm::HmacSha256, 34), 4);
        assert_eq!(time(Command::GetPublicKey, Algorithm::Rsa2048, 2), 4);
    }
}
