//! `bursar audit export`

use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use bursar_core::log::{Frontier, Origin, SignedCheckpoint, leaf_hash};
use data_encoding::HEXLOWER;
use rusqlite::Connection;

use crate::book::read;
use crate::cli::client::ClientError;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, count};
use crate::config::Config;
use crate::durable::Draft;
use crate::keys_file::KeysFile;
use crate::store::{StoreError, log};

/// Export the audit log with its signed checkpoint
///
/// One JSON object a line: {"hash":…,"record":…} for each record in order, hash being SHA-256 of a
/// zero byte and the record's exact bytes (RFC 6962), and {"checkpoint":…} at the end: a C2SP
/// checkpoint signed by the audit key. A running agent signs a fresh one; without it the export ends
/// where the last one does.
///
/// Example: bursar audit export audit.jsonl
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Where to [default: standard output]
    file: Option<PathBuf>,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let config = global.config()?;
    let note = checkpoint(global, &config)?;
    let origin: Origin = config.audit_origin().parse().map_err(wrong)?;
    let key = KeysFile::load(&config.home)?.audit;
    let signed = SignedCheckpoint::parse(&note, &origin, &key).map_err(wrong)?;
    let book = read::open(&config.home)?;
    let (head, _) = log::head(&book)?;
    let size = signed.checkpoint().size;
    let Some(path) = &args.file else {
        return match write(&book, &signed, BufWriter::new(std::io::stdout().lock())) {
            Err(Failure::Io(error)) if error.kind() != ErrorKind::BrokenPipe => {
                Err(CliError::File { path: "standard output".into(), source: error })
            }
            Err(Failure::Cli(error)) => Err(error),
            _ => Ok(Output::nothing()),
        };
    };
    let failed = |source| CliError::File { path: path.clone(), source };
    let mut draft = Draft::new(path).map_err(failed)?;
    write(&book, &signed, &mut draft).map_err(|failure| match failure {
        Failure::Io(source) => failed(source),
        Failure::Cli(error) => error,
    })?;
    draft.publish().map_err(failed)?;
    let mut page = Page::new();
    page.line(format!("{} and the signed checkpoint are in {}", count(size, "record"), path.display()));
    if head > size {
        page.line(format!(
            "{} newer ones are not signed for yet: {} and export again",
            head - size,
            global.command("serve --background")
        ));
    }
    page.line(format!("Anybody can verify it: bursar audit verify {} --key {key}", path.display()));
    let value = serde_json::json!({ "file": path, "records": size, "unsigned": head.saturating_sub(size), "key": key });
    Ok(Output::new(&value, page))
}

/// A fresh one if an agent can sign it, or the one beside the log.
fn checkpoint(global: &Global, config: &Config) -> Result<String, CliError> {
    match super::fresh_checkpoint(global, config) {
        Ok(note) => return Ok(note),
        Err(CliError::Client(ClientError::NotRunning { .. } | ClientError::Problem(_))) => {}
        Err(error) => return Err(error),
    }
    let stored = read::checkpoint(&read::open(&config.home)?)?;
    stored.map(|(_, note)| note).ok_or_else(|| CliError::Ended {
        exit: Exit::NotRunning,
        message: format!(
            "the audit key has not signed a checkpoint yet; start the agent: {}",
            global.command("serve --background")
        ),
    })
}

enum Failure {
    Io(std::io::Error),
    Cli(CliError),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes what the checkpoint covers, and looks that it is what was signed.
fn write(book: &Connection, signed: &SignedCheckpoint, mut out: impl Write) -> Result<(), Failure> {
    let said = signed.checkpoint();
    let mut frontier = Frontier::empty();
    while frontier.size() < said.size {
        let position = frontier.size();
        let leaf = log::record(book, position).map_err(|error| Failure::Cli(error.into()))?;
        let leaf = leaf.ok_or_else(|| damaged(format!("record {position}"), "it is missing"))?;
        let hash = leaf_hash(&leaf);
        frontier.push(hash);
        write!(out, "{{\"hash\":\"{}\",\"record\":", HEXLOWER.encode(&hash))?;
        out.write_all(&leaf)?;
        out.write_all(b"}\n")?;
    }
    if frontier.root() != said.root {
        return Err(damaged(
            format!("records 0 to {}", said.size),
            "they are not what the audit key has signed for",
        ));
    }
    writeln!(out, "{}", serde_json::json!({ "checkpoint": signed.as_str() }))?;
    Ok(out.flush()?)
}

fn damaged(place: String, what: &str) -> Failure {
    Failure::Cli(
        StoreError::Damaged { file: crate::book::FILE.to_owned(), place, what: what.to_owned() }.into(),
    )
}

fn wrong(error: bursar_core::log::CheckpointError) -> CliError {
    CliError::Unverified(error.to_string())
}
