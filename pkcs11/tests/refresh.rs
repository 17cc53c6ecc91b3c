//! Tokens that vanish, come back and are refreshed while they are open. Nothing here goes past the
//! crate's gate, since C_Finalize under another's call is what the gate is there to prevent.
//! PACKAGES: softhsm2
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bursar_pkcs11::fixture::SoftHsm;
use bursar_pkcs11::{Algorithm, Error, NewKey};
use common::{checked, generate, new_key};

#[test]
fn a_vanished_token_is_unplugged_and_comes_back() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let key = generate(&token, "key", Algorithm::Ed25519);
    let uncopied = NewKey { copyable: false, ..new_key("uncopied", Algorithm::P256) };
    let uncopied = token.generate(uncopied).wait().unwrap();
    token.sign(&key, b"m".to_vec(), checked).wait().unwrap();
    let here = hsm.folder();
    let away = tempfile::tempdir_in(here.parent().unwrap().parent().unwrap()).unwrap();
    let away = away.path().join("token");
    fs::rename(&here, &away).unwrap();

    let begin = Instant::now();
    assert!(matches!(token.health(), Err(Error::Unplugged { .. })));
    let error = token.sign(&uncopied, b"m".to_vec(), checked).wait().unwrap_err();
    assert!(matches!(error, Error::Unplugged { .. }), "{error}");
    assert!(error.to_string().contains("plug it in"), "{error}");
    // A session copy is noticed to be orphaned within a second.
    let error = loop {
        if let Err(error) = token.sign(&key, b"m".to_vec(), checked).wait() {
            break error;
        }
        assert!(begin.elapsed() < Duration::from_secs(10));
    };
    assert!(matches!(error, Error::Unplugged { .. }), "{error}");

    fs::rename(&away, &here).unwrap();
    hsm.module().refresh().unwrap();
    token.health().unwrap();
    token.sign(&key, b"m".to_vec(), checked).wait().unwrap();
    token.sign(&uncopied, b"m".to_vec(), checked).wait().unwrap();
}

#[test]
fn refresh_under_load_is_a_pause_and_nothing_else() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let key = generate(&token, "key", Algorithm::P256);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for n in 0..6u8 {
            let (token, key, done) = (&token, &key, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    token.sign(key, vec![n], checked).wait().unwrap();
                }
            });
        }
        for _ in 0..10 {
            hsm.module().refresh().unwrap();
            token.sign(&key, b"after".to_vec(), checked).wait().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}
