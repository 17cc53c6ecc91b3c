//! Verifying an export of an audit log, with nothing but the audit public key.

use std::io::BufRead;
use std::path::Path;

use bursar_core::key::PublicKey;
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
    let name = origin.unwrap_or_else(|| note.lines().next().unwrap_or_default());
    let origin: Origin = name.parse()?;
    if !name.starts_with(ORIGIN) {
        return Err(CheckpointError::OtherLog(name.to_owned()));
    }
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
