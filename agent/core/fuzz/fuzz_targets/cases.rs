#![no_main]
//! Cases are read, or refused with a place in the text.

use bursar_core::policy::Cases;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Cases::parse(text) {
        Ok(cases) => assert_eq!(cases.is_empty(), cases.len() == 0),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
