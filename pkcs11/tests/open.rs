//! Loading modules, opening tokens, and what is refused on the way.
//! PACKAGES: softhsm2
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::path::Path;
use std::process::Command;

use bursar_pkcs11::fixture::{SoftHsm, softhsm_module};
use bursar_pkcs11::{Algorithm, Error, Module, ModuleOptions, Pin, PoolOptions, TokenUri};
use common::{checked, generate};

#[test]
fn a_missing_or_wrong_module_is_named() {
    let none = ModuleOptions::default();
    let error = Module::load(Path::new("/nonexistent/module.so"), &none).unwrap_err();
    assert!(matches!(error, Error::ModuleNotFound { .. }));
    assert!(error.to_string().contains("/nonexistent/module.so"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    let error = Module::load(&text, &none).unwrap_err();
    assert!(matches!(error, Error::ModuleInvalid { .. }), "{error}");
    assert!(matches!(Module::load(folder.path(), &none), Err(Error::ModuleNotFound { .. })));

    let nul = ModuleOptions { reserved: Some("a\0b".to_owned()) };
    let error = Module::load(&softhsm_module(), &nul).unwrap_err();
    assert!(matches!(error, Error::ModuleInvalid { .. }), "{error}");
}

#[test]
fn a_module_is_loaded_once() {
    let hsm = SoftHsm::new();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("another-name.so");
    std::os::unix::fs::symlink(hsm.module().path(), &link).unwrap();
    for path in [hsm.module().path(), &link] {
        let error = Module::load(path, &ModuleOptions::default()).unwrap_err();
        assert!(matches!(error, Error::ModuleInUse { .. }), "{error}");
    }
}

#[test]
fn a_wrong_label_lists_what_is_there() {
    let hsm = SoftHsm::new();
    let wrong = TokenUri::label("fixtures").unwrap();
    let error = hsm.module().open(&wrong, Some(hsm.pin()), PoolOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::TokenNotFound { .. }));
    assert!(error.to_string().contains(&hsm.uri().to_string()), "{error}");
}

#[test]
fn a_wrong_pin_is_tried_once_and_shown_nowhere() {
    let hsm = SoftHsm::new();
    let wrong = Pin::new("wrong-7391".to_owned());
    let error = hsm.module().open(&hsm.uri(), Some(wrong.clone()), PoolOptions::default()).unwrap_err();
    let expected = Error::PinIncorrect { count_low: true, final_try: false, locked: false };
    assert_eq!(error, expected);
    let shown = format!("{error} {error:?} {wrong:?} {:?}", hsm.pin());
    assert!(!shown.contains("7391") && !shown.contains(hsm.pin_text()), "{shown}");
    let infos = hsm.module().tokens().unwrap();
    let info = infos.iter().find(|i| i.label() == hsm.label()).unwrap();
    assert!(info.pin().count_low, "the token counted it");

    let error = hsm.module().open(&hsm.uri(), None, PoolOptions::default()).unwrap_err();
    assert_eq!(error, Error::PinMissing);

    // The right PIN still opens it, and nothing but the pool's own login has counted.
    let token = hsm.open();
    generate(&token, "key", Algorithm::Ed25519);
    assert!(!format!("{token:?}").contains(hsm.pin_text()));
}

#[test]
fn a_taken_token_label_is_refused_and_two_of_one_label_need_the_serial() {
    let hsm = SoftHsm::new();
    let (so, pin) = (Pin::new(hsm.so_pin_text().to_owned()), hsm.pin());
    let error = hsm.module().init_token(hsm.label(), &so, &pin).unwrap_err();
    assert!(matches!(error, Error::TokenExists { .. }), "{error}");
    assert!(matches!(hsm.module().init_token("", &so, &pin), Err(Error::Uri(_))));

    // Refused before anything is changed. SoftHSM takes 4 to 255 bytes (src/lib/config.h).
    let short = Pin::new("123".to_owned());
    for (so, pin) in [(&so, &short), (&short, &pin)] {
        let error = hsm.module().init_token("short", so, pin).unwrap_err();
        assert_eq!(error, Error::PinLength { min: 4, max: 255 });
    }
    assert!(hsm.module().tokens().unwrap().iter().all(|t| t.label() != "short"));

    // Another process does what this crate refuses.
    let output = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", hsm.label()])
        .args(["--pin", hsm.pin_text(), "--so-pin", hsm.so_pin_text()])
        .env("SOFTHSM2_CONF", hsm.conf())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    hsm.module().refresh().unwrap();
    let by_label = TokenUri::label(hsm.label()).unwrap();
    let error = hsm.module().open(&by_label, Some(hsm.pin()), PoolOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::TokenAmbiguous { matching, .. } if matching.len() == 2));
    let token = hsm.open();
    assert_eq!(token.info().serial(), hsm.info().serial());
}

#[test]
fn another_process_uses_the_external_token() {
    let external = SoftHsm::external();
    let output = Command::new("softhsm2-util")
        .arg("--show-slots")
        .env("SOFTHSM2_CONF", external.conf())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(external.label()), "{text}");
    assert!(external.module().is_file() && external.pin().len() >= 8);
    let folder = external.folder().to_path_buf();
    drop(external);
    assert!(!folder.exists());
}

#[test]
fn a_second_pool_on_one_token_works_and_ends_alone() {
    let hsm = SoftHsm::new();
    let first = hsm.open();
    let key = generate(&first, "key", Algorithm::P256);
    for _ in 0..5 {
        let second = hsm.open();
        second.sign(&key, b"second".to_vec(), checked).wait().unwrap();
        drop(second);
        first.sign(&key, b"first".to_vec(), checked).wait().unwrap();
    }
}
