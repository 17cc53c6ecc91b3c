#![no_main]
//! Nobody signed what the fuzzer writes: no text is a checkpoint.

use bursar_core::key::PublicKey;
use bursar_core::log::{Origin, SignedCheckpoint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let key = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".parse::<PublicKey>();
    let origin = "example.com/log".parse::<Origin>();
    if let (Ok(key), Ok(origin)) = (key, origin) {
        assert!(SignedCheckpoint::parse(text, &origin, &key).is_err());
    }
});
