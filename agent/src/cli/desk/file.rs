//! Decisions in a file, to be delivered from another machine.

use std::io::Write;
use std::path::Path;

use super::decision::Decision;
use crate::cli::error::CliError;
use crate::durable::{self, Draft};

/// Most decisions in a file.
pub const MOST: usize = 10_000;
/// Longest file in bytes.
const LONGEST: u64 = 64 << 20;

/// Writes one decision a line, durably and for its owner only.
pub fn write(path: &Path, decisions: &[Decision]) -> Result<(), CliError> {
    let write = || {
        let mut draft = Draft::new(path)?;
        for decision in decisions {
            writeln!(draft, "{}", decision.to_line())?;
        }
        draft.publish()
    };
    write().map_err(|source| CliError::File { path: path.to_owned(), source })
}

/// Reads a file, and verifies every signature in it.
pub fn read(path: &Path) -> Result<Vec<Decision>, CliError> {
    let bytes =
        durable::read(path, LONGEST).map_err(|source| CliError::File { path: path.to_owned(), source })?;
    parse(&bytes)
        .map_err(|what| CliError::Unverified(format!("{}: {what}; nothing was delivered", path.display())))
}

fn parse(bytes: &[u8]) -> Result<Vec<Decision>, String> {
    let lines = bytes.split(|b| *b == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    let mut decisions = Vec::new();
    for (number, line) in lines {
        let number = number + 1;
        if decisions.len() == MOST {
            return Err(format!("line {number}: a file holds at most {MOST} decisions"));
        }
        decisions.push(Decision::from_line(line).map_err(|what| format!("line {number}: {what}"))?);
    }
    if decisions.is_empty() { Err("there is no decision in it".to_owned()) } else { Ok(decisions) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use bursar_core::approval::{Freeze, Payload, Signed};
    use bursar_core::decode::transfer::Nonce;
    use bursar_core::hex::Hex;
    use bursar_core::key::{PublicKey, Signature};
    use ed25519_dalek::Signer;

    use super::*;

    fn freeze(account: &str) -> Decision {
        let payload = Payload::encode(Freeze {
            home: Hex([1; 16]),
            account: account.parse().unwrap(),
            approver: "anna".parse().unwrap(),
            why: "token lost".parse().unwrap(),
            signed: "2026-11-22T09:30:00Z".parse().unwrap(),
            nonce: Nonce([2; 16]),
        })
        .unwrap();
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let public = PublicKey::ed25519(key.verifying_key().to_bytes()).unwrap();
        let signature = Signature(key.sign(&payload.signing_bytes()).to_bytes());
        Decision::Freeze(Signed::verify(payload, &public, &signature).unwrap())
    }

    #[test]
    fn reads_what_it_writes_and_nothing_that_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.jsonl");
        let decisions = ["payroll", "petty cash"].map(freeze);
        write(&path, &decisions).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap(), decisions);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        for (from, to, says) in [
            ("/v1/freezes", "/v1/lifts", "line 1"),
            ("/v1/freezes", "/v1/spends", "unknown variant"),
            ("\"body\"", "\"more\"", "unknown field"),
            ("\"sig\":\"", "\"sig\":\"AA", "line 1"),
        ] {
            let error = parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(error.contains(says), "{to}: {error}");
        }
        assert!(parse(b"\n").unwrap_err().contains("no decision"));
        let many = format!("{}\n", text.lines().next().unwrap()).repeat(MOST + 1);
        assert!(parse(many.as_bytes()).unwrap_err().contains("at most 10000"));
    }
}
