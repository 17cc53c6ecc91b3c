//! What waits for people: payments, policy bundles, frozen accounts.
//!
//! It follows from the records alone: the book changes it by [`Pending::take`] of a record that it
//! has appended, and a replay by the same call with the record that it has read.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use bursar_core::approval::{Agreements, Freeze, Lift, Signed, Vote};
use bursar_core::decode::transfer::Payload;
use bursar_core::log::Hash;
use bursar_core::name::Name;
use bursar_core::policy::{Denial, DenialCode, Explanation, Policy};

use super::lineage::Lineage;
use super::record::{self, Record, Way};

/// A payment that waits for approvals.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What was asked.
    pub asked: record::Waiting,
    /// The exact bytes that are approved, and then signed.
    pub payload: Payload,
    /// Where the log began to wait.
    pub first: u64,
    /// The decisions under the bundle in force, and where the log has them.
    pub votes: Vec<(u64, Vote)>,
    /// Digests of the ballots that a change of the bundle made void: none counts again, though the
    /// bundle that it was given under comes back after break-glass.
    pub void: HashSet<Hash>,
}

/// A bundle that was put forward.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What was put forward.
    pub proposed: record::Proposed,
    /// Who decided how.
    pub decisions: Agreements,
    /// Where the log has these decisions.
    pub positions: Vec<u64>,
}

/// An account that was stopped.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// By whom and why.
    pub freeze: Signed<Freeze>,
    /// Who else wants it stopped; it goes on all the same when the first freeze is lifted.
    pub others: BTreeSet<Name>,
    /// Who decided whether it goes on.
    pub lifts: Vec<Signed<Lift>>,
}

/// Everything that waits.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    /// By spend.
    pub waiting: BTreeMap<u64, Waiting>,
    /// By number.
    pub proposals: BTreeMap<u64, Proposal>,
    /// By account.
    pub frozen: BTreeMap<Name, Stopped>,
    /// Digests of all freezes ever taken: each stops an account once.
    pub freezes: HashSet<Hash>,
    /// Digests of all decisions on bundles ever taken: each counts for one proposal alone.
    pub agreed: HashSet<Hash>,
    /// The number of the latest proposal.
    pub latest: u64,
    /// How the bundle in force came to be.
    pub lineage: Lineage,
}

impl Pending {
    /// Why nothing leaves this account, if it is frozen; by this bundle it is lifted.
    pub fn frozen(&self, account: &Name, policy: &Policy) -> Option<Denial> {
        let freeze = self.frozen.get(account)?.freeze.statement();
        let need = policy.lift_need();
        let why = match freeze.why.as_str() {
            "" => String::new(),
            why => format!(" ({why})"),
        };
        let message = format!(
            "the account {account} is frozen by {}{why} since {}; {} of {} let it go on: `bursar approve lift-{account}`",
            freeze.approver, freeze.signed, need.need, need.label
        );
        Some(Denial::plain(DenialCode::Frozen, message))
    }

    /// What a bundle says of a payment from this account, unless that is frozen: then nothing would be allowed.
    pub fn explained(&self, account: &Name, policy: &Policy, explanation: Explanation) -> Explanation {
        match self.frozen(account, policy) {
            None => explanation,
            denial => Explanation {
                allowed: false,
                denial,
                approvals: Vec::new(),
                instead: Vec::new(),
                ..explanation
            },
        }
    }

    /// Takes over what a record says. `Err` says what does not fit: the log contradicts itself.
    pub fn take(&mut self, position: u64, record: &Record) -> Result<(), String> {
        match record {
            Record::Waiting(asked) => self.wait(position, asked),
            Record::Voted(voted) => {
                let waiting =
                    self.waiting.get_mut(&voted.spend).ok_or("it decides on a spend that does not wait")?;
                let vote = Vote::parse(voted.vote.get().as_bytes()).map_err(|error| error.to_string())?;
                waiting.votes.push((position, vote));
                Ok(())
            }
            Record::Allowed(allowed) => {
                self.waiting.remove(&allowed.spend);
                Ok(())
            }
            Record::Denied(denied) => {
                self.waiting.remove(&denied.spend);
                Ok(())
            }
            // Every decision was about the bundle before, or one to follow it: it is void.
            Record::Policy(in_force) => {
                let proposal = in_force.proposal.and_then(|number| self.proposals.get(&number));
                let agreed = proposal.map(|known| known.positions.clone()).unwrap_or_default();
                self.lineage.take(in_force, agreed);
                for waiting in self.waiting.values_mut() {
                    let votes = waiting.votes.drain(..);
                    waiting.void.extend(votes.map(|(_, vote)| vote.ballot().digest()));
                }
                self.proposals.clear();
                Ok(())
            }
            Record::Proposed(proposed) => self.propose(proposed),
            Record::Agreed(agreed) => self.agree(position, agreed),
            Record::Withdrawn(withdrawn) => {
                let known = self.proposals.remove(&withdrawn.proposal);
                known.map(|_| ()).ok_or_else(|| "it withdraws what was not put forward".to_owned())
            }
            Record::Frozen(frozen) => self.freeze(frozen),
            Record::LiftVoted(voted) => {
                let stopped = self.frozen.get_mut(&voted.account).ok_or("its account is not frozen")?;
                let lift =
                    Signed::parse(voted.envelope.get().as_bytes()).map_err(|error| error.to_string())?;
                stopped.lifts.push(lift);
                Ok(())
            }
            Record::Lifted(lifted) => {
                let known = self.frozen.remove(&lifted.account);
                known.map(|_| ()).ok_or_else(|| "its account is not frozen".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn wait(&mut self, first: u64, asked: &record::Waiting) -> Result<(), String> {
        let bytes = asked.transfer.get().as_bytes().to_vec();
        let payload = Payload::decode(asked.request.action, bytes).map_err(|error| error.to_string())?;
        let waiting =
            Waiting { asked: asked.clone(), payload, first, votes: Vec::new(), void: HashSet::new() };
        match self.waiting.insert(asked.spend, waiting) {
            None => Ok(()),
            Some(_) => Err("its spend waits already".to_owned()),
        }
    }

    fn propose(&mut self, proposed: &record::Proposed) -> Result<(), String> {
        if proposed.proposal != self.latest + 1 {
            return Err("its number is out of order".to_owned());
        }
        self.latest = proposed.proposal;
        let decisions = match proposed.way {
            Way::Change => Agreements::Change(Vec::new()),
            Way::BreakGlass => Agreements::BreakGlass(Vec::new()),
        };
        let proposal = Proposal { proposed: proposed.clone(), decisions, positions: Vec::new() };
        self.proposals.insert(proposed.proposal, proposal);
        Ok(())
    }

    fn agree(&mut self, position: u64, agreed: &record::Agreed) -> Result<(), String> {
        let proposal =
            self.proposals.get_mut(&agreed.proposal).ok_or("it decides on what was not put forward")?;
        let json = agreed.envelope.get().as_bytes();
        proposal.positions.push(position);
        match &mut proposal.decisions {
            Agreements::Change(decisions) => {
                let decision = Signed::parse(json).map_err(|error| error.to_string())?;
                self.agreed.insert(decision.digest());
                decisions.push(decision);
            }
            Agreements::BreakGlass(decisions) => {
                let decision = Signed::parse(json).map_err(|error| error.to_string())?;
                self.agreed.insert(decision.digest());
                decisions.push(decision);
            }
        }
        Ok(())
    }

    fn freeze(&mut self, frozen: &record::Frozen) -> Result<(), String> {
        let freeze: Signed<Freeze> =
            Signed::parse(frozen.envelope.get().as_bytes()).map_err(|error| error.to_string())?;
        if freeze.statement().account != frozen.account || !self.freezes.insert(freeze.digest()) {
            return Err("it is a freeze of another account, or an old one".to_owned());
        }
        match self.frozen.entry(frozen.account.clone()) {
            Entry::Occupied(mut stopped) => {
                stopped.get_mut().others.insert(freeze.statement().approver.clone());
            }
            Entry::Vacant(account) => {
                account.insert(Stopped { freeze, others: BTreeSet::new(), lifts: Vec::new() });
            }
        }
        Ok(())
    }
}
