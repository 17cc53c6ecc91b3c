#![no_main]
//! What decodes is canonical: it encodes to the same bytes.

use bursar_core::decode::transfer::Payload;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(payload) = Payload::decode(bytes.to_vec()) {
        assert_eq!(payload.bytes(), bytes);
        assert_eq!(Payload::encode(payload.transfer().clone()), Ok(payload));
    }
});
