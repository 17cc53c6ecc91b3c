//! Every operation on a real SoftHSM token; signatures verified by other libraries.
//! PACKAGES: softhsm2
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use bursar_pkcs11::fixture::SoftHsm;
use bursar_pkcs11::{Algorithm, Error, KeyUri, NewKey, Usage};
use common::{checked, generate, new_key};
use p256::elliptic_curve::sec1::ToSec1Point;

#[test]
fn every_algorithm_generates_and_signs() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    for algorithm in Algorithm::ALL {
        for copyable in [true, false] {
            let label = format!("{algorithm} {copyable}");
            let new = NewKey { copyable, ..new_key(&label, algorithm) };
            let key = token.generate(new).wait().unwrap();
            assert_eq!(key.label(), label);
            assert_eq!(key.id(), label.as_bytes());
            assert_eq!((key.algorithm(), key.usage()), (algorithm, Usage::Sign));
            // Often enough for a high S to be certain to occur.
            for n in 0..40u8 {
                let message = vec![n; usize::from(n) * 50];
                token.sign(&key, message, checked).wait().unwrap();
            }
        }
    }
}

#[test]
fn a_key_that_wants_the_pin_at_each_use_gets_it() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    for algorithm in Algorithm::ALL {
        let new =
            NewKey { pin_each_use: true, copyable: false, ..new_key(&format!("{algorithm}"), algorithm) };
        let key = token.generate(new).wait().unwrap();
        for message in [b"first".to_vec(), b"second".to_vec()] {
            token.sign(&key, message, checked).wait().unwrap();
        }
    }
    // Others still sign after it.
    let plain = generate(&token, "plain", Algorithm::P256);
    token.sign(&plain, b"third".to_vec(), checked).wait().unwrap();
}

#[test]
fn found_keys_are_the_generated_ones() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let made = generate(&token, "treasury main", Algorithm::P256);
    generate(&token, "other", Algorithm::Ed25519);
    let uri = made.uri(token.info());
    for uri in [
        uri.clone(),
        uri.to_string().parse().unwrap(),
        KeyUri::label("treasury main").unwrap(),
        "pkcs11:id=treasury%20main".parse().unwrap(),
    ] {
        let found = token.find(&uri).wait().unwrap();
        assert_eq!(found.public_key(), made.public_key());
        assert_eq!((found.label(), found.id()), (made.label(), made.id()));
        token.sign(&found, b"found".to_vec(), checked).wait().unwrap();
    }
    let mut labels: Vec<_> = token.keys().wait().unwrap().iter().map(|k| k.label().to_owned()).collect();
    labels.sort();
    assert_eq!(labels, ["other", "treasury main"]);
}

#[test]
fn a_missing_key_lists_what_is_there() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    generate(&token, "expenses", Algorithm::Ed25519);
    let error = token.find(&KeyUri::label("expences").unwrap()).wait().unwrap_err();
    assert!(matches!(&error, Error::KeyNotFound { available, .. } if available == &["\"expenses\""]));
    let elsewhere: KeyUri = "pkcs11:token=another;object=expenses".parse().unwrap();
    let error = token.find(&elsewhere).wait().unwrap_err();
    assert!(matches!(error, Error::KeyNotFound { .. }));
}

#[test]
fn a_taken_label_or_id_is_refused() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    generate(&token, "one", Algorithm::Ed25519);
    for (label, id) in [("one", &b"new"[..]), ("new", b"one")] {
        let new = NewKey { label: label.to_owned(), id: id.to_vec(), ..new_key("", Algorithm::P256) };
        let error = token.generate(new).wait().unwrap_err();
        assert!(matches!(error, Error::KeyExists { .. }), "{error}");
    }
    assert_eq!(token.keys().wait().unwrap().len(), 1);
}

#[test]
fn of_many_that_generate_one_label_at_once_one_succeeds() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let all: Vec<_> = (0..8u8)
        .map(|n| {
            let id = vec![n + 1];
            token.generate(NewKey { id, ..new_key("same", Algorithm::Ed25519) })
        })
        .collect();
    let made = all.into_iter().map(|p| p.wait()).filter(Result::is_ok).count();
    assert_eq!(made, 1);
}

#[test]
fn derives_what_the_peer_derives() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let new = NewKey { usage: Usage::Derive, ..new_key("holder", Algorithm::P256) };
    let key = token.generate(new).wait().unwrap();
    assert_eq!(key.usage(), Usage::Derive);
    let peer = p256::SecretKey::from_slice(&[0x42; 32]).unwrap();
    let ours = p256::PublicKey::from_sec1_bytes(key.public_key().bytes()).unwrap();
    let expected = p256::ecdh::diffie_hellman(peer.to_nonzero_scalar(), ours.as_affine());
    for compressed in [true, false] {
        let point = peer.public_key().to_sec1_point(compressed);
        let secret = token.derive(&key, point.as_bytes()).wait().unwrap();
        assert_eq!(&secret[..], &expected.raw_secret_bytes()[..]);
    }
}

#[test]
fn derive_refuses_other_points_and_other_keys() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let new = NewKey { usage: Usage::Derive, ..new_key("holder", Algorithm::P256) };
    let holder = token.generate(new).wait().unwrap();
    let signer = generate(&token, "signer", Algorithm::P256);
    let peer = p256::SecretKey::from_slice(&[0x42; 32]).unwrap().public_key();
    let good = peer.to_sec1_point(false).as_bytes().to_vec();
    let mut off_curve = good.clone();
    off_curve[64] ^= 1;
    for (key, point) in [(&holder, &off_curve[..]), (&holder, &[]), (&holder, &[0]), (&signer, &good[..])] {
        let error = token.derive(key, point).wait().unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)), "{error}");
    }
    let error = token.sign(&holder, b"m".to_vec(), checked).wait().unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    let new = NewKey { usage: Usage::Derive, ..new_key("no", Algorithm::Secp256k1) };
    assert!(matches!(token.generate(new).wait(), Err(Error::Unsupported(_))));
}

#[test]
fn data_is_replaced_read_and_deleted() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    assert_eq!(token.read_data("anchor").wait().unwrap(), None);
    for value in [&b"first"[..], b"second", b"", &[7; 4000]] {
        token.write_data("anchor", value.to_vec()).wait().unwrap();
        token.write_data("other", b"x".to_vec()).wait().unwrap();
        assert_eq!(token.read_data("anchor").wait().unwrap().as_deref(), Some(value));
    }
    token.delete_data("anchor").wait().unwrap();
    token.delete_data("anchor").wait().unwrap();
    assert_eq!(token.read_data("anchor").wait().unwrap(), None);
    assert_eq!(token.read_data("other").wait().unwrap().as_deref(), Some(&b"x"[..]));
}

#[test]
fn many_writers_leave_one_value() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let all: Vec<_> = (0..20u8).map(|n| token.write_data("anchor", vec![n])).collect();
    all.into_iter().for_each(|p| p.wait().unwrap());
    let value = token.read_data("anchor").wait().unwrap().unwrap();
    assert!(value.len() == 1 && value[0] < 20, "{value:?}");
}

#[test]
fn random_bytes_differ_and_are_bounded() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let one = token.random(32).wait().unwrap();
    let two = token.random(32).wait().unwrap();
    assert_eq!((one.len(), two.len()), (32, 32));
    assert_ne!(one, two);
    assert!(token.random(0).wait().unwrap().is_empty());
    assert!(matches!(token.random(1 << 21).wait(), Err(Error::Unsupported(_))));
}

#[test]
fn a_healthy_token_is_healthy_and_says_who_it_is() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    token.health().unwrap();
    assert_eq!(token.info().label(), hsm.label());
    assert_eq!(token.info().manufacturer(), "SoftHSM project");
    assert_eq!(token.info().serial().len(), 16);
}

#[tokio::test]
async fn answers_can_be_awaited() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let key = token.generate(new_key("async", Algorithm::Ed25519)).await.unwrap();
    token.sign(&key, b"m".to_vec(), checked).await.unwrap();
    token.check().await.unwrap();
}
