//! A new policy bundle, as an administrator decides on it.

use serde::{Deserialize, Serialize};

use super::tally::Cast;
use super::{ApprovalError, Code, Decision, HomeId, Signed, Statement, Verdict};
use crate::decode::memo::Memo;
use crate::hex::Hex;
use crate::key::PublicKey;
use crate::name::Name;
use crate::time::Timestamp;

/// "This bundle follows the one in force", or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// The new bundle's version, 1 or more.
    pub version: u64,
    /// SHA-256 of the new bundle.
    pub sha256: Hex<32>,
    /// SHA-256 of the bundle in force; another one.
    pub previous: Hex<32>,
    /// The home whose policy it is.
    pub home: HomeId,
    /// Who decides.
    pub administrator: Name,
    /// Yes or no.
    pub verdict: Verdict,
    /// When it was signed.
    pub signed: Timestamp,
    /// From then on it does not count; after `signed`, at most 7 days.
    pub expires: Timestamp,
    /// A reason; never blank for a refusal.
    pub why: Memo,
}

impl PolicyChange {
    /// What it decides.
    pub fn decision(&self) -> Decision<'_> {
        let Self { administrator: person, verdict, signed, expires, why, .. } = self;
        Decision { person, verdict: *verdict, signed: *signed, expires: *expires, why }
    }

    /// What it is about.
    pub fn bundle(&self) -> AskedBundle {
        let Self { home, version, sha256, previous, .. } = *self;
        AskedBundle { home, version, sha256, previous }
    }
}

impl Statement for PolicyChange {
    const PAYLOAD_TYPE: &'static str = "application/vnd.bursar.policy.v1+json";
    const NOUN: &'static str = "a policy statement";

    fn check(&self) -> Result<(), ApprovalError> {
        self.bundle().check()?;
        self.decision().check()
    }

    fn person(&self) -> &Name {
        &self.administrator
    }
}

impl Cast for Signed<PolicyChange> {
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

/// The bundle that waits for decisions, and the one that it is to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedBundle {
    /// The home whose policy it is.
    pub home: HomeId,
    /// The new bundle's version.
    pub version: u64,
    /// SHA-256 of the new bundle.
    pub sha256: Hex<32>,
    /// SHA-256 of the bundle in force.
    pub previous: Hex<32>,
}

impl AskedBundle {
    pub(super) fn check(&self) -> Result<(), ApprovalError> {
        if self.version == 0 || self.sha256 == self.previous { Err(ApprovalError::Bundle) } else { Ok(()) }
    }

    /// Why a statement about this bundle is not about the one that is asked.
    pub(super) fn objection(&self, asked: &Self) -> Option<(Code, String)> {
        if self.home != asked.home {
            let why = format!("it is for another home, {}: decide on this one: `bursar inbox`", self.home);
            Some((Code::OtherHome, why))
        } else if self.previous != asked.previous {
            let why = "the policy changed since: look at the difference, and decide again";
            Some((Code::OtherPolicy, why.to_owned()))
        } else if (self.version, self.sha256) != (asked.version, asked.sha256) {
            let why = format!("it is about another bundle, version {}: decide on this one", self.version);
            Some((Code::OtherBundle, why))
        } else {
            None
        }
    }
}
