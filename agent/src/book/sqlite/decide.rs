//! From a request to a decision, and from a stored decision to going on with it.

use std::collections::BTreeSet;

use bursar_core::decode::transfer::Payload;
use bursar_core::log::Hash;
use bursar_core::policy::{Denial, DenialCode, Permit, Question, Unmet, Verdict, judge};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;

use super::{BookStore, Open, unfinished};
use crate::book::draft::Draft;
use crate::book::hex::Hex;
use crate::book::record::{self, Record};
use crate::book::request::{IdempotencyId, idempotency_id};
use crate::book::view::State;
use crate::book::{Decision, Reserved, Unfinished, read, rows};
use crate::store::StoreError;

impl BookStore {
    /// See [`crate::book::Book::reserve`].
    pub fn reserve(&mut self, draft: Draft) -> Result<Decision, StoreError> {
        let idem = idempotency_id(&draft.caller, &draft.key);
        let body = draft.request.hash();
        if let Some(known) = self.lookup(&idem, &body)? {
            return Ok(known);
        }
        let now = match self.watch.time() {
            Ok(now) => now,
            Err(suspect) => return Ok(Decision::Suspect(suspect)),
        };
        match self.decide(&draft, now) {
            Ok((payload, permit)) => self.allow(draft, idem, body, payload, &permit, now),
            Err(denial) => self.deny(draft, idem, body, denial, now),
        }
    }

    /// See [`crate::book::Book::lookup`].
    pub fn lookup(&mut self, idem: &IdempotencyId, body: &Hash) -> Result<Option<Decision>, StoreError> {
        Ok(match rows::known(&self.connection, idem)? {
            None => None,
            Some((id, known)) if known == *body => Some(self.answer(id)?),
            Some((id, _)) => Some(Decision::Conflict(id)),
        })
    }

    fn decide(&mut self, draft: &Draft, now: Timestamp) -> Result<(Payload, Permit), Denial> {
        let payload = draft.subject.clone()?;
        let intent = payload.intent();
        let question = Question {
            intent: &intent,
            account: &draft.request.from,
            caller: &draft.caller,
            roles: draft.roles,
            now,
        };
        match judge(&self.policy, &question) {
            Verdict::Deny(denial) => Err(denial),
            Verdict::Allow(permit) => {
                self.counters.reserve(&permit, &BTreeSet::new(), now).map_err(unmet)?;
                Ok((payload, permit))
            }
        }
    }

    fn allow(
        &mut self,
        draft: Draft,
        idem: IdempotencyId,
        body: Hash,
        payload: Payload,
        permit: &Permit,
        now: Timestamp,
    ) -> Result<Decision, StoreError> {
        let id = self.next;
        let transfer = payload.transfer();
        let asset = self.policy.asset(transfer.asset.as_str());
        let recipient = self.policy.recipient_at(&transfer.to);
        let allowed = record::Allowed {
            at: now,
            spend: id,
            caller: draft.caller,
            key: draft.key,
            body: Hex(body),
            account: draft.request.from,
            // A permit exists only for a recipient and an asset of the bundle.
            recipient: recipient.map_or_else(|| transfer.asset.clone(), |found| found.name.clone()),
            decimals: asset.map_or(0, bursar_core::amount::Asset::decimals),
            policy: Hex(permit.policy()),
            rule: permit.rule().clone(),
            draws: permit.draws().to_vec(),
            transfer: read::raw(&payload)?,
            action: payload.kind(),
        };
        let spend = read::allowed(&allowed, &payload);
        let (account, draws) = (allowed.account.clone(), allowed.draws.clone());
        let position = self.append(&Record::Allowed(Box::new(allowed)))?;
        self.insert(id, &idem, &body, State::Reserved, position)?;
        self.open.insert(
            id,
            Open { spend, draws, policy: permit.policy(), payload: payload.clone(), signature: None },
        );
        Ok(Decision::Reserved(Reserved { spend: id, account, payload }))
    }

    fn deny(
        &mut self,
        draft: Draft,
        idem: IdempotencyId,
        body: Hash,
        denial: Denial,
        now: Timestamp,
    ) -> Result<Decision, StoreError> {
        let id = self.next;
        let policy = Hex(self.policy.hash());
        let denied = record::Denied {
            at: now,
            spend: id,
            caller: draft.caller,
            key: draft.key,
            request: draft.request,
            policy,
            denial,
        };
        let spend = read::denied(&denied);
        let position = self.append(&Record::Denied(Box::new(denied)))?;
        self.insert(id, &idem, &body, State::Denied, position)?;
        Ok(Decision::Answered(Box::new(spend)))
    }

    /// What was answered, or is still under way, under a key that was used before.
    fn answer(&mut self, id: u64) -> Result<Decision, StoreError> {
        if let Some(unfinished) = self.take_up(id)? {
            return Ok(Decision::Unfinished(unfinished));
        }
        let open = self.open.get(&id).map(|open| open.spend.clone());
        Ok(Decision::Answered(Box::new(open.map_or_else(|| self.stored(id), Ok)?)))
    }

    /// See [`crate::book::Book::take_up`].
    pub fn take_up(&mut self, id: u64) -> Result<Option<Unfinished>, StoreError> {
        let Some(open) = self.open.get(&id).filter(|open| open.spend.state != State::Refused) else {
            return Ok(None);
        };
        if let Some(denial) = self.denied_now(open) {
            let reason = format!(
                "the policy in force no longer allows it ({denial}); given back when its time has passed"
            );
            self.failed(id, reason)?;
            return Ok(None);
        }
        unfinished(open).map(Some)
    }

    /// Why the policy in force would not allow what an earlier one allowed and nobody has signed yet.
    fn denied_now(&self, open: &Open) -> Option<Denial> {
        if open.signature.is_some() || open.policy == self.policy.hash() {
            return None;
        }
        let intent = open.payload.intent();
        let (account, caller) = (&open.spend.account, &open.spend.caller);
        match judge(
            &self.policy,
            &Question { intent: &intent, account, caller, roles: Roles::NONE, now: self.now() },
        ) {
            Verdict::Deny(denial) => Some(denial),
            Verdict::Allow(_) => None,
        }
    }
}

/// What somebody would have to approve is denied as long as nobody can.
fn unmet(unmet: Unmet) -> Denial {
    match unmet {
        Unmet::Denied(denial) => denial,
        Unmet::Waiting(wanted) => {
            let wanted: Vec<_> = wanted.iter().map(ToString::to_string).collect();
            Denial::plain(DenialCode::Approval, wanted.join("; "))
        }
    }
}
