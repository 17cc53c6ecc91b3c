//! Whether a signed statement is a known person's, and of now.

use serde::Serialize;

use super::Roster;
use crate::key::PublicKey;
use crate::name::Name;
use crate::time::Timestamp;

/// How far a signer's clock may be ahead of ours, in milliseconds: 5 minutes.
pub const MAX_EARLY_MS: i64 = 5 * 60 * 1000;

/// A statement that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotCounted {
    /// Who says to have made it.
    pub approver: Name,
    /// Why, for programs.
    pub code: Code,
    /// Why, and what to do.
    pub why: String,
}

/// Why a statement does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// By a key that nobody here has.
    UnknownKey,
    /// By somebody who may not decide any more.
    Revoked,
    /// By one person under the name of another.
    OtherName,
    /// By the person who asked.
    Requester,
    /// About a payment that somebody else asked for, or without saying who asked.
    OtherRequester,
    /// For another home.
    OtherHome,
    /// About another request.
    OtherRequest,
    /// About another account.
    OtherAccount,
    /// About another ledger.
    OtherLedger,
    /// About other bytes under the same request.
    OtherPayment,
    /// Under another policy bundle.
    OtherPolicy,
    /// About a request that expires at another time.
    OtherExpiry,
    /// About another new bundle.
    OtherBundle,
    /// About another freeze.
    OtherFreeze,
    /// Signed in the future.
    Early,
    /// Its time is over.
    Expired,
    /// The time of what it is about is over.
    RequestExpired,
    /// Not the first of this person.
    Repeated,
}

/// Is the key that of the person who is named, who may still decide?
pub(super) fn person(roster: &Roster, key: &PublicKey, name: &Name) -> Result<(), (Code, String)> {
    let Some(owner) = roster.owner(key) else {
        let why = format!("nobody in the policy has the key {key}: add it to {name}'s keys, if it is theirs");
        return Err((Code::UnknownKey, why));
    };
    if owner.name != *name {
        let why = format!("the key {key} is that of {}: sign under that name", owner.name);
        return Err((Code::OtherName, why));
    }
    if owner.revoked {
        let why = format!("{name} is revoked in the policy and decides nothing: ask somebody else");
        return Err((Code::Revoked, why));
    }
    Ok(())
}

/// Was it signed by now, give or take [`MAX_EARLY_MS`]?
pub(super) fn signed_by(signed: Timestamp, now: Timestamp) -> Result<(), (Code, String)> {
    if signed.millis() - now.millis() <= MAX_EARLY_MS {
        return Ok(());
    }
    let why = format!("it was signed {signed}, and it is {now}: set the signer's clock, and sign again");
    Err((Code::Early, why))
}
