//! Yes or no, by whom, from when until when, and why.

use serde::{Deserialize, Serialize};

use super::ApprovalError;
use crate::decode::memo::Memo;
use crate::name::Name;
use crate::time::Timestamp;

/// Longest time from the signature to its end, in milliseconds: 7 days.
pub const MAX_PERIOD_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No; a reason goes with it.
    Refuse,
}

/// What the statements that decide on something have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Who decides.
    pub person: &'a Name,
    /// Yes or no.
    pub verdict: Verdict,
    /// When it was signed, by the clock of the person who decides.
    pub signed: Timestamp,
    /// From then on it does not count.
    pub expires: Timestamp,
    /// A reason; never blank for a refusal.
    pub why: &'a Memo,
}

impl Decision<'_> {
    /// Does it keep the rules of every decision?
    pub(super) fn check(&self) -> Result<(), ApprovalError> {
        let (signed, expires) = (self.signed, self.expires);
        if !(1..=MAX_PERIOD_MS).contains(&(expires.millis() - signed.millis())) {
            return Err(ApprovalError::Period { signed, expires });
        }
        if self.verdict == Verdict::Refuse && self.why.as_str().trim().is_empty() {
            return Err(ApprovalError::NoReason);
        }
        Ok(())
    }
}
