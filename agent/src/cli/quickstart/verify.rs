//! Verifying what the payments left behind, without the agent and without the token.

use serde::Serialize;

use crate::cli::audit;
use crate::cli::error::{CliError, unverified};
use crate::config::Config;
use crate::ledger::embedded::{self, genesis::Genesis};
use crate::setup::home::GENESIS;

/// How much of each log holds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Verified {
    /// Payments on the ledger.
    pub entries: u64,
    /// Records of the audit log.
    pub records: u64,
    /// How many of them the audit key has signed for.
    pub signed: Option<u64>,
}

/// Every signature, balance, record and checkpoint.
pub fn verify(config: &Config) -> Result<Verified, CliError> {
    let path = config.home.join(GENESIS);
    let genesis =
        Genesis::read(&path).map_err(|error| CliError::Damaged(format!("{}: {error}", path.display())))?;
    let file = config.home.join(embedded::FILE);
    let ledger = embedded::verify::verify(&file, &genesis, |_| ()).map_err(unverified)?;
    let audit = audit::verify_book(config, None)?;
    Ok(Verified { entries: ledger.size, records: audit.records, signed: audit.signed })
}
