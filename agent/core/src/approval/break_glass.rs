//! A policy bundle for an emergency, as an approver decides on it.

use serde::{Deserialize, Serialize};

use super::tally::Cast;
use super::{ApprovalError, AskedBundle, Code, Decision, HomeId, Signed, Statement, Verdict};
use crate::decode::memo::Memo;
use crate::hex::Hex;
use crate::key::PublicKey;
use crate::name::Name;
use crate::time::Timestamp;

/// "This bundle holds for a day in place of the one in force", or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// The emergency bundle's version, 1 or more.
    pub version: u64,
    /// SHA-256 of the emergency bundle.
    pub sha256: Hex<32>,
    /// SHA-256 of the bundle in force; another one.
    pub previous: Hex<32>,
    /// The home whose policy it is.
    pub home: HomeId,
    /// Who decides.
    pub approver: Name,
    /// Yes or no.
    pub verdict: Verdict,
    /// When it was signed.
    pub signed: Timestamp,
    /// From then on it does not count; after `signed`, at most 7 days.
    pub expires: Timestamp,
    /// A reason; never blank for a refusal.
    pub why: Memo,
}

impl BreakGlass {
    /// What it decides.
    pub fn decision(&self) -> Decision<'_> {
        let Self { approver: person, verdict, signed, expires, why, .. } = self;
        Decision { person, verdict: *verdict, signed: *signed, expires: *expires, why }
    }

    /// What it is about.
    pub fn bundle(&self) -> AskedBundle {
        let Self { home, version, sha256, previous, .. } = *self;
        AskedBundle { home, version, sha256, previous }
    }
}

impl Statement for BreakGlass {
    const PAYLOAD_TYPE: &'static str = "application/vnd.bursar.break-glass.v1+json";
    const NOUN: &'static str = "a break-glass statement";

    fn check(&self) -> Result<(), ApprovalError> {
        self.bundle().check()?;
        self.decision().check()
    }

    fn person(&self) -> &Name {
        &self.approver
    }
}

impl Cast for Signed<BreakGlass> {
    type Asked = AskedBundle;

    fn key(&self) -> &PublicKey {
        self.key()
    }

    fn decision(&self) -> Decision<'_> {
        self.statement().decision()
    }

    fn requester(_: &AskedBundle) -> Option<&Name> {
        None
    }

    fn objection(&self, asked: &AskedBundle, _: Timestamp) -> Option<(Code, String)> {
        self.statement().bundle().objection(asked)
    }
}
