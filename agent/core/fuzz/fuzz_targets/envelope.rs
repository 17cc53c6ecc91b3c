#![no_main]
//! What parses is written back as an envelope that parses to the same.

use bursar_core::decode::transfer::SignedTransfer;
use bursar_core::envelope::Envelope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::from_json(bytes) {
        let _ = SignedTransfer::from_envelope(&envelope);
        assert_eq!(Envelope::from_json(envelope.to_json().as_bytes()), Ok(envelope));
    }
});
