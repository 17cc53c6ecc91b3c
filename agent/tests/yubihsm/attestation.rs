//! What others read in an attestation: `attestation.py`, and OpenSSL as an authority.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// What the stored certificates say, whose signatures hold.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attested {
    pub serial: u32,
    pub firmware: Vec<u8>,
    pub origin: u8,
    pub domains: u16,
    pub capabilities: u64,
    pub id: u16,
    pub label: String,
    pub public: String,
}

/// Reads and verifies the certificates with Python's library `cryptography`.
pub fn read(file: &Path) -> Result<Attested, String> {
    let python = std::env::var_os("BURSAR_TEST_PYTHON").expect(
        "BURSAR_TEST_PYTHON names no Python: run tests/run, or make one with `python3 -m venv DIR`, \
         `DIR/bin/pip install -r tests/e2e/requirements.txt`, `export BURSAR_TEST_PYTHON=DIR/bin/python`",
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/yubihsm/attestation.py");
    let output = Command::new(python).arg(script).arg(file).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}

/// Writes a certificate as PEM, by OpenSSL.
pub fn write_pem(folder: &Path, name: &str, der: &[u8]) -> PathBuf {
    let (from, to) = (folder.join("certificate.der"), folder.join(name));
    std::fs::write(&from, der).unwrap();
    openssl(Command::new("openssl").args(["x509", "-inform", "DER", "-in"]).arg(from).arg("-out").arg(&to));
    to
}

/// An authority that vouches for nobody.
pub fn authority(folder: &Path) -> PathBuf {
    let (key, certificate) = (folder.join("authority.key"), folder.join("authority.pem"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    command.args(["-subj", "/CN=Simulated YubiHSM Attestation (7550054)", "-keyout"]);
    openssl(command.arg(key).arg("-out").arg(&certificate));
    certificate
}

fn openssl(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
