//! No ledger: the signed envelope itself is the result.
//!
//! For accounts whose payments somebody else forwards. The agent cannot know when that happens,
//! so a payment counts against its budgets for its whole life and is never given back.

use bursar_core::decode::transfer::SignedTransfer;
use bursar_core::intent::LedgerId;

use super::{BoxFuture, Ledger, LedgerError, Outcome, Status};

/// A ledger that is somewhere else, known by its id alone.
#[derive(Clone, Copy, Debug)]
pub struct Unrecorded(LedgerId);

impl Unrecorded {
    /// Envelopes for the ledger with this id.
    pub fn new(id: LedgerId) -> Self {
        Self(id)
    }
}

impl Ledger for Unrecorded {
    fn id(&self) -> LedgerId {
        self.0
    }

    fn submit<'a>(&'a self, _: &'a SignedTransfer) -> BoxFuture<'a, Result<Outcome, LedgerError>> {
        Box::pin(async { Ok(Outcome::HandedOut) })
    }

    /// Never `Absent`: that would give a budget back for a payment that may well be recorded.
    fn status<'a>(&'a self, _: &'a [u8; 32]) -> BoxFuture<'a, Result<Status, LedgerError>> {
        Box::pin(async {
            Err(LedgerError::Unknown("its envelope was handed out; ask whoever forwarded it".to_owned()))
        })
    }
}
