//! An account stopped by one person.

use serde::{Deserialize, Serialize};

use super::{ApprovalError, Code, HomeId, NotCounted, Roster, Signed, Statement, admit};
use crate::decode::memo::Memo;
use crate::decode::transfer::Nonce;
use crate::name::Name;
use crate::time::Timestamp;

/// "From now on nothing leaves this account." Holds until a [`Lift`](super::Lift) names it.
///
/// It does not expire, so whoever keeps one can show it again after it was lifted: the home
/// remembers by [`Signed::digest`] which ones it has seen, and takes each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// The home whose account it is.
    pub home: HomeId,
    /// The account.
    pub account: Name,
    /// Who freezes it.
    pub approver: Name,
    /// A reason; may be empty, since a freeze is in haste.
    pub why: Memo,
    /// When it was signed.
    pub signed: Timestamp,
    /// Makes it unlike every other freeze.
    pub nonce: Nonce,
}

impl Freeze {
    /// Is this for this home, by a person who may decide? Whether the person may freeze this
    /// account, the policy says.
    pub fn admit(
        frozen: &Signed<Freeze>,
        roster: &Roster,
        home: HomeId,
        now: Timestamp,
    ) -> Result<(), NotCounted> {
        let freeze = frozen.statement();
        let checked = admit::person(roster, frozen.key(), &freeze.approver).and_then(|()| {
            if freeze.home != home {
                let why = format!("it is for another home, {}: freeze the account there", freeze.home);
                return Err((Code::OtherHome, why));
            }
            admit::signed_by(freeze.signed, now)
        });
        checked.map_err(|(code, why)| NotCounted { approver: freeze.approver.clone(), code, why })
    }
}

impl Statement for Freeze {
    const PAYLOAD_TYPE: &'static str = "application/vnd.bursar.freeze.v1+json";
    const NOUN: &'static str = "a freeze";

    fn check(&self) -> Result<(), ApprovalError> {
        Ok(())
    }

    fn person(&self) -> &Name {
        &self.approver
    }
}
