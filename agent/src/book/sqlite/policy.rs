//! Policy bundles that are put forward, agreed to, and put in force.

use std::sync::Arc;

use bursar_core::approval::quorum::Need;
use bursar_core::approval::{
    Agreements, AskedBundle, BREAK_GLASS_MS, BreakGlass, Cast, Code, NotCounted, PolicyChange, Signed, Tally,
    may_follow, one_more,
};
use bursar_core::log::Hash;
use bursar_core::name::Name;
use bursar_core::policy::Policy;
use bursar_core::role::{Role, Roles};
use bursar_core::time::Timestamp;

use super::BookStore;
use crate::book::hex::Hex;
use crate::book::lineage::Stretch;
use crate::book::pending::Proposal;
use crate::book::record::{self, Record, Way};
use crate::book::{Agreement, Install, Proposing, Shown, in_force, inbox, replay};
use crate::store::StoreError;

/// For how long a bundle may be agreed to, in milliseconds: 7 days.
const PROPOSAL_LIFE: i64 = 7 * 24 * 60 * 60 * 1000;
/// Most bundles put forward at the same time, of each way: what is ordinary leaves room for an emergency.
const MOST: usize = 16;
/// Most of them that one caller put forward.
const MOST_EACH: usize = 4;

impl BookStore {
    /// See [`crate::book::Book::propose`].
    pub fn propose(&mut self, policy: &Policy, way: Way, caller: Name) -> Result<Proposing, StoreError> {
        let now = match self.watch.time() {
            Ok(now) => now,
            Err(suspect) => return Ok(Proposing::Suspect(suspect)),
        };
        self.end_break_glass(now)?;
        self.withdraw_late(now)?;
        if let Err(why) = self.may_follow(policy, way) {
            return Ok(Proposing::Refused(why));
        }
        let same = |known: &&Proposal| known.proposed.policy.0 == policy.hash() && known.proposed.way == way;
        if let Some(known) = self.pending.proposals.values().find(same) {
            return Ok(Proposing::Waits(known.proposed.proposal));
        }
        let alike = || self.pending.proposals.values().filter(|known| known.proposed.way == way);
        if alike().count() >= MOST {
            let why = format!("{MOST} bundles are put forward already; have some of them decided on");
            return Ok(Proposing::Refused(why));
        }
        if alike().filter(|known| known.proposed.caller == caller).count() >= MOST_EACH {
            let why = format!(
                "{MOST_EACH} bundles that {caller} put forward wait already; have some of them decided on"
            );
            return Ok(Proposing::Refused(why));
        }
        in_force::keep(&self.connection, policy)?;
        let proposal = self.pending.latest + 1;
        self.append_pending(&Record::Proposed(record::Proposed {
            at: now,
            proposal,
            way,
            policy: Hex(policy.hash()),
            version: policy.version(),
            previous: Hex(self.policy.hash()),
            caller,
            expires: now.plus_millis(PROPOSAL_LIFE).whole_seconds(),
        }))?;
        Ok(Proposing::Waits(proposal))
    }

    /// May this bundle take the place of the one in force?
    fn may_follow(&self, policy: &Policy, way: Way) -> Result<(), String> {
        let current = &self.policy;
        if self.until.is_some() {
            return Err("a break-glass bundle is in force; the one before comes back first".to_owned());
        }
        if way == Way::BreakGlass && current.break_glass().is_none() {
            return Err(
                "the bundle in force names nobody for break-glass; only its administrators can change it"
                    .to_owned(),
            );
        }
        may_follow(current, policy, |asset| self.decimals.get(asset).copied()).map_err(|why| why.to_string())
    }

    fn asked_bundle(&self, proposal: &Proposal) -> AskedBundle {
        let record::Proposed { version, policy, previous, .. } = proposal.proposed;
        AskedBundle { home: self.home, version, sha256: policy, previous }
    }

    /// See [`crate::book::Book::agree`].
    pub fn agree(&mut self, statement: &Statement) -> Result<Agreement, StoreError> {
        let now = match self.watch.time() {
            Ok(now) => now,
            Err(suspect) => return Ok(Agreement::Suspect(suspect)),
        };
        self.end_break_glass(now)?;
        self.withdraw_late(now)?;
        let sha256 = statement.sha256();
        let known = self
            .pending
            .proposals
            .values()
            .find(|known| known.proposed.policy == sha256 && known.proposed.way == statement.way());
        let Some(proposal) = known else { return Ok(Agreement::Unknown) };
        let number = proposal.proposed.proposal;
        let asked = self.asked_bundle(proposal);
        let counted = match (&proposal.decisions, statement) {
            (Agreements::Change(before), Statement::Change(new)) => {
                one_more(self.policy.administrator_roster(), &asked, now, before, new)
            }
            (Agreements::BreakGlass(before), Statement::BreakGlass(new)) => {
                one_more(self.policy.roster(), &asked, now, before, new)
            }
            _ => return Ok(Agreement::Unknown),
        };
        if let Err(why) = counted {
            return Ok(Agreement::NotCounted(why));
        }
        if self.pending.agreed.contains(&statement.digest()) {
            // Of a proposal that is over: perhaps of a break-glass whose day has passed.
            let why = "this decision was taken before, on a bundle that was put forward earlier, and each counts once: decide again";
            return Ok(Agreement::NotCounted(NotCounted {
                approver: statement.person().clone(),
                code: Code::Repeated,
                why: why.to_owned(),
            }));
        }
        let envelope = self.raw(statement.to_json())?;
        self.append_pending(&Record::Agreed(record::Agreed { at: now, proposal: number, envelope }))?;
        if let Some(why) = self.out_of_the_question(number, now) {
            self.append_pending(&Record::Withdrawn(record::Withdrawn { at: now, proposal: number, why }))?;
            return Ok(Agreement::Settled);
        }
        Ok(Agreement::Counted)
    }

    fn decided(&self, proposal: &Proposal, now: Timestamp) -> Tally {
        proposal.decisions.tally(&self.policy, &self.asked_bundle(proposal), now)
    }

    /// Too many refused it for the others to be enough.
    fn out_of_the_question(&self, number: u64, now: Timestamp) -> Option<String> {
        let proposal = self.pending.proposals.get(&number)?;
        let counted = self.decided(proposal, now);
        let first = counted.refused.first()?;
        let need = proposal.decisions.need(&self.policy);
        let refused = |name: &&Name| counted.refused.iter().any(|refusal| refusal.approver == **name);
        let left = need.from.iter().filter(|name| !refused(name)).count();
        (left < need.need as usize).then(|| format!("{} refused it: {}", first.approver, first.why.as_str()))
    }

    /// Takes off what nobody agreed to in time.
    pub(super) fn withdraw_late(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let late = self.pending.proposals.values().filter(|known| known.proposed.expires <= now);
        let late: Vec<u64> = late.map(|known| known.proposed.proposal).collect();
        late.into_iter().try_for_each(|proposal| {
            let why = "too few agreed in time".to_owned();
            self.append_pending(&Record::Withdrawn(record::Withdrawn { at: now, proposal, why })).map(|_| ())
        })
    }

    /// See [`crate::book::Book::install`].
    pub fn install(
        &mut self,
        number: u64,
        policy: &Arc<Policy>,
        roles: Roles,
    ) -> Result<Install, StoreError> {
        let now = match self.watch.time() {
            Ok(now) => now,
            Err(suspect) => return Ok(Install::Suspect(suspect)),
        };
        self.end_break_glass(now)?;
        self.withdraw_late(now)?;
        let known = self.pending.proposals.get(&number).cloned();
        let Some(proposal) = known.filter(|known| known.proposed.policy.0 == policy.hash()) else {
            return Ok(Install::Unknown);
        };
        let way = proposal.proposed.way;
        if way == Way::Change && self.policy.administrators().is_none() && !roles.has(Role::Administrator) {
            let why = "the bundle in force names no administrators who could agree: a caller with the role \
                       administrator puts another in force";
            return Ok(Install::Refused(why.to_owned()));
        }
        let need = proposal.decisions.need(&self.policy);
        let counted = self.decided(&proposal, now);
        if !need.is_met(&counted.approved) {
            return Ok(Install::Missing { need, have: counted.approved.into_iter().collect() });
        }
        // Once more: what was in force when it was put forward may be another bundle now.
        if let Err(why) = self.may_follow(policy, way) {
            return Ok(Install::Refused(why));
        }
        let before = self.policy.hash();
        let until = (way == Way::BreakGlass).then(|| now.plus_millis(BREAK_GLASS_MS));
        let record = record::InForce {
            at: now,
            policy: Hex(policy.hash()),
            proposal: Some(number),
            until,
            then: until.map(|_| Hex(before)),
        };
        self.enact(policy, record)?;
        self.reconsider_all(now)?;
        Ok(Install::InForce { version: policy.version(), until })
    }

    /// Puts a bundle in force: the record, the budgets as it counts them, and everybody who reads it.
    pub(super) fn enact(&mut self, policy: &Arc<Policy>, record: record::InForce) -> Result<(), StoreError> {
        in_force::keep(&self.connection, policy)?;
        let until = record.until.zip(record.then.map(|then| then.0));
        let position = self.append_pending(&Record::Policy(record))?;
        in_force::point(&self.connection, position)?;
        self.log.save(&self.connection)?;
        let past = replay::replay(&self.connection, policy, |_| ())?;
        self.counters = past.counters;
        for (id, again) in past.open {
            if let Some(open) = self.open.get_mut(&id) {
                open.draws = again.draws;
            }
        }
        (self.policy, self.until) = (policy.clone(), until);
        self.in_force.set(policy.clone());
        Ok(())
    }

    /// Goes back to the bundle before when the day of a break-glass bundle is over.
    pub(super) fn end_break_glass(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let Some((_, then)) = self.until.filter(|(until, _)| *until <= now) else { return Ok(()) };
        tracing::warn!("break-glass is over: the policy bundle before it is in force again");
        self.go_back(then, now)
    }

    fn go_back(&mut self, then: Hash, now: Timestamp) -> Result<(), StoreError> {
        let policy = Arc::new(in_force::bundle(&self.connection, &then)?);
        let record = record::InForce { at: now, policy: Hex(then), proposal: None, until: None, then: None };
        self.enact(&policy, record)?;
        self.reconsider_all(now)
    }

    /// See [`crate::book::Book::proposed`].
    pub fn proposed(&self, proposal: u64) -> Result<Option<String>, StoreError> {
        let known = self.pending.proposals.get(&proposal);
        known.map(|known| in_force::text(&self.connection, &known.proposed.policy.0)).transpose()
    }

    /// See [`crate::book::Book::inbox`].
    pub fn inbox_proposals(&self) -> Vec<inbox::Proposal> {
        let now = self.now();
        let of = |known: &Proposal| {
            let decided = inbox::decided(&self.decided(known, now));
            let record::Proposed { at, proposal, way, policy, version, previous, ref caller, expires } =
                known.proposed;
            let Need { need, from, .. } = known.decisions.need(&self.policy);
            let (caller, asked) = (caller.clone(), at);
            inbox::Proposal {
                proposal,
                way,
                policy,
                version,
                previous,
                caller,
                asked,
                expires,
                need,
                from,
                decided,
            }
        };
        self.pending.proposals.values().map(of).collect()
    }

    /// See [`crate::book::Book::inbox`].
    pub fn inbox(&self, part: &inbox::Part) -> Result<inbox::Inbox, StoreError> {
        let (policy, until) = self.as_of_now()?;
        let (payments, next) = self.inbox_payments(part);
        let whole = part.after.is_none();
        let proposals = if whole { self.inbox_proposals() } else { Vec::new() };
        let asked = |proposal: &inbox::Proposal| part.of.as_ref().is_none_or(|of| proposal.caller == *of);
        Ok(inbox::Inbox {
            home: self.home,
            policy: Hex(policy.hash()),
            version: policy.version(),
            until,
            payments,
            proposals: proposals.into_iter().filter(asked).collect(),
            frozen: if whole && part.of.is_none() { self.inbox_frozen() } else { Vec::new() },
            next,
        })
    }

    /// The bundle in force for people to see, and until when. A break-glass bundle whose day is over
    /// is not shown as in force, though its end is recorded only with the next look at what is over.
    pub(super) fn as_of_now(&self) -> Result<(Arc<Policy>, Option<Timestamp>), StoreError> {
        let standing = in_force::Standing { policy: self.policy.clone(), until: self.until };
        let standing = standing.at(&self.connection, self.now())?;
        Ok((standing.policy, standing.until.map(|(until, _)| until)))
    }

    /// See [`crate::book::Book::shown`].
    pub fn shown(&self) -> Result<Shown, StoreError> {
        let (policy, until) = self.as_of_now()?;
        // Those of the bundle before are counted when it is in force again.
        let is_counted = policy.hash() == self.policy.hash();
        let budgets = if is_counted { self.counters.standings(&policy, self.now()) } else { Vec::new() };
        Ok(Shown { policy, until, budgets })
    }

    /// See [`crate::book::Book::lineage`].
    pub fn lineage(&self, since: Option<&Hash>) -> Option<Stretch> {
        self.pending.lineage.after(self.home, since, self.now())
    }
}

/// A decision on a bundle, whichever way it would come into force.
#[derive(Clone, Debug)]
pub enum Statement {
    /// An administrator's.
    Change(Signed<PolicyChange>),
    /// An approver's.
    BreakGlass(Signed<BreakGlass>),
}

impl Statement {
    fn way(&self) -> Way {
        match self {
            Self::Change(_) => Way::Change,
            Self::BreakGlass(_) => Way::BreakGlass,
        }
    }

    fn digest(&self) -> Hash {
        match self {
            Self::Change(signed) => signed.digest(),
            Self::BreakGlass(signed) => signed.digest(),
        }
    }

    fn person(&self) -> &Name {
        match self {
            Self::Change(signed) => signed.decision().person,
            Self::BreakGlass(signed) => signed.decision().person,
        }
    }

    fn sha256(&self) -> Hex<32> {
        match self {
            Self::Change(signed) => signed.statement().sha256,
            Self::BreakGlass(signed) => signed.statement().sha256,
        }
    }

    fn to_json(&self) -> String {
        match self {
            Self::Change(signed) => signed.to_json(),
            Self::BreakGlass(signed) => signed.to_json(),
        }
    }
}
