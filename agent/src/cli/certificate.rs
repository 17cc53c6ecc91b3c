//! `bursar certificate`: what this home shows at the other end of a connection.

use std::path::PathBuf;

use serde::Serialize;

use super::error::CliError;
use super::global::Global;
use super::output::{Output, Page, Style};
use crate::durable;
use crate::tls::certificate::{self, FILE, KEY};
use crate::tls::fingerprint::Fingerprint;

/// Show the fingerprint of this home's certificate, or make a new one
///
/// Callers on other machines and agents on other machines know this home by it: it stands there as
/// `certificate` under [callers.NAME] or [remote] in config.toml. A new one is of no use until it is
/// written there, and the agent shows it after its next start.
///
/// Example: bursar certificate
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Make a new key and certificate; the old ones are replaced
    #[arg(long)]
    new: bool,
}

#[derive(Serialize)]
struct Answer {
    certificate: Fingerprint,
    file: PathBuf,
    made: bool,
}

/// Needs neither token nor agent.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let home = global.any_home()?.path().clone();
    if args.new {
        let pem = certificate::make()?;
        let write = |name: &str, bytes: &[u8]| {
            let path = home.join(name);
            durable::replace(&path, bytes).map_err(|source| CliError::File { path, source })
        };
        // Between the two the key is none of the certificate, which is said wherever it is used.
        write(KEY, pem.key.as_bytes())?;
        write(FILE, pem.certificate.as_bytes())?;
    }
    let answer =
        Answer { certificate: certificate::fingerprint(&home)?, file: home.join(FILE), made: args.new };
    let mut page = Page::new();
    page.line(answer.certificate.to_string());
    if args.new {
        page.styled(
            Style::Warn,
            "This is a new certificate: write it wherever the old one stands, and start the agent again.",
        );
    }
    Ok(Output::new(&answer, page))
}
