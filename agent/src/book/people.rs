//! What people do with the book: approve, refuse, change the policy, stop accounts.

use std::sync::Arc;

use bursar_core::approval::quorum::Need;
use bursar_core::approval::{Freeze, Lift, NotCounted, Signed, Vote};
use bursar_core::log::Hash;
use bursar_core::name::Name;
use bursar_core::policy::Policy;
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;

use super::inbox::{Inbox, Part};
use super::lineage::Stretch;
use super::record::Way;
use super::request::IdempotencyId;
use super::view::Spend;
use super::{Book, Statement};
use crate::clock::Suspect;
use crate::store::WriteError;

/// What the book answers to a decision on a payment that waits.
#[derive(Debug)]
pub enum Voted {
    /// It was the last one that was missing: to be gone on with.
    Complete(Turn),
    /// It counts; the payment waits for others, or is denied now.
    Counted(Box<Spend>),
    /// It does not count.
    NotCounted(NotCounted),
    /// The payment does not wait any more.
    Over(Box<Spend>),
    /// There is no such payment.
    Unknown(u64),
    /// The clock jumped; nothing was decided.
    Suspect(Suspect),
}

/// An unfinished payment, and under which key it is gone on with: one at a time.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// The spend's id.
    pub spend: u64,
    /// Whose turn it takes.
    pub of: IdempotencyId,
}

/// What the book answers to a decision on a bundle or a frozen account.
#[derive(Debug)]
pub enum Agreement {
    /// It counts; others are missing, or somebody has to put the bundle in force.
    Counted,
    /// That was all: the account is frozen, or goes on; the bundle is out of the question.
    Settled,
    /// It does not count.
    NotCounted(NotCounted),
    /// Nothing of that kind waits.
    Unknown,
    /// The clock jumped; nothing was decided.
    Suspect(Suspect),
}

/// What the book answers to putting a bundle forward.
#[derive(Debug)]
pub enum Proposing {
    /// It waits for those who have to agree, under this number.
    Waits(u64),
    /// It may not follow the one in force, or too many wait already.
    Refused(String),
    /// The clock jumped; nothing was put forward.
    Suspect(Suspect),
}

/// What the book answers to putting a bundle in force.
#[derive(Debug)]
pub enum Install {
    /// It is in force, for ever or until then.
    InForce {
        /// Its version.
        version: u64,
        /// When a break-glass bundle ends.
        until: Option<Timestamp>,
    },
    /// Too few agreed.
    Missing {
        /// How many of whom.
        need: Need,
        /// Who did.
        have: Vec<Name>,
    },
    /// It may not follow the one in force.
    Refused(String),
    /// It was not put forward.
    Unknown,
    /// The clock jumped; nothing was done.
    Suspect(Suspect),
}

impl Book {
    /// The policy bundle in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.in_force.get()
    }

    /// Counts somebody's decision on a payment that waits, and judges it again, whole, when it is
    /// the last one that was missing.
    #[tracing::instrument(name = "book.vote", level = "debug", skip_all)]
    pub async fn vote(&self, vote: Vote) -> Result<Voted, WriteError> {
        self.writer.run(move |book| book.vote(&vote)).await
    }

    /// What waits for a person: a part of it, so that the writer's thread goes on with payments soon.
    pub async fn inbox(&self, part: Part) -> Result<Inbox, WriteError> {
        self.writer.run(move |book| book.inbox(&part)).await
    }

    /// A spend as of now: who has approved it, if it waits; `None` if there is none.
    pub async fn spend(&self, spend: u64) -> Result<Option<Spend>, WriteError> {
        self.writer.run(move |book| book.known(spend)).await
    }

    /// Ends what nobody decided on in time, and a break-glass bundle whose day is over; answers
    /// whether that has put another bundle in force.
    pub async fn lapse(&self) -> Result<bool, WriteError> {
        self.writer.run(|book| book.lapse_all()).await
    }

    /// Puts another bundle forward; answers its number, or why it can never come into force.
    pub async fn propose(
        &self,
        policy: Arc<Policy>,
        way: Way,
        caller: Name,
    ) -> Result<Proposing, WriteError> {
        self.writer.run(move |book| book.propose(&policy, way, caller)).await
    }

    /// Counts somebody's decision on a bundle.
    pub async fn agree(&self, statement: Statement) -> Result<Agreement, WriteError> {
        self.writer.run(move |book| book.agree(&statement)).await
    }

    /// Puts a bundle in force that enough have agreed to: the one behind this number, read. Where
    /// the bundle in force names no administrators, the caller has to be one.
    pub async fn install(
        &self,
        proposal: u64,
        policy: Arc<Policy>,
        roles: Roles,
    ) -> Result<Install, WriteError> {
        self.writer.run(move |book| book.install(proposal, &policy, roles)).await
    }

    /// The text of the bundle behind a number, while it is put forward.
    pub async fn proposed(&self, proposal: u64) -> Result<Option<String>, WriteError> {
        self.writer.run(move |book| book.proposed(proposal)).await
    }

    /// The bundles that came after this one, or the one in force alone; `None` if this one was never
    /// in force for good. [`lineage::shown`](super::lineage::shown) reads them.
    pub async fn lineage(&self, since: Option<Hash>) -> Result<Option<Stretch>, WriteError> {
        self.writer.run(move |book| Ok(book.lineage(since.as_ref()))).await
    }

    /// Stops an account at once.
    pub async fn freeze(&self, freeze: Signed<Freeze>) -> Result<Agreement, WriteError> {
        self.writer.run(move |book| book.freeze(&freeze)).await
    }

    /// Counts somebody's decision whether an account goes on.
    pub async fn lift(&self, lift: Signed<Lift>) -> Result<Agreement, WriteError> {
        self.writer.run(move |book| book.lift(&lift)).await
    }
}
