//! Payments that wait for people.

use std::collections::BTreeSet;

use bursar_core::approval::quorum::{Need, feasible};
use bursar_core::approval::{self, Item, NotCounted, Tally, Vote, tally};
use bursar_core::decode::transfer::{Payload, Transfer};
use bursar_core::name::Name;
use bursar_core::policy::{Denial, DenialCode, Wanted};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use serde_json::value::RawValue;

use super::decide::{Asked, Word};
use super::{BookStore, replay, rows};
use crate::book::hex::Hex;
use crate::book::inbox;
use crate::book::pending::Waiting;
use crate::book::record::{self, Record};
use crate::book::request::idempotency_id;
use crate::book::view::{Spend, State};
use crate::book::{Decision, Voted, read};
use crate::store::StoreError;

/// Most payments that wait at the same time; whoever asks for more is denied.
pub const MOST: usize = 10_000;

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
        let transfer = payload.transfer().clone();
        let valid_until = transfer.created.plus_millis(patience);
        let payload = match Payload::encode_as(payload.kind(), Transfer { valid_until, ..transfer }) {
            Ok(payload) => payload,
            Err(error) => return self.deny(None, asked, refuse(error.to_string()), now),
        };
        let transfer = payload.transfer();
        let asset = self.policy.asset(transfer.asset.as_str());
        let recipient = self.policy.recipient_at(&transfer.to);
        let (idem, body) = (idempotency_id(&asked.caller, &asked.key), asked.request.hash());
        let waiting = record::Waiting {
            at: now,
            spend: self.next,
            caller: asked.caller,
            roles: asked.roles.iter().collect(),
            key: asked.key,
            recipient: recipient.map_or_else(|| transfer.asset.clone(), |found| found.name.clone()),
            decimals: asset.map_or(0, bursar_core::amount::Asset::decimals),
            request: asked.request,
            policy: Hex(self.policy.hash()),
            wanted,
            transfer: read::raw(&payload)?,
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
        }
    }

    fn tally(&self, waiting: &Waiting, votes: &[Vote], now: Timestamp) -> Tally {
        let asked = approval::Asked { item: self.item(waiting), requester: waiting.asked.caller.clone() };
        tally(self.policy.roster(), &asked, now, votes)
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
        let mut votes: Vec<Vote> = waiting.votes.iter().map(|(_, vote)| vote.clone()).collect();
        let before = self.tally(waiting, &votes, now).not_counted.len();
        votes.push(vote.clone());
        if let Some(why) = self.tally(waiting, &votes, now).not_counted.into_iter().nth(before) {
            return Ok(Voted::NotCounted(why));
        }
        let position = self.append_pending(&Record::Voted(record::Voted {
            at: now,
            spend: id,
            vote: self.raw(vote.to_json())?,
        }))?;
        let decision = self.pending.waiting.get(&id).map_or(position, |waiting| waiting.first);
        rows::decide(&self.connection, id, State::Waiting, decision, position)?;
        match self.reconsider(id, now)? {
            Some(Decision::Reserved(reserved)) => Ok(Voted::Reserved(reserved)),
            Some(Decision::Answered(spend)) => Ok(Voted::Counted(spend)),
            _ => Ok(Voted::Counted(Box::new(match self.waiting_view(id) {
                Some(spend) => spend,
                None => self.stored(id)?,
            }))),
        }
    }

    /// Judges a payment that waits again, whole; `None` if it goes on waiting.
    pub(super) fn reconsider(&mut self, id: u64, now: Timestamp) -> Result<Option<Decision>, StoreError> {
        let Some(waiting) = self.pending.waiting.get(&id).cloned() else { return Ok(None) };
        let votes: Vec<Vote> = waiting.votes.iter().map(|(_, vote)| vote.clone()).collect();
        let counted = self.tally(&waiting, &votes, now);
        let asked = asked(&waiting);
        match self.word(&waiting.payload, &asked, &counted.approved, now) {
            Word::Deny(denial) => self.deny(Some(id), asked, denial, now).map(Some),
            Word::Allow(permit) => {
                let positions = waiting
                    .votes
                    .iter()
                    .filter(|(_, vote)| counted.approved.contains(&vote.ballot().statement().approver))
                    .map(|(position, _)| *position)
                    .collect();
                self.allow(Some(id), asked, waiting.payload, &permit, positions, now).map(Some)
            }
            Word::Wait(wanted) => match out_of_reach(&wanted, &counted) {
                Some(denial) => self.deny(Some(id), asked, denial, now).map(Some),
                None => Ok(None),
            },
        }
    }

    /// After another bundle came into force: every decision before is void.
    pub(super) fn reconsider_all(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let waiting: Vec<u64> = self.pending.waiting.keys().copied().collect();
        for id in waiting {
            self.reconsider(id, now)?;
        }
        Ok(())
    }

    /// Ends what nobody approved in time.
    pub fn lapse_all(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        self.end_break_glass(now)?;
        let late =
            self.pending.waiting.values().filter(|waiting| waiting.payload.transfer().valid_until <= now);
        let late: Vec<u64> = late.map(|waiting| waiting.asked.spend).collect();
        late.into_iter().try_for_each(|id| self.lapse(id, now))?;
        self.withdraw_late(now)
    }

    fn lapse(&mut self, id: u64, now: Timestamp) -> Result<(), StoreError> {
        let Some(waiting) = self.pending.waiting.get(&id).cloned() else { return Ok(()) };
        let until = waiting.payload.transfer().valid_until;
        let wanted: Vec<_> = self.wanted(&waiting, now).iter().map(ToString::to_string).collect();
        let message = format!(
            "nobody approved it in time, until {until}: {}; ask again with a new Idempotency-Key",
            wanted.join("; ")
        );
        let denial = Denial::plain(DenialCode::Lapsed, message);
        self.deny(Some(id), asked(&waiting), denial, now).map(|_| ())
    }

    /// Who has to approve, given who has.
    fn wanted(&self, waiting: &Waiting, now: Timestamp) -> Vec<Wanted> {
        let votes: Vec<Vote> = waiting.votes.iter().map(|(_, vote)| vote.clone()).collect();
        let counted = self.tally(waiting, &votes, now);
        let draft = asked(waiting);
        self.would_want(&waiting.payload, &draft, &counted.approved, now)
            .unwrap_or_else(|| waiting.asked.wanted.clone())
    }

    /// A payment that waits, as of now.
    pub(super) fn waiting_view(&self, id: u64) -> Option<Spend> {
        let waiting = self.pending.waiting.get(&id)?;
        let wanted = self.wanted(waiting, self.now());
        let asked = record::Waiting { wanted, ..waiting.asked.clone() };
        Some(read::waiting(&asked, &waiting.payload))
    }

    /// See [`crate::book::Book::inbox`].
    pub fn inbox_payments(&self) -> Vec<inbox::Payment> {
        let now = self.now();
        let of = |waiting: &Waiting| {
            let decided = waiting.votes.iter().map(|(_, vote)| {
                let ballot = vote.ballot().statement();
                (ballot.approver.clone(), ballot.verdict)
            });
            inbox::Payment {
                item: self.item(waiting),
                kind: waiting.payload.kind(),
                transfer: waiting.asked.transfer.clone(),
                caller: waiting.asked.caller.clone(),
                asked: waiting.asked.at,
                wanted: self.wanted(waiting, now),
                decided: decided.map(|(person, verdict)| inbox::Decided { person, verdict }).collect(),
            }
        };
        self.pending.waiting.values().map(of).collect()
    }

    pub(super) fn raw(&self, json: String) -> Result<Box<RawValue>, StoreError> {
        RawValue::from_string(json)
            .map_err(|error| replay::damaged(&self.connection, "a new record".to_owned(), &error.to_string()))
    }
}

fn asked(waiting: &Waiting) -> Asked {
    let record::Waiting { caller, roles, key, request, .. } = waiting.asked.clone();
    Asked { caller, roles: roles.into_iter().collect::<Roles>(), key, request }
}

/// Those who could still approve are too few: whoever refused does so for good.
fn out_of_reach(wanted: &[Wanted], counted: &Tally) -> Option<Denial> {
    let first = counted.refused.first()?;
    let refused: BTreeSet<&Name> = counted.refused.iter().map(|refusal| &refusal.approver).collect();
    for one in wanted {
        let needs: Vec<Need> = one
            .missing
            .iter()
            .map(|missing| Need {
                need: missing.need,
                from: missing.have.iter().chain(&missing.of).cloned().collect(),
                label: missing.label.clone(),
            })
            .collect();
        let can = needs.iter().flat_map(|need| &need.from).filter(|name| !refused.contains(name)).cloned();
        if !feasible(&needs, &can.collect()) {
            let message =
                format!("rule \"{}\": {} refused it: {}", one.rule, first.approver, first.why.as_str());
            return Some(Denial { code: DenialCode::Approval, rule: Some(one.rule.clone()), message });
        }
    }
    None
}

/// Why a decision was not counted, in words for the audit log.
pub fn not_counted(why: &NotCounted) -> String {
    format!("a decision of {} does not count: {}", why.approver, why.why)
}
