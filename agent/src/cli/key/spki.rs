//! Public keys as SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) in PEM (RFC 7468).

use bursar_core::key::PublicKey;
use data_encoding::BASE64;
use k256::elliptic_curve::sec1::ToSec1Point;

use crate::cli::error::CliError;

/// DER before the key: RFC 8410 section 4, and RFC 5480 section 2.1 with a named curve and an
/// uncompressed point, which every implementation reads.
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
const P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const SECP256K1: &[u8] =
    b"\x30\x56\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\x03\x42\x00";

/// The key between its two lines, base64 in lines of 64.
pub fn pem(key: &PublicKey) -> Result<String, CliError> {
    let der = match key {
        PublicKey::Ed25519(bytes) => [ED25519, bytes].concat(),
        PublicKey::P256(bytes) => {
            let point = p256::PublicKey::from_sec1_bytes(bytes).map_err(|_| invalid(key))?;
            [P256, point.to_sec1_point(false).as_bytes()].concat()
        }
        PublicKey::Secp256k1(bytes) => {
            let point = k256::PublicKey::from_sec1_bytes(bytes).map_err(|_| invalid(key))?;
            [SECP256K1, point.to_sec1_point(false).as_bytes()].concat()
        }
    };
    let base64 = BASE64.encode(&der);
    let lines: Vec<_> =
        (0..base64.len()).step_by(64).filter_map(|at| base64.get(at..base64.len().min(at + 64))).collect();
    Ok(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")))
}

/// A `PublicKey` lies on its curve, so this is never seen.
fn invalid(key: &PublicKey) -> CliError {
    CliError::Damaged(format!("{key} is not on its curve; look where it comes from"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn published_keys_and_what_openssl_writes() {
        for (key, base64) in [
            // RFC 8410 section 10.1.
            (
                "ed25519:19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1",
                "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
            ),
            // Keys of Wycheproof, converted with `openssl ec -pubin -conv_form uncompressed`.
            (
                "p256:022927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838",
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKSexBRK64+3c/kZ4KBKLrSkDJpkZ\n\
                 9whgacjE32xzKDjHeHlk6qwA5ZIfsUmKYPRgZ2az2WhQAVWNGpdOc0FRPg==",
            ),
            (
                "secp256k1:03b838ff44e5bc177bf21189d0766082fc9d843226887fc9760371100b7ee20a6f",
                "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEuDj/ROW8F3vyEYnQdmCC/J2EMiaIf8l2\n\
                 A3EQC37iCm/wyddb+6ezGmvKGXRJbutW3jVwcZVdg8Sxutqgshgy6Q==",
            ),
        ] {
            let expected = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
            assert_eq!(pem(&key.parse().unwrap()).unwrap(), expected);
        }
    }
}
