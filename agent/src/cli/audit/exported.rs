//! Verifying an export of an audit log, with nothing but the audit public key.

use std::io::BufRead;
use std::path::Path;

use bursar_core::key::PublicKey;
use bursar_core::log::checkpoint::MAX_ORIGIN;
use bursar_core::log::{CheckpointError, Frontier, Origin, SignedCheckpoint, leaf_hash};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::verify::Verified;
use crate::book::hex::Hex;
use crate::book::record::Record;
use crate::cli::error::CliError;

/// Longest line in bytes; a record has a few thousand.
const LONGEST: u64 = 1 << 20;
/// What the origin of every audit log begins with.
const ORIGIN: &str = "bursar-audit/";

/// Why an export proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A line is none of an export.
    #[error("line {line}: {what}; this is not an export as it was written")]
    Form {
        /// From 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// The end is missing.
    #[error("the last line, with the signed checkpoint, is missing: the export was cut; export it again")]
    Cut,
    /// The checkpoint.
    #[error("the checkpoint on line {line}: {source}")]
    Checkpoint {
        /// From 1.
        line: u64,
        /// What is wrong.
        source: CheckpointError,
    },
    /// Another number of records than was signed for.
    #[error(
        "the audit key has signed for {signed} records, and the export has {found}: records were removed or added"
    )]
    Size {
        /// That many were signed for.
        signed: u64,
        /// So many are there.
        found: u64,
    },
    /// One record is not the one that was signed for.
    #[error(
        "line {0}: this record was changed: it does not fit its hash, which the audit key has signed for"
    )]
    Changed(u64),
    /// Some records are not those that were signed for.
    #[error(
        "the records are not those that the audit key has signed for: at least one was changed, moved, added or removed"
    )]
    Root,
}

impl ExportError {
    /// Names the file.
    pub fn of(self, path: &Path) -> CliError {
        match self {
            Self::Io(source) => CliError::File { path: path.to_owned(), source },
            other => CliError::Unverified(format!("{}: {other}", path.display())),
        }
    }
}

enum Line<'a> {
    Record(RecordLine<'a>),
    Checkpoint(CheckpointLine),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordLine<'a> {
    hash: Hex<32>,
    #[serde(borrow)]
    record: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointLine {
    checkpoint: String,
}

/// Reads an export line by line. `origin` is the log that it has to be of, if that is known.
pub fn verify(
    mut lines: impl BufRead,
    key: &PublicKey,
    origin: Option<&str>,
) -> Result<Verified, ExportError> {
    // The tree over the records, and the tree over the hashes beside them: if only the second has
    // the signed root, the hashes are the signed ones, and they tell which record is not.
    let (mut records, mut hashes, mut changed) = (Frontier::empty(), Frontier::empty(), None);
    let (mut line, mut text) = (0, Vec::new());
    loop {
        line += 1;
        text.clear();
        let read = std::io::Read::take(&mut lines, LONGEST).read_until(b'\n', &mut text)?;
        let form = |what: String| ExportError::Form { line, what };
        if read == 0 {
            return Err(ExportError::Cut);
        }
        match parse(&text).map_err(form)? {
            Line::Record(RecordLine { hash, record }) => {
                let leaf = record.get().as_bytes();
                serde_json::from_slice::<Record>(leaf)
                    .map_err(|error| form(format!("no record of an audit log: {error}")))?;
                if leaf_hash(leaf) != hash.0 {
                    changed.get_or_insert(line);
                }
                records.push(leaf_hash(leaf));
                hashes.push(hash.0);
            }
            Line::Checkpoint(CheckpointLine { checkpoint }) => {
                if !lines.fill_buf()?.is_empty() {
                    return Err(ExportError::Form {
                        line: line + 1,
                        what: "something follows the checkpoint".to_owned(),
                    });
                }
                let signed = signed(&checkpoint, key, origin)
                    .map_err(|source| ExportError::Checkpoint { line, source })?;
                return conclude(&signed, key, &records, &hashes, changed);
            }
        }
    }
}

fn parse(text: &[u8]) -> Result<Line<'_>, String> {
    let text = text.strip_suffix(b"\n").ok_or("it has no end, or is too long")?;
    // An untagged enum cannot borrow raw JSON, so the two forms are told apart first.
    let line = if text.starts_with(b"{\"hash\"") {
        serde_json::from_slice(text).map(Line::Record)
    } else {
        serde_json::from_slice(text).map(Line::Checkpoint)
    };
    line.map_err(|error| error.to_string())
}

fn signed(note: &str, key: &PublicKey, origin: Option<&str>) -> Result<SignedCheckpoint, CheckpointError> {
    // The key signs for its own log only, so the log's name may come from what it has signed.
    let name = note.lines().next().unwrap_or_default();
    if !name.starts_with(ORIGIN) || origin.is_some_and(|origin| origin != name) {
        return Err(CheckpointError::OtherLog(name.chars().take(MAX_ORIGIN).collect()));
    }
    let origin: Origin = name.parse()?;
    SignedCheckpoint::parse(note, &origin, key)
}

fn conclude(
    signed: &SignedCheckpoint,
    key: &PublicKey,
    records: &Frontier,
    hashes: &Frontier,
    changed: Option<u64>,
) -> Result<Verified, ExportError> {
    let said = signed.checkpoint();
    if said.size != records.size() {
        return Err(ExportError::Size { signed: said.size, found: records.size() });
    }
    match changed {
        Some(line) if said.root == hashes.root() => Err(ExportError::Changed(line)),
        Some(line) if said.root == records.root() => {
            Err(ExportError::Form { line, what: "the hash is not that of its record".to_owned() })
        }
        None if said.root == records.root() => Ok(Verified {
            verified: true,
            origin: said.origin.to_string(),
            key: *key,
            records: said.size,
            root: Hex(said.root),
            signed: Some(said.size),
        }),
        _ => Err(ExportError::Root),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bursar_core::key::Signature;
    use bursar_core::log::Checkpoint;
    use data_encoding::HEXLOWER;
    use ed25519_dalek::{Signer, SigningKey};

    const LOG: &str = "bursar-audit/00112233445566778899aabbccddeeff";
    const AT: &str = "2026-11-22T09:30:00Z";

    // The secret keys of RFC 8032, section 7.1, tests 1 and 2.
    const AUDIT: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const OTHER: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";

    fn signer(hex: &str) -> (SigningKey, PublicKey) {
        let bytes: [u8; 32] = HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap();
        let key = SigningKey::from_bytes(&bytes);
        let public = PublicKey::ed25519(key.verifying_key().to_bytes()).unwrap();
        (key, public)
    }

    fn export(origin: &str, secret: &str) -> Vec<String> {
        let records: Vec<String> = (0..5)
            .map(|spend| {
                format!(r#"{{"failed":{{"at":"{AT}","spend":{spend},"reason":"the token is away"}}}}"#)
            })
            .collect();
        let mut tree = Frontier::empty();
        let mut lines = Vec::new();
        for record in records {
            let hash = leaf_hash(record.as_bytes());
            tree.push(hash);
            lines.push(format!("{{\"hash\":\"{}\",\"record\":{record}}}\n", HEXLOWER.encode(&hash)));
        }
        let checkpoint = Checkpoint { origin: origin.parse().unwrap(), size: tree.size(), root: tree.root() };
        let (key, public) = signer(secret);
        let signature = Signature(key.sign(checkpoint.text_to_sign().as_bytes()).to_bytes());
        let signed = checkpoint.attach(&public, &signature).unwrap();
        lines.push(format!("{}\n", serde_json::json!({ "checkpoint": signed.as_str() })));
        lines
    }

    fn check(lines: &[String], origin: Option<&str>) -> Result<Verified, ExportError> {
        verify(lines.concat().as_bytes(), &signer(AUDIT).1, origin)
    }

    #[test]
    fn holds_as_it_was_written() {
        let lines = export(LOG, AUDIT);
        for origin in [None, Some(LOG)] {
            let verified = check(&lines, origin).unwrap();
            assert_eq!((verified.records, verified.origin.as_str()), (5, LOG));
        }
    }

    #[test]
    fn names_what_was_done_to_it() {
        let lines = export(LOG, AUDIT);
        let changed = |at: usize, from: &str, to: &str| {
            let mut lines = lines.clone();
            assert!(lines[at].contains(from));
            lines[at] = lines[at].replacen(from, to, 1);
            lines
        };
        let without =
            |at: usize| lines.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, l)| l.clone()).collect();
        let swapped = || {
            let mut lines = lines.clone();
            lines.swap(1, 2);
            lines
        };
        let twice = || [vec![lines[0].clone()], lines.clone()].concat();
        let hash = lines[2].get(9..73).unwrap();
        let cases: Vec<(&str, Vec<String>, &str)> = vec![
            ("a record", changed(2, "away", "gone"), "line 3: this record was changed"),
            ("a hash", changed(2, hash, &"0".repeat(64)), "line 3: the hash is not that of its record"),
            (
                "a record and its hash",
                {
                    let record = r#"{"failed":{"at":"2026-11-22T09:30:00Z","spend":2,"reason":"none"}}"#;
                    let hash = HEXLOWER.encode(&leaf_hash(record.as_bytes()));
                    let mut lines = lines.clone();
                    lines[2] = format!("{{\"hash\":\"{hash}\",\"record\":{record}}}\n");
                    lines
                },
                "at least one was changed",
            ),
            ("white space", changed(2, r#""spend":2"#, r#""spend": 2"#), "line 3: this record was changed"),
            ("a line cut out", without(1), "signed for 5 records, and the export has 4"),
            ("a line put in", twice(), "signed for 5 records, and the export has 6"),
            ("two lines swapped", swapped(), "at least one was changed, moved"),
            ("the end cut off", without(5), "the last line, with the signed checkpoint, is missing"),
            ("half a line", vec![lines[0].trim_end().to_owned()], "line 1: it has no end"),
            (
                "something behind",
                [lines.clone(), vec!["{}\n".to_owned()]].concat(),
                "line 7: something follows",
            ),
            ("another field", changed(0, "{\"hash\"", "{\"note\":1,\"hash\""), "line 1: unknown field"),
            ("no record", changed(0, "failed", "misled"), "line 1: no record of an audit log"),
            ("another key", export(LOG, OTHER), "no signature on this checkpoint is by the log's key"),
            ("no audit log", export("bursar-ledger/0011", AUDIT), "another one"),
        ];
        for (name, lines, says) in cases {
            let error = check(&lines, None).unwrap_err().to_string();
            assert!(error.contains(says), "{name}: {error}");
        }
        let other = check(&lines, Some("bursar-audit/ffff")).unwrap_err().to_string();
        assert!(other.contains("another one"), "{other}");
    }

    #[test]
    fn every_flipped_byte_is_found() {
        let text = export(LOG, AUDIT).concat().into_bytes();
        let key = signer(AUDIT).1;
        for place in 0..text.len() {
            let mut damaged = text.clone();
            damaged[place] ^= 1;
            assert!(verify(&*damaged, &key, Some(LOG)).is_err(), "byte {place}");
        }
    }
}
