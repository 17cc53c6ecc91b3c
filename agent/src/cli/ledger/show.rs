//! `bursar ledger show`

use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use serde::Serialize;

use crate::book::hex::Hex;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, Table};
use crate::cli::policy_names::Names;
use crate::ledger::embedded::read::Reader;

/// Show the ledger: its assets and who has what
///
/// Works with and without a running agent.
///
/// Example: bursar ledger show
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

#[derive(Serialize)]
struct Answer {
    name: Name,
    id: String,
    entries: u64,
    root: Hex<32>,
    /// How many of the entries the node key has signed for.
    signed: Option<u64>,
    assets: Vec<AssetAnswer>,
    balances: Vec<Balance>,
}

#[derive(Serialize)]
struct AssetAnswer {
    name: Name,
    decimals: u8,
}

#[derive(Serialize)]
struct Balance {
    owner: Option<String>,
    amount: String,
    asset: Name,
    key: PublicKey,
    address: String,
}

pub fn run(global: &Global, _: Args) -> Result<Output, CliError> {
    let config = global.config()?;
    let (_, genesis) = super::genesis(&config)?;
    let names = Names::of(&config);
    let overview = Reader::open(&config.home, genesis.into())?.overview()?;
    let assets = &overview.assets;
    let balances = overview.balances.into_iter().map(|(key, asset, amount)| Balance {
        owner: names.get(&key),
        amount: assets
            .iter()
            .find(|known| *known.name() == asset)
            .map_or_else(|| amount.to_string(), |asset| asset.format_number(amount)),
        asset,
        address: key.address(),
        key,
    });
    let answer = Answer {
        name: overview.name,
        id: overview.id.to_string(),
        entries: overview.size,
        root: Hex(overview.root),
        signed: overview.checkpoint.map(|signed| signed.checkpoint().size),
        balances: balances.collect(),
        assets: assets
            .iter()
            .map(|asset| AssetAnswer { name: asset.name().clone(), decimals: asset.decimals() })
            .collect(),
    };
    let mut page = Page::new();
    let assets: Vec<_> =
        answer.assets.iter().map(|asset| format!("{} ({} decimals)", asset.name, asset.decimals)).collect();
    page.pairs([
        ("ledger", answer.name.as_str().into()),
        ("id", answer.id.as_str().into()),
        ("assets", assets.join(", ").into()),
        ("payments", answer.entries.to_string().into()),
        (
            "signed for",
            answer
                .signed
                .map(|size| format!("the first {size}"))
                .unwrap_or_else(|| "none yet".to_owned())
                .into(),
        ),
        ("root", answer.root.to_string().into()),
    ]);
    let mut table = Table::new(["OWNER", ">BALANCE", "ASSET", "ADDRESS"]);
    for balance in &answer.balances {
        let owner = balance.owner.clone().unwrap_or_else(|| "?".to_owned());
        table.row([
            owner.into(),
            balance.amount.as_str().into(),
            balance.asset.as_str().into(),
            balance.address.as_str().into(),
        ]);
    }
    page.blank();
    page.table(table);
    Ok(Output::new(&answer, page))
}
