//! `bursar audit verify`

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use bursar_core::key::PublicKey;
use serde::Serialize;

use super::{book, exported};
use crate::book::hex::Hex;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, Style, count};
use crate::keys_file::KeysFile;

/// Verify the audit log of the home folder, or an export of one
///
/// Without FILE: reads every record of the book, compares it with everything derived from it, and
/// verifies the audit key's signature on the latest checkpoint. With FILE: verifies an export with
/// nothing but the audit public key. Exit code 12 if anything does not hold, with the place where.
///
/// Example: bursar audit verify audit.jsonl --key ed25519:d75a98…
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// An export made by `bursar audit export`
    file: Option<PathBuf>,
    /// The audit public key [default: the one in keys.json of the home folder]
    #[arg(long, value_name = "KEY")]
    key: Option<PublicKey>,
}

/// What holds.
#[derive(Debug, Serialize)]
pub struct Verified {
    pub verified: bool,
    /// Of which log.
    pub origin: String,
    /// The key that signed.
    pub key: PublicKey,
    pub records: u64,
    pub root: Hex<32>,
    /// How many of the records the audit key has signed for.
    pub signed: Option<u64>,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let verified = match args.file {
        None => {
            let config = global.config()?;
            // A running agent signs for the newest records, too; without one the last checkpoint has to do.
            let _ = super::fresh_checkpoint(global, &config);
            book::verify(&config, args.key)?
        }
        Some(path) => {
            // With a key from elsewhere, no home is needed at all.
            let (key, origin) = match args.key {
                Some(key) => (key, None),
                None => {
                    let config = global.config()?;
                    (KeysFile::load(&config.home)?.audit, Some(config.audit_origin()))
                }
            };
            let file = File::open(&path).map_err(|source| CliError::File { path: path.clone(), source })?;
            exported::verify(BufReader::new(file), &key, origin.as_deref())
                .map_err(|error| error.of(&path))?
        }
    };
    let mut page = Page::new();
    page.styled(Style::Good, format!("The audit log holds: {}.", count(verified.records, "record")));
    page.pairs([
        ("log", verified.origin.as_str().into()),
        ("root", verified.root.to_string().into()),
        ("audit key", verified.key.to_string().into()),
    ]);
    page.line(match verified.signed {
        None => "The audit key has not signed a checkpoint yet.".to_owned(),
        Some(size) if size == verified.records => "The audit key has signed for all of it.".to_owned(),
        Some(size) => format!("The audit key has signed for the first {size}; the running agent signs each minute and when it stops."),
    });
    Ok(Output::new(&verified, page))
}
