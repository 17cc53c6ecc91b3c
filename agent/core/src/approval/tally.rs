//! Whose decisions count.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Code, Decision, NotCounted, Roster, Verdict, admit};
use crate::decode::memo::Memo;
use crate::key::PublicKey;
use crate::name::Name;
use crate::time::Timestamp;

/// A verified decision of one person that is counted together with others.
pub trait Cast {
    /// What is asked, as the one who counts knows it.
    type Asked;

    /// By which key it was signed.
    fn key(&self) -> &PublicKey;

    /// What it decides.
    fn decision(&self) -> Decision<'_>;

    /// Under which name it was asked for; the decision of whoever asks under it never counts.
    fn requester(asked: &Self::Asked) -> Option<&Name>;

    /// Why it is not taken any more, although an older one of its kind counts.
    fn outdated(&self) -> Option<(Code, String)> {
        None
    }

    /// Why it is not about what is asked, or that is over.
    fn objection(&self, asked: &Self::Asked, now: Timestamp) -> Option<(Code, String)>;
}

/// What the decisions on one thing come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Who approved.
    pub approved: BTreeSet<Name>,
    /// Who refused, in the order given.
    pub refused: Vec<Refusal>,
    /// What does not count, in the order given.
    pub not_counted: Vec<NotCounted>,
}

/// One person's no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Who refused.
    pub approver: Name,
    /// The reason.
    pub why: Memo,
}

/// Counts one decision per person: the first in the order given that counts at all stands.
///
/// `now` is the clock of the one who counts; a decision counts until just before it expires.
pub fn tally<C: Cast>(roster: &Roster, asked: &C::Asked, now: Timestamp, cast: &[C]) -> Tally {
    let mut tally = Tally::default();
    let mut counted: BTreeSet<&Name> = BTreeSet::new();
    for one in cast {
        let Decision { person, verdict, why, .. } = one.decision();
        match check(roster, asked, now, one, &counted) {
            Err((code, why)) => tally.not_counted.push(NotCounted { approver: person.clone(), code, why }),
            Ok(()) => {
                counted.insert(person);
                match verdict {
                    Verdict::Approve => drop(tally.approved.insert(person.clone())),
                    Verdict::Refuse => {
                        tally.refused.push(Refusal { approver: person.clone(), why: why.clone() });
                    }
                }
            }
        }
    }
    tally
}

/// What the decisions come to with one more, or why that one does not count. What is new says all
/// that a decision says today.
pub fn one_more<C: Cast + Clone>(
    roster: &Roster,
    asked: &C::Asked,
    now: Timestamp,
    before: &[C],
    new: &C,
) -> Result<Tally, NotCounted> {
    if let Some((code, why)) = new.outdated() {
        return Err(NotCounted { approver: new.decision().person.clone(), code, why });
    }
    let discounted = tally(roster, asked, now, before).not_counted.len();
    let all: Vec<C> = before.iter().chain([new]).cloned().collect();
    let counted = tally(roster, asked, now, &all);
    // In the order given, so that what is new stands last.
    match counted.not_counted.get(discounted) {
        Some(why) => Err(why.clone()),
        None => Ok(counted),
    }
}

fn check<C: Cast>(
    roster: &Roster,
    asked: &C::Asked,
    now: Timestamp,
    one: &C,
    counted: &BTreeSet<&Name>,
) -> Result<(), (Code, String)> {
    let Decision { person, signed, expires, .. } = one.decision();
    admit::person(roster, one.key(), person)?;
    if let Some(caller) = C::requester(asked).filter(|caller| roster.asking_as(caller).contains(person)) {
        let known = if caller == person { String::new() } else { format!(" as {caller}") };
        let why =
            format!("{person} asked for it{known}, and nobody approves their own request: ask somebody else");
        return Err((Code::Requester, why));
    }
    if let Some(objection) = one.objection(asked, now) {
        return Err(objection);
    }
    admit::signed_by(signed, now)?;
    if now >= expires {
        return Err((Code::Expired, format!("it expired {expires}: decide again")));
    }
    if counted.contains(person) {
        let why = format!("{person} decided before, and the first decision stands: nothing to do");
        return Err((Code::Repeated, why));
    }
    Ok(())
}
