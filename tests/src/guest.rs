//! A client with a certificate of its own: OpenSSL makes it, curl shows it. Nothing of it is ours.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The name in an agent's certificate.
const NAME: &str = "bursar";

/// Somebody with a certificate.
#[derive(Debug)]
pub struct Guest {
    certificate: PathBuf,
    key: PathBuf,
}

/// What curl got.
#[derive(Debug)]
pub struct Got {
    /// The status code.
    pub status: u16,
    /// The head, as it came.
    pub head: String,
    /// The body, if it is JSON.
    pub body: Value,
}

/// An agent to be asked: its address, and the file with the certificate that it has to show.
#[derive(Clone, Debug)]
pub struct At {
    /// Where.
    pub address: SocketAddr,
    /// The only certificate that curl trusts.
    pub trusted: PathBuf,
}

/// The fingerprint of the certificate in a PEM file, worked out here.
pub fn fingerprint(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a certificate");
    let lines: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64.decode(lines.as_bytes()).expect("base64");
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(der)))
}

impl Guest {
    /// Makes a key of this kind (`rsa:2048`, `ed25519`, `ec`) and a certificate for it.
    pub fn new(folder: &Path, name: &str, kind: &str) -> Self {
        let file = |end: &str| folder.join(format!("{name}.{end}"));
        let guest = Self { certificate: file("pem"), key: file("key") };
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-nodes", "-days", "2", "-newkey", kind, "-subj"]);
        command.arg(format!("/CN={name}")).arg("-keyout").arg(&guest.key).arg("-out").arg(&guest.certificate);
        if kind == "ec" {
            command.args(["-pkeyopt", "ec_paramgen_curve:P-256"]);
        }
        let made =
            command.stdin(Stdio::null()).output().expect("openssl is missing: apt-get install openssl");
        assert!(made.status.success(), "{made:?}");
        guest
    }

    /// How a configuration names it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certificate)
    }

    /// `[callers.NAME]` for it, with these further lines.
    pub fn caller(&self, name: &str, more: &str) -> String {
        format!("[callers.{name}]\ncertificate = \"{}\"\n{more}\n", self.fingerprint())
    }

    /// curl with this certificate.
    pub fn curl(&self, at: &At, path: &str) -> Command {
        let mut command = bare(at, path);
        command.arg("--cert").arg(&self.certificate).arg("--key").arg(&self.key);
        command
    }

    /// Asks, and gets an answer.
    pub fn ask(&self, at: &At, method: &str, path: &str) -> Got {
        let mut command = self.curl(at, path);
        command.args(["-X", method]);
        got(command)
    }

    /// Asks for a payment.
    pub fn pay(&self, at: &At, key: &str, amount: &str) -> Got {
        let mut command = self.curl(at, "/v1/spends");
        let body = format!(r#"{{"from":"expenses","to":"Fresh Market","amount":"{amount}"}}"#);
        command.args([
            "-H",
            &format!("Idempotency-Key: {key}"),
            "-H",
            "Content-Type: application/json",
            "-d",
            &body,
        ]);
        got(command)
    }
}

/// curl without a certificate.
pub fn bare(at: &At, path: &str) -> Command {
    let (host, port) = (at.address.ip(), at.address.port());
    let mut command = Command::new("curl");
    command.args(["-q", "-sS", "-i", "--max-time", "60", "--noproxy", "*"]);
    command.arg("--cacert").arg(&at.trusted).arg("--resolve").arg(format!("{NAME}:{port}:{host}"));
    command.arg(format!("https://{NAME}:{port}{path}")).stdin(Stdio::null());
    command
}

/// The exit code of a curl that got no answer.
pub fn refused(mut command: Command) -> i32 {
    let output = run(&mut command);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    output.status.code().expect("an exit code")
}

fn got(mut command: Command) -> Got {
    let output = run(&mut command);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    Got { status, head: head.to_ascii_lowercase(), body: serde_json::from_str(body).unwrap_or(Value::Null) }
}

fn run(command: &mut Command) -> Output {
    command.output().expect("curl is missing: apt-get install curl")
}
