#![no_main]
//! What decodes is canonical, as a payment and as an issue: it encodes to the same bytes, and
//! nobody signs the same for both.

use bursar_core::decode::transfer::{Kind, Payload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [pay, issue] = Kind::ALL.map(|kind| {
        let payload = Payload::decode(kind, bytes.to_vec()).ok()?;
        assert_eq!(payload.bytes(), bytes);
        assert_eq!(Payload::encode_as(kind, payload.transfer().clone()).as_ref(), Ok(&payload));
        Some(payload)
    });
    if let (Some(pay), Some(issue)) = (pay, issue) {
        assert_eq!(pay.transfer(), issue.transfer());
        assert_ne!(pay.digest(), issue.digest());
    }
});
