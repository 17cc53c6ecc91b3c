//! Keys, signatures and addresses against published vectors.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/vectors.rs"]
#[allow(dead_code)]
mod vectors;

use bursar_core::key::{KeyError, PublicKey, Signature};
use proptest::prelude::*;
use vectors::{cases, hex, text};

#[test]
fn signatures_verify_exactly_as_the_vectors_say() {
    let cases = cases("key", "cases");
    for algorithm in ["ed25519", "p256", "secp256k1"] {
        for valid in [true, false] {
            let one = cases.iter().any(|c| text(c, "key").starts_with(algorithm) && c["valid"] == valid);
            assert!(one, "no {algorithm} case that is {valid}");
        }
    }
    for case in cases {
        let signature = Signature(hex(&case, "signature").try_into().unwrap());
        let verified = text(&case, "key")
            .parse::<PublicKey>()
            .is_ok_and(|key| key.verify(&hex(&case, "message"), &signature));
        assert_eq!(verified, case["valid"].as_bool().unwrap(), "{}", text(&case, "name"));
    }
}

#[test]
fn weak_and_impossible_points_are_no_keys() {
    for key in cases("key_refused", "keys") {
        let key = key.as_str().unwrap();
        assert!(matches!(key.parse::<PublicKey>(), Err(KeyError::NotOnCurve(_))), "{key}");
    }
}

/// The base points, whose every other spelling is among the refused ones.
#[test]
fn compressed_points_of_both_signs_are_keys() {
    for curve_and_x in [
        ("p256", "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
        ("secp256k1", "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
    ] {
        for sign in ["02", "03"] {
            let key = format!("{}:{sign}{}", curve_and_x.0, curve_and_x.1);
            assert_eq!(key.parse::<PublicKey>().unwrap().to_string(), key);
        }
    }
}

#[test]
fn addresses_carry_a_checksum() {
    for file in vectors::folder("address") {
        for case in file["valid"].as_array().unwrap() {
            let key: PublicKey = text(case, "key").parse().unwrap();
            assert_eq!(key.address(), text(case, "address"));
            assert_eq!(text(case, "address").parse(), Ok(key));
        }
        for case in file["invalid"].as_array().unwrap() {
            assert!(text(case, "address").parse::<PublicKey>().is_err(), "{case}");
        }
    }
}

#[test]
fn one_spelling_per_key() {
    let key = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(key.parse::<PublicKey>().unwrap().to_string(), key);
    let upper = key.to_uppercase();
    let tail_upper = format!("ed25519:{}", key[8..].to_uppercase());
    let uncompressed = "p256:042927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838c7787964eaac00e5921fb1498a60f4606766b3d9685001558d1a974e7341513e";
    let mixed = "p256:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let spaced = format!(" {key}");
    for wrong in [
        &upper,
        &tail_upper,
        uncompressed,
        mixed,
        &spaced,
        "",
        ":",
        "ed25519:",
        "ed25519",
        "rsa:00",
        &key[8..],
        &key[..71],
    ] {
        assert!(matches!(wrong.parse::<PublicKey>(), Err(KeyError::Form(_))), "{wrong}");
    }
    let long = "ed25519:".to_owned() + &"00".repeat(100_000);
    assert!(long.parse::<PublicKey>().unwrap_err().to_string().len() < 400);
}

proptest! {
    #[test]
    fn any_change_to_an_address_is_noticed(at in 0usize..62, to in "[!-~]") {
        let key: PublicKey =
            "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".parse().unwrap();
        let address = key.address();
        let at = at % address.len();
        let changed = format!("{}{to}{}", &address[..at], &address[at + 1..]);
        prop_assert_eq!(changed.parse::<PublicKey>().is_ok(), changed == address);
    }

    #[test]
    fn the_parser_survives_any_text(text in "(ed25519:|p256:|secp256k1:|bursar1)?[0-9a-z]{0,80}") {
        if let Ok(key) = text.parse::<PublicKey>() {
            prop_assert!(key.to_string() == text || key.address() == text);
        }
    }
}
