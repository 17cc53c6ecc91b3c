//! A second, independent module: NSS softokn. Ed25519 needs 3.113 or so; the module's own list of
//! mechanisms says which of the two behaviours is due.
//! PACKAGES: libnss3 (brings libsoftokn3.so), libnss3-tools (certutil)
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::path::PathBuf;
use std::process::Command;

use bursar_pkcs11::{
    Algorithm, Error, Module, ModuleOptions, NewKey, Pin, PoolOptions, Token, TokenUri, Usage,
};
use common::{checked, generate, new_key};
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::MechanismType;
use p256::elliptic_curve::sec1::ToSec1Point;

const MODULES: [&str; 5] = [
    "/usr/lib/firefox-esr/libsoftokn3.so",
    "/usr/lib/x86_64-linux-gnu/libsoftokn3.so",
    "/usr/lib/aarch64-linux-gnu/libsoftokn3.so",
    "/usr/lib/x86_64-linux-gnu/nss/libsoftokn3.so",
    "/usr/lib64/libsoftokn3.so",
];
const PIN: &str = "nss-test-pin";

struct Nss {
    module: Module,
    token: Token,
    _folder: tempfile::TempDir,
}

fn nss() -> Nss {
    let path = MODULES.iter().map(PathBuf::from).find(|p| p.is_file()).unwrap_or_else(|| {
        panic!("libsoftokn3.so is missing: apt-get install libnss3 (looked in {MODULES:?})")
    });
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sql:{}", folder.path().display());
    let pin_file = folder.path().join("pin");
    std::fs::write(&pin_file, PIN).unwrap();
    let output = Command::new("certutil")
        .args(["-N", "-d", &database, "-f"])
        .arg(&pin_file)
        .output()
        .expect("certutil is missing: apt-get install libnss3-tools");
    assert!(output.status.success(), "{output:?}");
    let reserved = format!("configdir='{database}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=");
    let module = Module::load(&path, &ModuleOptions { reserved: Some(reserved) }).unwrap();
    let pin = Pin::new(PIN.to_owned());
    let token = module.open(&database_token(), Some(pin), PoolOptions::default()).unwrap();
    Nss { module, token, _folder: folder }
}

/// The token that keeps keys; NSS's other one only computes.
fn database_token() -> TokenUri {
    TokenUri::label("NSS Certificate DB").unwrap()
}

/// One test, since a process may initialise the module once and tests may share a process.
#[test]
fn nss_does_what_it_can_and_refuses_the_rest_clearly() {
    let nss = nss();
    assert_eq!(nss.token.info().manufacturer(), "Mozilla Foundation");
    nss.token.health().unwrap();
    p256_signs(&nss.token);
    p256_derives(&nss.token);
    ed25519_signs_or_is_refused(&nss);
    secp256k1_is_refused(&nss.token);
    data_objects_are_refused(&nss.token);
    assert_eq!(nss.token.random(16).wait().unwrap().len(), 16);
    nss.module.refresh().unwrap();
    nss.token.health().unwrap();
    let found = nss.token.find(&"pkcs11:object=payments".parse().unwrap()).wait().unwrap();
    nss.token.sign(&found, b"after refresh".to_vec(), checked).wait().unwrap();
    wrong_pin(&nss);
}

fn p256_signs(token: &Token) {
    for copyable in [true, false] {
        let label = if copyable { "payments" } else { "uncopied" };
        let new = NewKey { copyable, ..new_key(label, Algorithm::P256) };
        let key = match token.generate(new).wait() {
            Ok(key) => key,
            Err(error) => panic!("copyable {copyable}: {error}"),
        };
        for n in 0..40u8 {
            token.sign(&key, vec![n; 100], checked).wait().unwrap();
        }
        let found = token.find(&key.uri(token.info())).wait().unwrap();
        assert_eq!(found.public_key(), key.public_key());
    }
    assert_eq!(token.keys().wait().unwrap().len(), 2);
}

fn p256_derives(token: &Token) {
    let new = NewKey { usage: Usage::Derive, ..new_key("holder", Algorithm::P256) };
    let key = token.generate(new).wait().unwrap();
    let peer = p256::SecretKey::from_slice(&[0x42; 32]).unwrap();
    let ours = p256::PublicKey::from_sec1_bytes(key.public_key().bytes()).unwrap();
    let expected = p256::ecdh::diffie_hellman(peer.to_nonzero_scalar(), ours.as_affine());
    let secret = token.derive(&key, peer.public_key().to_sec1_point(true).as_bytes()).wait();
    assert_eq!(&secret.unwrap()[..], &expected.raw_secret_bytes()[..]);
}

fn ed25519_signs_or_is_refused(nss: &Nss) {
    let context = Pkcs11::new(nss.module.path()).unwrap();
    let slots = context.get_slots_with_token().unwrap();
    let slot = slots.into_iter().find(|s| s.id() == nss.token.info().slot()).unwrap();
    let mechanisms = context.get_mechanism_list(slot).unwrap();
    if mechanisms.contains(&MechanismType::EDDSA) {
        let key = generate(&nss.token, "ed", Algorithm::Ed25519);
        for n in 0..20u8 {
            nss.token.sign(&key, vec![n; 100], checked).wait().unwrap();
        }
    } else {
        let error = nss.token.generate(new_key("ed", Algorithm::Ed25519)).wait().unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)), "{error}");
    }
}

fn secp256k1_is_refused(token: &Token) {
    let error = token.generate(new_key("k", Algorithm::Secp256k1)).wait().unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
}

fn data_objects_are_refused(token: &Token) {
    for error in [
        token.write_data("anchor", b"v".to_vec()).wait().unwrap_err(),
        token.read_data("anchor").wait().unwrap_err(),
        token.delete_data("anchor").wait().unwrap_err(),
    ] {
        assert!(matches!(error, Error::Unsupported(_)), "{error}");
    }
}

fn wrong_pin(nss: &Nss) {
    // While nobody is logged in: the pool's login would make the PIN unneeded.
    nss.module.refresh().unwrap();
    let wrong = Some(Pin::new("wrong".to_owned()));
    let error = nss.module.open(&database_token(), wrong, PoolOptions::default()).unwrap_err();
    assert!(matches!(error, Error::PinIncorrect { .. }), "{error}");
}
