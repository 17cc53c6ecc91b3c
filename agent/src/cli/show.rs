//! `bursar show`: one payment, and what proves it.

use super::client::{Ask, Client, ClientError};
use super::error::CliError;
use super::global::Global;
use super::output::Output;
use super::spend_page;
use crate::book::read;
use crate::config::{Config, LedgerConfig};
use crate::http::wire::Votes;
use crate::ledger::embedded::genesis::Genesis;
use crate::ledger::embedded::read::Reader;

/// Show one payment, its signed envelope, its receipt or its approvals
///
/// Works with and without a running agent.
///
/// Example: bursar show 12 --envelope > payment-12.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The payment's id, as `bursar spends` lists it
    #[arg(value_parser = super::spends::id)]
    id: u64,
    /// The signed DSSE envelope as JSON: any DSSE library verifies it
    #[arg(long)]
    envelope: bool,
    /// The ledger's receipt as JSON: record, inclusion proof and signed checkpoint
    #[arg(long, conflicts_with = "envelope")]
    receipt: bool,
    /// The decisions of people that were counted, as JSON: `bursar approvals verify` verifies them offline
    #[arg(long, conflicts_with_all = ["envelope", "receipt"])]
    approvals: bool,
}

/// Reads the book, and the ledger for a receipt.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let config = global.config()?;
    let book = read::open(&config.home)?;
    let list = global.command("spends");
    let spend = read::spend(&book, args.id)?
        .ok_or_else(|| CliError::Usage(format!("there is no payment {}; list them with: {list}", args.id)))?;
    if args.envelope {
        let envelope = read::envelope(&book, args.id)?.ok_or_else(|| {
            CliError::Usage(format!("payment {} is {} and has no signature", args.id, spend.state))
        })?;
        return Ok(Output::json(envelope.to_json()));
    }
    if args.approvals {
        // None for a payment that does not exist, which was found above.
        let votes = Votes { votes: read::votes(&book, args.id)?.unwrap_or_default() };
        return Ok(Output::json(serde_json::to_string_pretty(&votes).unwrap_or_default()));
    }
    if args.receipt {
        let position = spend.receipt.map(|receipt| receipt.position).ok_or_else(|| {
            CliError::Usage(format!(
                "payment {} is {} and has no receipt; it has one when it is recorded",
                args.id, spend.state
            ))
        })?;
        return receipt(global, config, args.id, position);
    }
    Ok(Output::new(&spend, spend_page::page(&spend)))
}

/// A running agent signs a checkpoint that covers the newest payment, too; the file alone may not have one.
fn receipt(global: &Global, config: Config, id: u64, position: u64) -> Result<Output, CliError> {
    let asked = Client::to(global, &config)?;
    match asked.ask::<Box<serde_json::value::RawValue>>(&Ask::get(format!("/v1/spends/{id}/receipt"))) {
        Ok(receipt) => return Ok(Output::json(receipt.get().to_owned())),
        Err(ClientError::NotRunning { .. } | ClientError::Forbidden { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let LedgerConfig::Embedded { genesis } = &config.ledger else {
        return Err(CliError::Usage(
            "this home has no ledger of its own, so there are no receipts".to_owned(),
        ));
    };
    let genesis = Genesis::read(genesis).map_err(|error| CliError::Damaged(error.to_string()))?;
    let reader = Reader::open(&config.home, genesis.into())?;
    let proven = reader.prove(position).map_err(|error| CliError::Damaged(error.to_string()))?;
    Ok(Output::json(serde_json::to_string_pretty(&proven).unwrap_or_default()))
}
