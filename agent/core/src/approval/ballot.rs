//! One person's decision on one or many waiting payments.

use serde::{Deserialize, Serialize};

use super::{ApprovalError, Decision, Signed, Statement, Verdict};
use crate::decode::memo::Memo;
use crate::hex::Hex;
use crate::name::Name;
use crate::time::Timestamp;

/// Most payments that one signature decides on.
pub const MAX_BATCH: u32 = 1000;

/// "I decide so on the payments with this root."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ballot {
    /// Who decides.
    pub approver: Name,
    /// Yes or no, on every one of them.
    pub verdict: Verdict,
    /// How many payments, 1 to [`MAX_BATCH`].
    pub count: u32,
    /// RFC 6962 root of their [`Item`](super::Item)s.
    pub root: Hex<32>,
    /// When it was signed.
    pub signed: Timestamp,
    /// From then on it does not count; after `signed`, at most 7 days.
    pub expires: Timestamp,
    /// A reason; never blank for a refusal.
    pub why: Memo,
}

/// A ballot whose signature was verified.
pub type SignedBallot = Signed<Ballot>;

impl Ballot {
    /// What it decides.
    pub fn decision(&self) -> Decision<'_> {
        let Self { approver: person, verdict, signed, expires, why, .. } = self;
        Decision { person, verdict: *verdict, signed: *signed, expires: *expires, why }
    }
}

impl Statement for Ballot {
    const PAYLOAD_TYPE: &'static str = "application/vnd.bursar.approval.v1+json";
    const NOUN: &'static str = "a ballot";

    fn check(&self) -> Result<(), ApprovalError> {
        if !(1..=MAX_BATCH).contains(&self.count) {
            return Err(ApprovalError::Count(self.count));
        }
        self.decision().check()
    }

    fn person(&self) -> &Name {
        &self.approver
    }
}
