//! Tokens that are logged out or changed by strangers while they are open.
//! PACKAGES: softhsm2
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::time::{Duration, Instant};

use bursar_pkcs11::fixture::SoftHsm;
use bursar_pkcs11::{Algorithm, Error, KeyUri, NewKey, PoolOptions};
use common::{checked, generate, new_key, stranger};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};

#[test]
fn a_logout_by_a_stranger_is_mended() {
    let hsm = SoftHsm::new();
    let token = hsm.open_with(PoolOptions { workers: 3, ..PoolOptions::default() });
    let copied = generate(&token, "copied", Algorithm::P256);
    let uncopied = NewKey { copyable: false, ..new_key("uncopied", Algorithm::P256) };
    let uncopied = token.generate(uncopied).wait().unwrap();
    for _ in 0..40 {
        stranger(&hsm).logout().unwrap();
        for key in [&copied, &uncopied] {
            token.sign(key, b"m".to_vec(), checked).wait().unwrap();
        }
    }
}

#[test]
fn a_deleted_key_is_noticed_within_the_second() {
    let hsm = SoftHsm::new();
    let token = hsm.open_with(PoolOptions { workers: 1, ..PoolOptions::default() });
    for in_process in [true, false] {
        let key = generate(&token, &format!("{in_process}"), Algorithm::P256);
        token.sign(&key, b"m".to_vec(), checked).wait().unwrap();
        if in_process {
            let session = stranger(&hsm);
            let id = Attribute::Id(key.id().to_vec());
            for handle in session.find_objects(&[id]).unwrap() {
                session.destroy_object(handle).unwrap();
            }
        } else {
            for entry in fs::read_dir(hsm.folder()).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if name.ends_with(".object") && name != "token.object" {
                    fs::remove_file(path).unwrap();
                }
            }
        }
        let deleted = Instant::now();
        let error = loop {
            if let Err(error) = token.sign(&key, b"m".to_vec(), checked).wait() {
                break error;
            }
            assert!(deleted.elapsed() < Duration::from_secs(5), "in process: {in_process}");
        };
        assert!(matches!(error, Error::KeyNotFound { .. }), "in process: {in_process}: {error}");
    }
}

#[test]
fn a_key_whose_public_part_was_exchanged_is_not_used() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let key = generate(&token, "key", Algorithm::P256);
    let session = stranger(&hsm);
    let id = Attribute::Id(key.id().to_vec());
    let public = session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), id.clone()]).unwrap();
    session.destroy_object(public[0]).unwrap();
    pair(&session, b"stranger", b"another id");
    let error = token.sign(&key, b"m".to_vec(), checked).wait().unwrap_err();
    assert!(matches!(error, Error::KeyNotFound { .. }), "{error}");
    assert!(token.keys().wait().unwrap().iter().all(|k| k.label() != "key"));
}

#[test]
fn two_keys_of_one_name_are_ambiguous() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let session = stranger(&hsm);
    pair(&session, b"twin", b"1");
    pair(&session, b"twin", b"2");
    pair(&session, b"other", b"2");
    let find = |uri: &str| token.find(&uri.parse::<KeyUri>().unwrap()).wait();
    for uri in ["pkcs11:object=twin", "pkcs11:id=2"] {
        let error = find(uri).unwrap_err();
        assert!(matches!(error, Error::KeyAmbiguous { count: 2, .. }), "{uri}: {error}");
    }
    let one = find("pkcs11:object=twin;id=1").unwrap();
    token.sign(&one, b"m".to_vec(), checked).wait().unwrap();
    // Label and id name one private key, but its id has two public keys.
    assert!(matches!(find("pkcs11:object=twin;id=2"), Err(Error::KeyAmbiguous { .. })));
    let labels: Vec<_> = token.keys().wait().unwrap().iter().map(|k| k.id().to_vec()).collect();
    assert_eq!(labels, [b"1"]);
}

#[test]
fn generated_keys_have_the_attributes_they_should() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let new = NewKey { copyable: false, ..new_key("key", Algorithm::P256) };
    token.generate(new).wait().unwrap();
    let session = stranger(&hsm);
    let private = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap();
    let wanted = [
        Attribute::Sensitive(true),
        Attribute::AlwaysSensitive(true),
        Attribute::Extractable(false),
        Attribute::NeverExtractable(true),
        Attribute::Private(true),
        Attribute::Copyable(false),
        Attribute::Modifiable(false),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
        Attribute::SignRecover(false),
    ];
    let types: Vec<_> = wanted.iter().map(Attribute::attribute_type).collect();
    assert_eq!(session.get_attributes(private[0], &types).unwrap(), wanted);
    let value = session.get_attributes(private[0], &[AttributeType::Value]).unwrap();
    assert!(value.is_empty(), "the private value cannot be read");
}

#[test]
fn a_crash_between_two_values_leaves_the_newer() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let session = stranger(&hsm);
    let left_behind = |generation: u64, value: &[u8]| {
        session
            .create_object(&[
                Attribute::Class(ObjectClass::DATA),
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Label(b"anchor".to_vec()),
                Attribute::Application(format!("bursar-pkcs11 generation {generation}").into()),
                Attribute::Value(value.to_vec()),
            ])
            .unwrap();
    };
    left_behind(10, b"newer");
    left_behind(9, b"older");
    assert_eq!(token.read_data("anchor").wait().unwrap().unwrap(), b"newer");
    token.write_data("anchor", b"newest".to_vec()).wait().unwrap();
    assert_eq!(token.read_data("anchor").wait().unwrap().unwrap(), b"newest");
    let label = Attribute::Label(b"anchor".to_vec());
    assert_eq!(session.find_objects(&[label]).unwrap().len(), 1, "the older ones are gone");
    left_behind(11, b"of another writer");
    let error = token.read_data("anchor").wait().unwrap_err();
    assert!(matches!(error, Error::DataAmbiguous { count: 2, .. }), "{error}");
    token.write_data("anchor", b"resolved".to_vec()).wait().unwrap();
    assert_eq!(token.read_data("anchor").wait().unwrap().unwrap(), b"resolved");
}

/// A P-256 pair as a stranger makes it.
fn pair(session: &cryptoki::session::Session, label: &[u8], id: &[u8]) {
    let named = [
        Attribute::Token(true),
        Attribute::Label(label.to_vec()),
        Attribute::Id(id.to_vec()),
        Attribute::KeyType(KeyType::EC),
    ];
    let p256 = vec![0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let mut public = named.to_vec();
    public.extend([Attribute::EcParams(p256), Attribute::Verify(true)]);
    let mut private = named.to_vec();
    private.extend([Attribute::Sign(true), Attribute::Private(true)]);
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
}
