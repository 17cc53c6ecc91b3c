//! The integration tests of the `yubihsm` crate, over HTTP, unmodified. They connect to port 12345, so
//! they run in a network of their own.

#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::process::Command;

use program::{PROGRAM, given};

/// Tests that it has; one is marked as ignored there, and run all the same.
const TESTS: &str = "test result: ok. 32 passed; 0 failed; 0 ignored;";

/// Starts the device, waits for its first line, runs the tests, one after the other: they reset the device.
const SCRIPT: &str = r#"
set -e
ip link set lo up
coproc device { exec "$1" --listen 127.0.0.1:12345; }
read -r line <&"${device[0]}"
status=0
"$2" --test-threads=1 --include-ignored 2>&1 || status=$?
kill "$device_PID"
exit "$status"
"#;

#[test]
fn the_integration_tests_of_the_crate_pass() {
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "bash", "-c", SCRIPT, "bash", PROGRAM])
        .arg(given("BURSAR_TEST_YUBIHSM_CRATE"))
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains(TESTS), "{said}");
}
