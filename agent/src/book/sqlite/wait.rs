//! Payments that wait for people.

use std::collections::BTreeSet;

use bursar_core::approval::quorum::{self, Missing, Need};
use bursar_core::approval::{self, Code, Item, NotCounted, Tally, Vote, one_more, tally};
use bursar_core::decode::transfer::{Payload, Transfer};
use bursar_core::name::Name;
use bursar_core::policy::{Denial, DenialCode, Question, Verdict, Wanted, judge};
use bursar_core::time::Timestamp;
use serde_json::value::RawValue;

use super::decide::{Asked, Word};
use super::{BookStore, replay, rows};
use crate::book::hex::Hex;
use crate::book::inbox;
use crate::book::pending::Waiting;
use crate::book::record::{self, Record};
use crate::book::view::{Spend, State};
use crate::book::{Decision, Voted, read};
use crate::store::StoreError;

/// Most payments that wait at the same time; whoever asks for more is denied.
pub const MOST: usize = 10_000;
/// Most of them that one caller asked for, so that nobody takes the places of all others.
pub const MOST_EACH: usize = 4_000;

impl BookStore {
    /// Writes down that a payment waits; what is approved lives as long as the patience.
    pub(super) fn wait(
        &mut self,
        asked: Asked,
        payload: &Payload,
        patience: i64,
        wanted: Vec<Wanted>,
        now: Timestamp,
    ) -> Result<Decision, StoreError> {
        let refuse = |message: String| Denial::plain(DenialCode::Approval, message);
        if self.pending.waiting.len() >= MOST {
            let message = format!("{MOST} payments wait already; have some of them approved or refused");
            return self.deny(None, asked, refuse(message), now);
        }
        let own = self.pending.waiting.values().filter(|waiting| waiting.asked.caller == asked.caller);
        if own.count() >= MOST_EACH {
            let message = format!(
                "{MOST_EACH} payments that {} asked for wait already; have some of them approved or refused",
                asked.caller
            );
            return self.deny(None, asked, refuse(message), now);
        }
        let transfer = payload.transfer().clone();
        let valid_until = transfer.created.plus_millis(patience);
        let payload = match Payload::encode_as(payload.kind(), Transfer { valid_until, ..transfer }) {
            Ok(payload) => payload,
            Err(error) => return self.deny(None, asked, refuse(error.to_string()), now),
        };
        let transfer = payload.transfer();
        let (recipient, decimals) = self.called(transfer);
        let (idem, body) = (asked.idem(), asked.request.hash());
        let waiting = record::Waiting {
            at: now,
            spend: self.next,
            caller: asked.caller,
            roles: asked.roles,
            key: asked.key,
            recipient,
            decimals,
            request: asked.request,
            policy: Hex(self.policy.hash()),
            wanted,
            transfer: read::raw(&payload)?,
            user: asked.user,
        };
        let spend = read::waiting(&waiting, &payload);
        let position = self.append_pending(&Record::Waiting(Box::new(waiting)))?;
        self.insert(spend.id, &idem, &body, State::Waiting, position)?;
        Ok(Decision::Answered(Box::new(spend)))
    }

    /// What an approval of this payment has to be about, as of now.
    pub(super) fn item(&self, waiting: &Waiting) -> Item {
        let transfer = waiting.payload.transfer();
        Item {
            home: self.home,
            request: waiting.asked.spend,
            account: waiting.asked.request.from.clone(),
            ledger: transfer.ledger,
            digest: Hex(waiting.payload.digest()),
            policy: Hex(self.policy.hash()),
            expires: transfer.valid_until,
            requester: Some(waiting.asked.caller.clone()),
            uid: waiting.asked.user.map(|user| user.uid),
        }
    }

    fn asked(&self, waiting: &Waiting) -> approval::Asked {
        approval::Asked { item: self.item(waiting), requester: waiting.asked.caller.clone() }
    }

    /// See [`crate::book::Book::vote`].
    pub fn vote(&mut self, vote: &Vote) -> Result<Voted, StoreError> {
        let now = match self.watch.time() {
            Ok(now) => now,
            Err(suspect) => return Ok(Voted::Suspect(suspect)),
        };
        self.end_break_glass(now)?;
        let id = vote.item().request;
        let Some(waiting) = self.pending.waiting.get(&id) else {
            return Ok(match read::spend(&self.connection, id)? {
                Some(spend) => Voted::Over(Box::new(spend)),
                None => Voted::Unknown(id),
            });
        };
        if now >= waiting.payload.transfer().valid_until {
            self.lapse(id, now)?;
            return Ok(Voted::Over(Box::new(self.stored(id)?)));
        }
        if let Err(why) = one_more(self.policy.roster(), &self.asked(waiting), now, &votes(waiting), vote) {
            return Ok(Voted::NotCounted(why));
        }
        if waiting.void.contains(&vote.ballot().digest()) {
            let why =
                "this decision became void when the policy changed, and does not count again: decide again";
            return Ok(Voted::NotCounted(NotCounted {
                approver: vote.ballot().statement().approver.clone(),
                code: Code::Repeated,
                why: why.to_owned(),
            }));
        }
        let position = self.append_pending(&Record::Voted(record::Voted {
            at: now,
            spend: id,
            vote: self.raw(vote.to_json())?,
        }))?;
        let decision = self.pending.waiting.get(&id).map_or(position, |waiting| waiting.first);
        rows::decide(&self.connection, id, State::Waiting, decision, position)?;
        Ok(match self.reconsider(id, now)? {
            Some(Decision::Reserved(reserved)) => Voted::Complete(self.turn(reserved.spend())?),
            _ => Voted::Counted(Box::new(self.view(id)?)),
        })
    }

    /// Judges a payment that waits again, whole, when all who have to have approved; `None` if it
    /// goes on waiting.
    fn reconsider(&mut self, id: u64, now: Timestamp) -> Result<Option<Decision>, StoreError> {
        let Some(waiting) = self.pending.waiting.get(&id).cloned() else { return Ok(None) };
        let counted = self.counted(&waiting, now);
        if self.wanted(&waiting, &counted.approved, now).is_empty() {
            return self.conclude(waiting, &counted.approved, now).map(Some);
        }
        match self.out_of_reach(&waiting, &counted, now) {
            Some(denial) => self.deny(Some(id), asked(&waiting), denial, now).map(Some),
            None => Ok(None),
        }
    }

    /// After another bundle came into force: every decision before is void, and whatever it refuses
    /// or allows without anybody is decided now.
    pub(super) fn reconsider_all(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.reconsider_frozen(now)?;
        let all: Vec<Waiting> = self.pending.waiting.values().cloned().collect();
        for waiting in all {
            match self.missing(&waiting, &BTreeSet::new(), now) {
                Ok(missing) if missing.is_empty() => {
                    self.conclude(waiting, &BTreeSet::new(), now)?;
                }
                // Looked at outside the hours of a rule, it waits for people all the same.
                Ok(_) | Err(Denial { code: DenialCode::Hours, .. }) => {}
                Err(denial) => {
                    self.deny(Some(waiting.asked.spend), asked(&waiting), denial, now)?;
                }
            }
        }
        Ok(())
    }

    /// The end of the waiting: nobody is missing.
    fn conclude(
        &mut self,
        waiting: Waiting,
        approved: &BTreeSet<Name>,
        now: Timestamp,
    ) -> Result<Decision, StoreError> {
        let (id, asked) = (Some(waiting.asked.spend), asked(&waiting));
        if let Some(denial) = self.turned_out(&asked.caller) {
            return self.deny(id, asked, denial, now);
        }
        let denial = match self.word(&waiting.payload, &asked, approved, now) {
            Word::Allow(permit) => {
                let votes = counted_at(&waiting, approved, now);
                return self.allow(id, asked, waiting.payload, &permit, votes, now);
            }
            Word::Deny(denial) => denial,
            Word::Wait(wanted) => Denial::plain(DenialCode::Approval, list(&wanted)),
        };
        self.deny(id, asked, denial, now)
    }

    /// Ends what nobody approved in time.
    pub fn lapse_all(&mut self) -> Result<bool, StoreError> {
        // While the clock is suspect its time stands still, and nothing is over.
        let now = self.now();
        let before = self.policy.hash();
        self.end_break_glass(now)?;
        let late =
            self.pending.waiting.values().filter(|waiting| waiting.payload.transfer().valid_until <= now);
        let late: Vec<u64> = late.map(|waiting| waiting.asked.spend).collect();
        late.into_iter().try_for_each(|id| self.lapse(id, now))?;
        self.withdraw_late(now)?;
        Ok(self.policy.hash() != before)
    }

    fn lapse(&mut self, id: u64, now: Timestamp) -> Result<(), StoreError> {
        let Some(waiting) = self.pending.waiting.get(&id).cloned() else { return Ok(()) };
        let until = waiting.payload.transfer().valid_until;
        // Who had, in its last moment: afterwards nothing counts.
        let last = until.plus_millis(-1);
        let wanted = self.wanted(&waiting, &self.counted(&waiting, last).approved, last);
        let message = format!(
            "too few approved it in time, until {until}: {}; ask again with a new Idempotency-Key",
            list(&wanted)
        );
        let denial = Denial::plain(DenialCode::Lapsed, message);
        self.deny(Some(id), asked(&waiting), denial, now).map(|_| ())
    }

    /// The decisions on it that count now.
    fn counted(&self, waiting: &Waiting, now: Timestamp) -> Tally {
        tally(self.policy.roster(), &self.asked(waiting), now, &votes(waiting))
    }

    /// Who has to approve still, given who has; `Err` if the bundle in force refuses it anyway.
    fn missing(
        &self,
        waiting: &Waiting,
        voters: &BTreeSet<Name>,
        now: Timestamp,
    ) -> Result<Vec<Wanted>, Denial> {
        let (intent, asked) = (waiting.payload.intent(), asked(waiting));
        let (account, caller) = (&asked.request.from, &asked.caller);
        match judge(&self.policy, &Question { intent: &intent, account, caller, roles: asked.roles, now }) {
            Verdict::Deny(denial) => Err(denial),
            Verdict::Allow(permit) => self.counters.wanted(&permit, voters, now),
        }
    }

    /// Who has to approve still, given who has; where the bundle refuses it now, as when it began to
    /// wait: it is refused in the end, and not because of when somebody has decided on it.
    fn wanted(&self, waiting: &Waiting, voters: &BTreeSet<Name>, now: Timestamp) -> Vec<Wanted> {
        let then = |one: &Wanted| {
            let needs: Vec<Need> = one.missing.iter().map(need).collect();
            Wanted { rule: one.rule.clone(), missing: quorum::missing(&needs, voters) }
        };
        self.missing(waiting, voters, now).unwrap_or_else(|_| {
            let all = waiting.asked.wanted.iter().map(then);
            all.filter(|one| !one.missing.is_empty()).collect()
        })
    }

    /// Those who have not refused are too few: whoever refused does so for good.
    fn out_of_reach(&self, waiting: &Waiting, counted: &Tally, now: Timestamp) -> Option<Denial> {
        if counted.refused.is_empty() {
            return None;
        }
        let refused = |name: &Name| counted.refused.iter().any(|refusal| refusal.approver == *name);
        let people = self.policy.roster().people().filter(|one| !one.revoked && !refused(&one.name));
        let all = people.map(|one| one.name.clone()).collect();
        let never = self.wanted(waiting, &all, now).into_iter().next()?;
        let lacks = |name: &Name| never.missing.iter().any(|missing| missing.of.contains(name));
        let first = counted.refused.iter().find(|refusal| lacks(&refusal.approver))?;
        let message =
            format!("rule \"{}\": {} refused it: {}", never.rule, first.approver, first.why.as_str());
        Some(Denial { code: DenialCode::Approval, rule: Some(never.rule), message })
    }

    /// A payment that waits, as of now.
    pub(super) fn waiting_view(&self, id: u64) -> Option<Spend> {
        let waiting = self.pending.waiting.get(&id)?;
        let now = self.now();
        let wanted = self.wanted(waiting, &self.counted(waiting, now).approved, now);
        let asked = record::Waiting { wanted, ..waiting.asked.clone() };
        Some(read::waiting(&asked, &waiting.payload))
    }

    /// See [`crate::book::Book::inbox`].
    pub fn inbox_payments(&self, part: &inbox::Part) -> (Vec<inbox::Payment>, Option<u64>) {
        let now = self.now();
        let of = |waiting: &Waiting| {
            let counted = self.counted(waiting, now);
            inbox::Payment {
                item: self.item(waiting),
                kind: waiting.payload.kind(),
                transfer: waiting.asked.transfer.clone(),
                caller: waiting.asked.caller.clone(),
                user: waiting.asked.user,
                asked: waiting.asked.at,
                wanted: self.wanted(waiting, &counted.approved, now),
                decided: inbox::decided(&counted),
            }
        };
        let first = part.after.map_or(0, |after| after.saturating_add(1));
        let asked = |waiting: &&Waiting| part.of.as_ref().is_none_or(|of| waiting.asked.caller == *of);
        let mut waiting = self.pending.waiting.range(first..).map(|(_, waiting)| waiting).filter(asked);
        let page: Vec<_> = waiting.by_ref().take(part.limit.min(inbox::PAGE)).collect();
        let next = waiting.next().and_then(|_| page.last()).map(|last| last.asked.spend);
        (page.into_iter().map(of).collect(), next)
    }

    pub(super) fn raw(&self, json: String) -> Result<Box<RawValue>, StoreError> {
        RawValue::from_string(json)
            .map_err(|error| replay::damaged(&self.connection, "a new record".to_owned(), &error.to_string()))
    }
}

fn votes(waiting: &Waiting) -> Vec<Vote> {
    waiting.votes.iter().map(|(_, vote)| vote.clone()).collect()
}

fn asked(waiting: &Waiting) -> Asked {
    let record::Waiting { caller, user, roles, key, request, .. } = waiting.asked.clone();
    Asked { caller, user, roles, key, request }
}

/// What was missing when nobody had decided yet is all that is needed.
fn need(missing: &Missing) -> Need {
    Need { need: missing.need, from: missing.of.clone(), label: missing.label.clone() }
}

fn list(wanted: &[Wanted]) -> String {
    wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Where the log has the approvals that counted at this time, one of each person.
fn counted_at(waiting: &Waiting, approved: &BTreeSet<Name>, now: Timestamp) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    let counts = |(position, vote): &(u64, Vote)| {
        let ballot = vote.ballot().statement();
        let first = now < ballot.expires
            && approved.contains(&ballot.approver)
            && seen.insert(ballot.approver.clone());
        first.then_some(*position)
    };
    waiting.votes.iter().filter_map(counts).collect()
}

/// Why a decision was not counted, in words for the audit log.
pub fn not_counted(why: &NotCounted) -> String {
    format!("a decision of {} does not count: {}", why.approver, why.why)
}
