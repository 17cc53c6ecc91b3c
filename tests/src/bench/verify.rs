//! What checking one signature in software costs: the agent checks each before it leaves.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bursar_core::key::{PublicKey, Signature};
use bursar_pkcs11::{Algorithm, PoolOptions};

use crate::place::Place;
use crate::report::Verify;
use crate::stats::{median, micros};

/// Has the token sign 700 bytes, about a transfer's length, and checks that signature for a while.
pub fn measure(place: &Place, algorithm: Algorithm) -> Verify {
    let token = place.hsm.open_with(PoolOptions { workers: 1, ..PoolOptions::default() });
    let key = token.find(&place.key(algorithm)).wait().expect("the account's key");
    let message = vec![7; 700];
    let raw = token.sign(&key, message.clone(), |_, _, raw| Some(raw.0)).wait().expect("a signature");
    let bytes = key.public_key().bytes();
    let public: PublicKey =
        format!("{algorithm}:{}", data_encoding::HEXLOWER.encode(bytes)).parse().expect("a public key");
    let signature = Signature(raw);
    let mut times = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(200) {
        let each = Instant::now();
        assert!(black_box(&public).verify(black_box(&message), &signature));
        times.push(micros(each.elapsed()));
    }
    Verify { algorithm, micros: median(times) }
}
