//! The end of a freeze, as an approver decides on it.

use serde::{Deserialize, Serialize};

use super::tally::Cast;
use super::{ApprovalError, Code, Decision, HomeId, Signed, Statement, Verdict};
use crate::decode::memo::Memo;
use crate::hex::Hex;
use crate::key::PublicKey;
use crate::name::Name;
use crate::time::Timestamp;

/// "That freeze ends", or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lift {
    /// The home whose account it is.
    pub home: HomeId,
    /// The account.
    pub account: Name,
    /// Digest of the [`Freeze`](super::Freeze) statement: [`Signed::digest`].
    pub freeze: Hex<32>,
    /// Who decides.
    pub approver: Name,
    /// When it was signed.
    pub signed: Timestamp,
    /// From then on it does not count; after `signed`, at most 7 days.
    pub expires: Timestamp,
    /// Yes or no.
    pub verdict: Verdict,
    /// A reason; never blank for a refusal.
    pub why: Memo,
}

impl Lift {
    /// What it decides.
    pub fn decision(&self) -> Decision<'_> {
        let Self { approver: person, verdict, signed, expires, why, .. } = self;
        Decision { person, verdict: *verdict, signed: *signed, expires: *expires, why }
    }
}

impl Statement for Lift {
    const PAYLOAD_TYPE: &'static str = "application/vnd.bursar.lift.v1+json";
    const NOUN: &'static str = "a lift";

    fn check(&self) -> Result<(), ApprovalError> {
        self.decision().check()
    }

    fn person(&self) -> &Name {
        &self.approver
    }
}

/// The freeze that may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedLift {
    /// The home whose account it is.
    pub home: HomeId,
    /// The account.
    pub account: Name,
    /// Digest of the freeze statement in force.
    pub freeze: Hex<32>,
}

impl Cast for Signed<Lift> {
    type Asked = AskedLift;

    fn key(&self) -> &PublicKey {
        self.key()
    }

    fn decision(&self) -> Decision<'_> {
        self.statement().decision()
    }

    fn requester(_: &AskedLift) -> Option<&Name> {
        None
    }

    fn objection(&self, asked: &AskedLift, _: Timestamp) -> Option<(Code, String)> {
        let found = self.statement();
        if found.home != asked.home {
            let why = format!("it is for another home, {}: decide on this one: `bursar inbox`", found.home);
            Some((Code::OtherHome, why))
        } else if found.account != asked.account {
            let why = format!("it is about the account {}: decide on {}", found.account, asked.account);
            Some((Code::OtherAccount, why))
        } else if found.freeze != asked.freeze {
            let why = "it is about another freeze of this account: decide on the one in force";
            Some((Code::OtherFreeze, why.to_owned()))
        } else {
            None
        }
    }
}
