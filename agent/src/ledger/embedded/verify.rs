//! The whole ledger, checked from its genesis by somebody who trusts only that.

use std::path::Path;

use bursar_core::log::{Hash, SignedCheckpoint};

use super::genesis::Genesis;
use super::replay::{self, Signatures};
use super::sqlite::{MARK, SCHEMA};
use crate::store::{StoreError, file};

/// What holds of a ledger.
#[derive(Debug)]
pub struct Verified {
    /// Number of entries.
    pub size: u64,
    /// Root of their tree.
    pub root: Hash,
    /// What the node key has signed last; entries behind it rest on the file alone.
    pub checkpoint: Option<SignedCheckpoint>,
}

/// Verifies a ledger's file without changing it, beside a running agent or without one.
///
/// Every entry in order: its form, its signature, its nonce, that its time fits, that the payer
/// had the money, or that the asset's issuer issued it; then all balances, the tree, and the node's signed checkpoint. `progress` is told
/// the number of entries so far. The error names the first place that does not hold.
pub fn verify(path: &Path, genesis: &Genesis, progress: impl Fn(u64)) -> Result<Verified, StoreError> {
    let connection = file::open_readonly(path, MARK)?;
    // One snapshot: a running agent goes on writing behind it.
    let snapshot = connection.unchecked_transaction().map_err(|source| file::failed(&connection, source))?;
    file::check(&connection, &[crate::store::log::SCHEMA, SCHEMA])?;
    let past = replay::replay(&connection, genesis, Signatures::Verified, progress)?;
    drop(snapshot);
    Ok(Verified { size: past.log.size(), root: past.log.root(), checkpoint: past.checkpoint })
}
