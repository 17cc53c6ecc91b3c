//! What a person says, made now and signed: from something that waits to decisions that can be
//! delivered.

use bursar_core::approval::{
    Batch, BreakGlass, Freeze, HomeId, Item, Lift, MAX_PERIOD_MS, Payload, PolicyChange, Statement, Verdict,
};
use bursar_core::decode::memo::Memo;
use bursar_core::decode::transfer::Nonce;
use bursar_core::name::Name;
use bursar_core::time::Timestamp;

use super::decision::Decision;
use super::sign::Signer;
use crate::book::hex::Hex;
use crate::book::inbox;
use crate::book::record::Way;
use crate::cli::error::CliError;
use crate::clock;
use crate::setup::random;

/// Yes or no, and why.
#[derive(Clone, Debug)]
pub struct Word {
    /// Which.
    pub verdict: Verdict,
    /// A reason; never blank for a refusal.
    pub why: Memo,
}

/// The bundle that a statement is about.
#[derive(Clone, Copy, Debug)]
pub struct Bundle {
    /// The home whose policy it is.
    pub home: HomeId,
    /// How it would come into force.
    pub way: Way,
    /// Its number.
    pub number: u64,
    /// Its version.
    pub version: u64,
    /// SHA-256 of its text.
    pub sha256: Hex<32>,
    /// SHA-256 of the bundle whose place it takes.
    pub previous: Hex<32>,
    /// Until when it may be agreed to.
    pub expires: Timestamp,
}

impl Bundle {
    /// The one that was put forward.
    pub fn of(home: HomeId, proposal: &inbox::Proposal) -> Self {
        let inbox::Proposal { proposal: number, way, policy: sha256, version, previous, expires, .. } =
            *proposal;
        Self { home, way, number, version, sha256, previous, expires }
    }
}

/// One signature for all of these payments, and a vote for each.
pub fn votes(signer: &Signer, items: Vec<Item>, word: &Word) -> Result<Vec<Decision>, CliError> {
    let signed = now();
    let last = items.iter().map(|item| item.expires).max().unwrap_or(signed);
    let expires = until(signed, last);
    let usage = |error: String| CliError::Usage(format!("nothing was signed: {error}"));
    let batch = Batch::new(items).map_err(|error| usage(error.to_string()))?;
    let ballot = batch.ballot(signer.approver()?.clone(), word.verdict, word.why.clone(), signed, expires);
    let ballot = signer.ballot(ballot.map_err(|error| usage(error.to_string()))?)?;
    let votes = batch.votes(&ballot).map_err(|error| CliError::Unverified(error.to_string()))?;
    Ok(votes.into_iter().map(|vote| Decision::Vote(Box::new(vote))).collect())
}

/// A decision on a bundle, by the key that its way needs.
pub fn bundle(signer: &Signer, about: &Bundle, word: &Word) -> Result<Decision, CliError> {
    let Bundle { home, way, number, version, sha256, previous, expires } = *about;
    let signed = now();
    let expires = until(signed, expires);
    let (verdict, why) = (word.verdict, word.why.clone());
    match way {
        Way::Change => {
            let administrator = signer.administrator()?.clone();
            let change = encode(PolicyChange {
                version,
                sha256,
                previous,
                home,
                administrator,
                verdict,
                signed,
                expires,
                why,
            })?;
            Ok(Decision::Change(signer.change(change)?, Some(number)))
        }
        Way::BreakGlass => {
            let approver = signer.approver()?.clone();
            let glass = encode(BreakGlass {
                version,
                sha256,
                previous,
                home,
                approver,
                verdict,
                signed,
                expires,
                why,
            })?;
            Ok(Decision::BreakGlass(signer.break_glass(glass)?, Some(number)))
        }
    }
}

/// A decision whether a frozen account goes on.
pub fn lift(
    signer: &Signer,
    home: HomeId,
    frozen: &inbox::Frozen,
    word: &Word,
) -> Result<Decision, CliError> {
    let signed = now();
    let lift = encode(Lift {
        home,
        account: frozen.account.clone(),
        freeze: frozen.freeze,
        approver: signer.approver()?.clone(),
        signed,
        expires: signed.plus_millis(MAX_PERIOD_MS),
        verdict: word.verdict,
        why: word.why.clone(),
    })?;
    Ok(Decision::Lift(signer.lift(lift)?))
}

/// An account stops; unlike every other freeze, so that it is taken once.
pub fn freeze(signer: &Signer, home: HomeId, account: Name, why: Memo) -> Result<Decision, CliError> {
    let nonce = Nonce(random::<16>()?);
    let approver = signer.approver()?.clone();
    let freeze = encode(Freeze { home, account, approver, why, signed: now(), nonce })?;
    Ok(Decision::Freeze(signer.freeze(freeze)?))
}

fn encode<T: Statement>(statement: T) -> Result<Payload<T>, CliError> {
    Payload::encode(statement).map_err(|error| CliError::Usage(format!("nothing was signed: {error}")))
}

/// This machine's clock, which may be a little off; the agent allows for that. With its fraction of a
/// second: the same decision made again, after the first became void, is another statement.
fn now() -> Timestamp {
    clock::wall()
}

/// As long as what it is about, and not longer than a decision may count.
fn until(signed: Timestamp, end: Timestamp) -> Timestamp {
    end.min(signed.plus_millis(MAX_PERIOD_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_decisions_in_one_second_are_two() {
        // Only one look in a thousand falls on a whole second.
        assert!((0..1_000_000).any(|_| now() != now().whole_seconds()));
    }
}
