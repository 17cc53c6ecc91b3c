//! `bursar ledger show`

use bursar_core::amount::Amount;
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use serde::Serialize;

use crate::book::hex::Hex;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, Table};
use crate::cli::policy_names::Names;
use crate::http::wire::AssetView;
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
    assets: Vec<AssetView>,
    balances: Vec<Balance>,
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
    let balance = |(key, asset, amount): &(PublicKey, Name, Amount)| Balance {
        owner: names.get(key),
        amount: overview.written(asset, *amount),
        asset: asset.clone(),
        address: key.address(),
        key: *key,
    };
    let answer = Answer {
        id: overview.id.to_string(),
        entries: overview.size,
        root: Hex(overview.root),
        signed: overview.checkpoint.as_ref().map(|signed| signed.checkpoint().size),
        balances: overview.balances.iter().map(balance).collect(),
        assets: overview.assets.iter().map(AssetView::from).collect(),
        name: overview.name,
    };
    let mut page = Page::new();
    let assets: Vec<_> = answer.assets.iter().map(|asset| described(asset, &names)).collect();
    page.pairs([
        ("ledger", answer.name.as_str().into()),
        ("id", answer.id.as_str().into()),
        ("assets", assets.join(", ").into()),
        ("transactions", answer.entries.to_string().into()),
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

/// Like `GRANT (2 decimals, issued by fund)`.
fn described(asset: &AssetView, names: &Names) -> String {
    let owner = |key: &PublicKey| names.get(key).unwrap_or_else(|| key.address());
    let issuer = asset.issuer.as_ref().map(|key| format!(", issued by {}", owner(key)));
    format!("{} ({} decimals{})", asset.name, asset.decimals, issuer.unwrap_or_default())
}
