//! Reading a ledger, beside a running agent or without one.

use std::path::Path;
use std::sync::Arc;

use bursar_core::amount::Amount;
use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::log::{Hash, SignedCheckpoint};
use bursar_core::name::Name;
use rusqlite::Connection;

use super::entry::Entry;
use super::genesis::{Genesis, GenesisAsset};
use super::proof::{self, ProvenReceipt, ReceiptError};
use super::replay;
use super::sqlite::{self, FILE, MARK};
use crate::ledger::Receipt;
use crate::store::{StoreError, file, log};

/// Most entries in one answer.
pub const PAGE: u64 = 1000;

/// A ledger's file, open for reading.
pub struct Reader {
    connection: Connection,
    genesis: Arc<Genesis>,
}

/// What `ledger show` shows.
#[derive(Debug)]
pub struct Overview {
    /// What people call it.
    pub name: Name,
    /// SHA-256 of its genesis.
    pub id: LedgerId,
    /// What can be paid in, and who issues it.
    pub assets: Vec<GenesisAsset>,
    /// Who has what; sorted, without zeros.
    pub balances: Vec<(PublicKey, Name, Amount)>,
    /// Number of entries.
    pub size: u64,
    /// Root of their tree.
    pub root: Hash,
    /// What the node key has signed last.
    pub checkpoint: Option<SignedCheckpoint>,
}

impl Overview {
    /// An amount with the asset's decimals, like `120.50`.
    pub fn written(&self, asset: &Name, amount: Amount) -> String {
        let known = self.assets.iter().find(|known| known.asset.name() == asset);
        known.map_or_else(|| amount.to_string(), |known| known.asset.format_number(amount))
    }
}

impl Reader {
    /// Opens the ledger of a home folder.
    pub fn open(home: &Path, genesis: Arc<Genesis>) -> Result<Self, StoreError> {
        Ok(Self { connection: file::open_readonly(&home.join(FILE), MARK)?, genesis })
    }

    /// Name, assets, balances and where the log stands, as of one moment.
    pub fn overview(&self) -> Result<Overview, StoreError> {
        let failed = |source| file::failed(&self.connection, source);
        let _snapshot = self.connection.unchecked_transaction().map_err(failed)?;
        let (size, root) = log::head(&self.connection)?;
        let stored = replay::balances(&self.connection)?;
        let mut balances: Vec<_> =
            stored.into_iter().map(|((account, asset), amount)| (account, asset, amount)).collect();
        balances.sort();
        Ok(Overview {
            name: self.genesis.name().clone(),
            id: self.genesis.id(),
            assets: self.genesis.assets().values().cloned().collect(),
            balances,
            size,
            root,
            checkpoint: replay::checkpoint(&self.connection, &self.genesis)?,
        })
    }

    /// Up to `count` entries from `first` on, at most [`PAGE`]. Read, not verified.
    pub fn entries(&self, first: u64, count: u64) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        for position in first..first.saturating_add(count.min(PAGE)) {
            let Some(leaf) = log::record(&self.connection, position)? else { break };
            entries.push(self.decode(position, &leaf)?);
        }
        Ok(entries)
    }

    /// The receipt of a transaction, if it is on the ledger.
    pub fn receipt(&self, digest: &Hash) -> Result<Option<Receipt>, StoreError> {
        sqlite::receipt(&self.connection, &self.genesis, digest)
    }

    /// A receipt that verifies offline, under the latest signed checkpoint.
    pub fn prove(&self, position: u64) -> Result<ProvenReceipt, ReceiptError> {
        let failed = |source| file::failed(&self.connection, source);
        let _snapshot = self.connection.unchecked_transaction().map_err(failed)?;
        proof::prove(&self.connection, &self.genesis, position)
    }

    fn decode(&self, position: u64, leaf: &[u8]) -> Result<Entry, StoreError> {
        Entry::decode(leaf).map_err(|error| {
            replay::damaged(&self.connection, format!("entry {position}"), &error.to_string())
        })
    }
}
