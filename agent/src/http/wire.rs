//! Bodies of answers that are no type of the book's own.

use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use serde::{Deserialize, Serialize};

use crate::book::hex::Hex;
use crate::book::view::Spend;
use crate::ledger::embedded::genesis::GenesisAsset;
use crate::ledger::embedded::read::Overview;

/// Spends, newest first.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Spends {
    /// The spends.
    pub spends: Vec<Spend>,
    /// Where to go on, as `before`; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// The decisions on a payment.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Votes {
    /// Each with its ballot, its item, and the proof that they belong together.
    #[schema(value_type = Vec<Object>)]
    pub votes: Vec<Box<serde_json::value::RawValue>>,
}

/// An account: a signing key and its address.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AccountView {
    /// Its name in the configuration.
    #[schema(value_type = String)]
    pub name: Name,
    /// Its public key, tagged.
    #[schema(value_type = String, example = "ed25519:3b6a27bc…")]
    pub key: PublicKey,
    /// The same with a checksum.
    pub address: String,
    /// Its label in the token.
    pub label: String,
}

/// A key in the token.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeyView {
    /// Its label in the token.
    pub label: String,
    /// Its public key, tagged.
    #[schema(value_type = String)]
    pub key: PublicKey,
    /// What it is for: `account NAME`, `audit`, `node`, or nothing.
    pub role: Option<String>,
}

/// Records of the audit log.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Records {
    /// Each record's exact JSON, in order.
    #[schema(value_type = Vec<Object>)]
    pub records: Vec<Box<serde_json::value::RawValue>>,
    /// Where to go on; absent at the end.
    pub next: Option<u64>,
}

/// The embedded ledger at a glance.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LedgerView {
    /// What people call it.
    #[schema(value_type = String)]
    pub name: Name,
    /// SHA-256 of its genesis.
    #[schema(value_type = String)]
    pub id: LedgerId,
    /// Number of entries.
    pub size: u64,
    /// Root of their Merkle tree.
    #[schema(value_type = String)]
    pub root: Hex<32>,
    /// What can be paid in.
    pub assets: Vec<AssetView>,
    /// Who has what.
    pub balances: Vec<BalanceView>,
    /// What the node key signed last, as a C2SP signed note.
    pub checkpoint: Option<String>,
}

/// An asset of the ledger.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AssetView {
    /// Its name.
    #[schema(value_type = String)]
    pub name: Name,
    /// How many decimals it is written with.
    pub decimals: u8,
    /// The only account that issues it; left out where all of it was there from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub issuer: Option<PublicKey>,
}

impl From<&GenesisAsset> for AssetView {
    fn from(GenesisAsset { asset, issuer }: &GenesisAsset) -> Self {
        Self { name: asset.name().clone(), decimals: asset.decimals(), issuer: *issuer }
    }
}

/// What one account has of one asset.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BalanceView {
    /// Whose.
    #[schema(value_type = String)]
    pub account: PublicKey,
    /// How much, like `120.50`.
    pub amount: String,
    /// Of what.
    #[schema(value_type = String)]
    pub asset: Name,
}

impl From<Overview> for LedgerView {
    fn from(overview: Overview) -> Self {
        let balances = overview.balances.iter().map(|(account, asset, amount)| BalanceView {
            account: *account,
            amount: overview.written(asset, *amount),
            asset: asset.clone(),
        });
        let assets = overview.assets.iter().map(AssetView::from);
        Self {
            assets: assets.collect(),
            balances: balances.collect(),
            name: overview.name,
            id: overview.id,
            size: overview.size,
            root: Hex(overview.root),
            checkpoint: overview.checkpoint.map(|signed| signed.as_str().to_owned()),
        }
    }
}
