#![no_main]
//! What parses as a vote is written back as a vote that parses to the same.

use bursar_core::approval::Vote;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(vote) = Vote::parse(bytes) {
        assert_eq!(Vote::parse(vote.to_json().as_bytes()), Ok(vote));
    }
});
