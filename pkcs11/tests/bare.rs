//! The benchmark's bare loop: that it signs and counts, not how fast.
//! PACKAGES: softhsm2
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use bursar_pkcs11::fixture::SoftHsm;
use bursar_pkcs11::{Algorithm, Error, KeyUri, NewKey, bare};
use common::{generate, new_key};

#[test]
fn counts_signatures_of_every_thread() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let duration = Duration::from_millis(100);
    for algorithm in Algorithm::ALL {
        let key = generate(&token, &algorithm.to_string(), algorithm);
        let uri = key.uri(token.info());
        for copy in [true, false] {
            let rate = bare::run(hsm.module(), &hsm.uri(), &hsm.pin(), &uri, 2, duration, copy).unwrap();
            assert!(rate.signatures >= 2, "{rate:?}");
            assert!(rate.elapsed >= duration && rate.p50 <= rate.p99, "{rate:?}");
            assert!(rate.p99 > Duration::ZERO && rate.per_second() > 0.0, "{rate:?}");
        }
    }
}

#[test]
fn a_key_that_cannot_be_copied_is_refused() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let new = NewKey { copyable: false, ..new_key("fixed", Algorithm::P256) };
    token.generate(new).wait().unwrap();
    let uri = KeyUri::label("fixed").unwrap();
    let duration = Duration::from_millis(10);
    let answer = bare::run(hsm.module(), &hsm.uri(), &hsm.pin(), &uri, 1, duration, true);
    assert!(matches!(answer, Err(Error::Unsupported(_))), "{answer:?}");
}
