//! Wrapped objects, field by field, by a script that shares no code with the device.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::process::Command;

use program::{Running, given};

#[test]
fn wrapped_objects_are_what_a_script_that_knows_the_layout_makes_and_reads() {
    let device = Running::start(&[]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wrapped_objects.py");
    let output = Command::new(given("BURSAR_TEST_PYTHON"))
        .args([script, &device.url])
        // The client that the script speaks with.
        .env("PYTHONPATH", given("BURSAR_TEST_YUBICO_SUITE"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("every field is right"), "{said}{errors}");
}
