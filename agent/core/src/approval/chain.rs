//! How one bundle came after another, up to the one in force, as somebody verifies it who has only
//! the first: each step has to be agreed to by those whom the bundle before it names.
//!
//! What the decisions say is proved by their signatures. The time at which a step came into force is
//! the word of whoever shows it: all decisions that it takes have to count at that time, so none is
//! used after it expired together with others, and the steps are in order.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::{
    Agreements, AskedBundle, BREAK_GLASS_MS, BreakGlass, HomeId, MAX_EARLY_MS, NotCounted, PolicyChange,
    Signed, SuccessionError, may_follow,
};
use crate::hex::Hex;
use crate::name::Name;
use crate::policy::Policy;
use crate::time::Timestamp;

/// Steps from one's own bundle on, each verified.
#[derive(Clone, Debug)]
pub struct Chain {
    home: HomeId,
    now: Timestamp,
    last: Arc<Policy>,
    /// When the last one came into force.
    since: Timestamp,
    steps: Vec<Agreed>,
    emergency: Option<Emergency>,
}

/// A step that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The version that came into force.
    pub version: u64,
    /// SHA-256 of its text.
    pub sha256: Hex<32>,
    /// When, by the word of whoever shows it.
    pub at: Timestamp,
    /// Who agreed; nobody where the bundle before names no administrators.
    pub by: BTreeSet<Name>,
}

/// A bundle that holds for a day in place of the last one.
#[derive(Clone, Debug)]
pub struct Emergency {
    /// The bundle.
    pub policy: Arc<Policy>,
    /// From then on the last one of the chain is in force again.
    pub until: Timestamp,
    /// Who agreed.
    pub by: BTreeSet<Name>,
}

/// A chain that ends with the bundle in force.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The last bundle that stays; break-glass does not change which that is.
    pub policy: Arc<Policy>,
    /// How it was reached, the oldest step first; none if it is one's own bundle.
    pub steps: Vec<Agreed>,
    /// What is in force in its place today.
    pub emergency: Option<Emergency>,
}

/// Why a step does not follow, or the chain does not end where it has to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// It may follow under no circumstances.
    #[error("version {version} cannot follow version {before}: {why}")]
    Succession {
        /// The version that is to follow.
        version: u64,
        /// The one before.
        before: u64,
        /// Why not.
        why: SuccessionError,
    },
    /// Those who have to agree did not.
    #[error("version {version} was not agreed to by those whom version {before} names: {few}")]
    TooFew {
        /// The version that is to follow.
        version: u64,
        /// The one before.
        before: u64,
        /// How many of whom, who did, and what does not count.
        few: Few,
    },
    /// In force from a time that has not come.
    #[error("version {version} came into force {at}, and it is {now} here; set this machine's clock")]
    Early {
        /// The version.
        version: u64,
        /// When it is said to have come into force.
        at: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// In force before the one before it.
    #[error("version {version} came into force {at}, before the version that it follows, {since}")]
    Order {
        /// The version.
        version: u64,
        /// When it is said to have come into force.
        at: Timestamp,
        /// When the one before did.
        since: Timestamp,
    },
    /// The day of break-glass is over.
    #[error("version {version} was for an emergency until {until}, and it is {now} here")]
    Over {
        /// The version.
        version: u64,
        /// Its end.
        until: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// The end is another one.
    #[error(
        "the versions that are shown end with version {version} (sha-256 {found}), and {wanted} is said to be in force"
    )]
    End {
        /// The last version that was shown.
        version: u64,
        /// SHA-256 of it.
        found: Hex<32>,
        /// SHA-256 of the bundle in force.
        wanted: Hex<32>,
    },
}

/// A quorum that was not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Few {
    /// How many have to agree.
    pub need: u32,
    /// What they are called.
    pub label: String,
    /// Whose decisions count.
    pub have: BTreeSet<Name>,
    /// What does not count.
    pub not_counted: Vec<NotCounted>,
}

impl fmt::Display for Few {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let have: Vec<_> = self.have.iter().map(Name::as_str).collect();
        let have = if have.is_empty() { "nobody".to_owned() } else { have.join(", ") };
        write!(f, "{} of {} have to, and {have} did", self.need, self.label)?;
        let mut not = self.not_counted.iter();
        not.try_for_each(|not| write!(f, "; what {} signed does not count: {}", not.approver, not.why))
    }
}

impl Chain {
    /// From one's own bundle on, for the home of this id; `now` is the verifier's own clock.
    pub fn begin(home: HomeId, own: Arc<Policy>, now: Timestamp) -> Self {
        Self { home, now, last: own, since: Timestamp::EPOCH, steps: Vec::new(), emergency: None }
    }

    /// The last bundle so far.
    pub fn last(&self) -> &Arc<Policy> {
        &self.last
    }

    /// One step further: a bundle that came into force for good.
    ///
    /// # Errors
    /// When it may not follow, or those whom the bundle before names did not agree.
    pub fn follow(
        &mut self,
        at: Timestamp,
        policy: Arc<Policy>,
        agreements: Vec<Signed<PolicyChange>>,
    ) -> Result<(), ChainError> {
        let by = self.agreed(at, &policy, &Agreements::Change(agreements))?;
        self.steps.push(Agreed { version: policy.version(), sha256: Hex(policy.hash()), at, by });
        (self.last, self.since) = (policy, at);
        Ok(())
    }

    /// A bundle that is in force for a day in place of the last one. Nothing follows it: when the day
    /// is over the chain goes on from that last one.
    ///
    /// # Errors
    /// As [`Chain::follow`], of the break-glass quorum; and when the day is over.
    pub fn break_glass(
        &mut self,
        at: Timestamp,
        policy: Arc<Policy>,
        agreements: Vec<Signed<BreakGlass>>,
    ) -> Result<(), ChainError> {
        let by = self.agreed(at, &policy, &Agreements::BreakGlass(agreements))?;
        let (until, now) = (at.plus_millis(BREAK_GLASS_MS), self.now);
        if until <= now {
            return Err(ChainError::Over { version: policy.version(), until, now });
        }
        self.emergency = Some(Emergency { policy, until, by });
        Ok(())
    }

    /// Does it end with the bundle that is said to be in force?
    ///
    /// # Errors
    /// When it does not.
    pub fn end(self, in_force: &Hex<32>) -> Result<Followed, ChainError> {
        let Self { last: policy, steps, emergency, .. } = self;
        let shown = emergency.as_ref().map_or(&policy, |emergency| &emergency.policy);
        let (version, found) = (shown.version(), Hex(shown.hash()));
        if found != *in_force {
            return Err(ChainError::End { version, found, wanted: *in_force });
        }
        Ok(Followed { policy, steps, emergency })
    }

    fn agreed(
        &self,
        at: Timestamp,
        policy: &Policy,
        agreements: &Agreements,
    ) -> Result<BTreeSet<Name>, ChainError> {
        let (version, before) = (policy.version(), self.last.version());
        if at.millis() - self.now.millis() > MAX_EARLY_MS {
            return Err(ChainError::Early { version, at, now: self.now });
        }
        if at < self.since {
            return Err(ChainError::Order { version, at, since: self.since });
        }
        let need = agreements.need(&self.last);
        let succession = match may_follow(&self.last, policy, |_| None) {
            // A file that nobody has to agree to is taken over under the same number as well.
            Err(SuccessionError::Version { new, current }) if need.need == 0 && new == current => Ok(()),
            other => other,
        };
        succession.map_err(|why| ChainError::Succession { version, before, why })?;
        let (sha256, previous) = (Hex(policy.hash()), Hex(self.last.hash()));
        let asked = AskedBundle { home: self.home, version, sha256, previous };
        let counted = agreements.tally(&self.last, &asked, at);
        if need.is_met(&counted.approved) {
            return Ok(counted.approved);
        }
        let few = Few {
            need: need.need,
            label: need.label,
            have: counted.approved,
            not_counted: counted.not_counted,
        };
        Err(ChainError::TooFew { version, before, few })
    }
}
