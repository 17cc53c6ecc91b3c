//! `bursar ledger verify`

use serde::Serialize;

use crate::book::hex::Hex;
use crate::cli::error::{CliError, unverified};
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, Style, count};
use crate::ledger::embedded::FILE;
use crate::ledger::embedded::verify::verify;

/// Verify the whole ledger from its genesis
///
/// Every entry in order: its form, its signature, its nonce, its time, and that the payer had the
/// money or the asset's issuer issued it; then every balance, the Merkle tree and the node key's
/// signature. Exit code 12 if anything does not hold, with the first place where.
///
/// Example: bursar ledger verify
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

#[derive(Serialize)]
struct Answer {
    verified: bool,
    id: String,
    entries: u64,
    root: Hex<32>,
    signed: Option<u64>,
}

pub fn run(global: &Global, _: Args) -> Result<Output, CliError> {
    let config = global.config()?;
    let (_, genesis) = super::genesis(&config)?;
    let verified = verify(&config.home.join(FILE), &genesis, |_| ()).map_err(unverified)?;
    let answer = Answer {
        verified: true,
        id: genesis.id().to_string(),
        entries: verified.size,
        root: Hex(verified.root),
        signed: verified.checkpoint.map(|signed| signed.checkpoint().size),
    };
    let mut page = Page::new();
    page.styled(
        Style::Good,
        format!(
            "The ledger holds: {} verified, with every signature and balance.",
            count(answer.entries, "transaction")
        ),
    );
    page.pairs([("id", answer.id.as_str().into()), ("root", answer.root.to_string().into())]);
    page.line(match answer.signed {
        None => "The node key has not signed a checkpoint yet.".to_owned(),
        Some(size) if size == answer.entries => "The node key has signed for all of it.".to_owned(),
        Some(size) => format!("The node key has signed for the first {size}; the running agent signs each minute and when it stops."),
    });
    Ok(Output::new(&answer, page))
}
