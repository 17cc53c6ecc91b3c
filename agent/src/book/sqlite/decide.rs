//! From a request to a decision, and from a stored decision to going on with it.

use std::collections::BTreeSet;

use bursar_core::amount::Asset;
use bursar_core::decode::transfer::{Payload, Transfer};
use bursar_core::log::Hash;
use bursar_core::name::Name;
use bursar_core::policy::{Denial, DenialCode, Permit, Question, Unmet, Verdict, Wanted, judge};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;

use super::{BookStore, Open, unfinished};
use crate::book::draft::Draft;
use crate::book::hex::Hex;
use crate::book::record::{self, Record};
use crate::book::request::{IdempotencyId, IdempotencyKey, KeyUse, SpendRequest, idempotency_id};
use crate::book::view::{Spend, State};
use crate::book::{Decision, Reserved, Turn, Unfinished, read, replay, rows};
use crate::caller::User;
use crate::store::StoreError;

/// What a payment is decided by: who asks what, under which key.
pub(super) struct Asked {
    pub caller: Name,
    pub user: Option<User>,
    pub roles: Roles,
    pub key: IdempotencyKey,
    pub request: SpendRequest,
}

impl Asked {
    /// Under which id the answer is kept.
    pub(super) fn idem(&self) -> IdempotencyId {
        idempotency_id(&self.caller, self.user, &self.key)
    }
}

/// What the policy, the budgets and the people say together.
pub(super) enum Word {
    /// Held: sign it.
    Allow(Permit),
    /// Somebody has to approve; nothing is held.
    Wait(Vec<Wanted>),
    /// No.
    Deny(Denial),
}

impl BookStore {
    /// See [`crate::book::Book::reserve`].
    pub fn reserve(&mut self, draft: Draft) -> Result<Decision, StoreError> {
        let used = KeyUse { caller: draft.caller.clone(), user: draft.user, key: draft.key.clone() };
        if let Some(known) = self.lookup(&used, &draft.request.hash())? {
            return Ok(known);
        }
        let now = match self.watch.time() {
            Ok(now) => now,
            Err(suspect) => return Ok(Decision::Suspect(suspect)),
        };
        self.end_break_glass(now)?;
        if draft.policy != self.policy.hash() {
            // Its names were looked up in a bundle that is not in force any more.
            return Ok(Decision::Stale);
        }
        let Draft { caller, user, roles, key, request, subject, patience, .. } = draft;
        let asked = Asked { caller, user, roles, key, request };
        let payload = match subject {
            Ok(payload) => payload,
            Err(denial) => return self.deny(None, asked, denial, now),
        };
        match self.word(&payload, &asked, &BTreeSet::new(), now) {
            Word::Deny(denial) => self.deny(None, asked, denial, now),
            Word::Allow(permit) => self.allow(None, asked, payload, &permit, Vec::new(), now),
            Word::Wait(wanted) => self.wait(asked, &payload, patience, wanted, now),
        }
    }

    /// See [`crate::book::Book::lookup`].
    pub fn lookup(&mut self, used: &KeyUse, body: &Hash) -> Result<Option<Decision>, StoreError> {
        let found = match rows::known(&self.connection, &used.id())? {
            None => self.earlier(used)?,
            found => found,
        };
        Ok(match found {
            None => None,
            Some((id, known)) if known == *body => Some(self.answer(id)?),
            Some((id, _)) => Some(Decision::Conflict(id)),
        })
    }

    /// What the same user was answered while config.toml knew them in another way. What a record does
    /// not say it of may be theirs: better an old answer again than a payment twice.
    fn earlier(&self, used: &KeyUse) -> Result<Option<(u64, Hash)>, StoreError> {
        let Some(idem) = used.earlier() else { return Ok(None) };
        let Some(found) = rows::known(&self.connection, &idem)? else { return Ok(None) };
        let by = self.view(found.0)?.user.map(|user| user.uid);
        let is_other = by.is_some_and(|uid| used.user.is_none_or(|user| user.uid != uid));
        Ok((!is_other).then_some(found))
    }

    /// Judges a payment whole, given who has approved it; holds what it draws if it is allowed.
    pub(super) fn word(
        &mut self,
        payload: &Payload,
        asked: &Asked,
        voters: &BTreeSet<Name>,
        now: Timestamp,
    ) -> Word {
        if let Some(denial) = self.frozen(&asked.request.from) {
            return Word::Deny(denial);
        }
        let intent = payload.intent();
        let (account, caller) = (&asked.request.from, &asked.caller);
        match judge(&self.policy, &Question { intent: &intent, account, caller, roles: asked.roles, now }) {
            Verdict::Deny(denial) => Word::Deny(denial),
            Verdict::Allow(permit) => match self.counters.reserve(&permit, voters, now) {
                Ok(()) => Word::Allow(permit),
                Err(Unmet::Denied(denial)) => Word::Deny(denial),
                Err(Unmet::Waiting(wanted)) => Word::Wait(wanted),
            },
        }
    }

    /// Writes down that a payment is allowed; a new one, or one that waited.
    pub(super) fn allow(
        &mut self,
        waited: Option<u64>,
        asked: Asked,
        payload: Payload,
        permit: &Permit,
        votes: Vec<u64>,
        now: Timestamp,
    ) -> Result<Decision, StoreError> {
        let id = waited.unwrap_or(self.next);
        let transfer = payload.transfer();
        let (recipient, decimals) = self.called(transfer);
        let (idem, body) = (asked.idem(), asked.request.hash());
        let allowed = record::Allowed {
            at: now,
            spend: id,
            caller: asked.caller,
            roles: asked.roles,
            key: asked.key,
            body: Hex(body),
            account: asked.request.from,
            recipient,
            decimals,
            policy: Hex(permit.policy()),
            rule: permit.rule().clone(),
            draws: permit.draws().to_vec(),
            transfer: read::raw(&payload)?,
            action: payload.kind(),
            votes,
            user: asked.user,
        };
        let spend = read::allowed(&allowed, &payload);
        let (account, draws) = (allowed.account.clone(), allowed.draws.clone());
        self.decimals.insert(transfer.asset.clone(), allowed.decimals);
        let position = self.append_pending(&Record::Allowed(Box::new(allowed)))?;
        self.write_down(waited, &idem, &body, State::Reserved, position)?;
        self.open.insert(
            id,
            Open {
                spend,
                roles: asked.roles,
                draws,
                policy: permit.policy(),
                payload: payload.clone(),
                signature: None,
            },
        );
        Ok(Decision::Reserved(Reserved { spend: id, account, payload }))
    }

    /// Writes down that a payment is denied; a new one, or one that waited.
    pub(super) fn deny(
        &mut self,
        waited: Option<u64>,
        asked: Asked,
        denial: Denial,
        now: Timestamp,
    ) -> Result<Decision, StoreError> {
        let policy = Hex(self.policy.hash());
        let waiting = waited.and_then(|id| self.pending.waiting.get(&id));
        let votes = waiting.map(|waiting| waiting.votes.iter().map(|(position, _)| *position).collect());
        let (idem, body) = (asked.idem(), asked.request.hash());
        let denied = record::Denied {
            at: now,
            spend: waited.unwrap_or(self.next),
            caller: asked.caller,
            roles: asked.roles,
            key: asked.key,
            request: asked.request,
            policy,
            denial,
            votes: votes.unwrap_or_default(),
            user: asked.user,
        };
        let spend = read::denied(&denied);
        let position = self.append_pending(&Record::Denied(Box::new(denied)))?;
        self.write_down(waited, &idem, &body, State::Denied, position)?;
        Ok(Decision::Answered(Box::new(spend)))
    }

    /// What the bundle calls the recipient, and the decimals of the asset. A permit exists only for a
    /// recipient and an asset of the bundle.
    pub(super) fn called(&self, transfer: &Transfer) -> (Name, u8) {
        let recipient = self.policy.recipient_at(&transfer.to);
        let asset = self.policy.asset(transfer.asset.as_str());
        let name = recipient.map_or_else(|| transfer.asset.clone(), |found| found.name.clone());
        (name, asset.map_or(0, Asset::decimals))
    }

    fn write_down(
        &mut self,
        waited: Option<u64>,
        idem: &IdempotencyId,
        body: &Hash,
        state: State,
        position: u64,
    ) -> Result<(), StoreError> {
        match waited {
            Some(id) => rows::decide(&self.connection, id, state, position, position),
            None => self.insert(self.next, idem, body, state, position),
        }
    }

    /// What was answered, or is still under way, under a key that was used before.
    fn answer(&mut self, id: u64) -> Result<Decision, StoreError> {
        if let Some(unfinished) = self.take_up(id)? {
            return Ok(Decision::Unfinished(unfinished));
        }
        Ok(Decision::Answered(Box::new(self.view(id)?)))
    }

    /// A spend as of now.
    pub(super) fn view(&self, id: u64) -> Result<Spend, StoreError> {
        let open = || self.open.get(&id).map(|open| open.spend.clone());
        self.waiting_view(id).or_else(open).map_or_else(|| self.stored(id), Ok)
    }

    /// An unfinished spend, and whose turn it takes to go on with it.
    pub(super) fn turn(&self, id: u64) -> Result<Turn, StoreError> {
        let open = self.open.get(&id).map(|open| &open.spend);
        let key = open.and_then(|spend| Some((spend, spend.key.parse().ok()?)));
        let (spend, key) =
            key.ok_or_else(|| replay::damaged(&self.connection, format!("spend {id}"), "it has no key"))?;
        Ok(Turn { spend: id, of: KeyUse { caller: spend.caller.clone(), user: None, key }.turn() })
    }

    /// See [`crate::book::Book::take_up`].
    pub fn take_up(&mut self, id: u64) -> Result<Option<Unfinished>, StoreError> {
        if self.open.get(&id).is_none_or(|open| open.spend.state == State::Refused) {
            return Ok(None);
        }
        if let Some(denial) = self.held_back(id) {
            self.not_gone_on_with(id, &denial)?;
            return Ok(None);
        }
        self.open.get(&id).map(unfinished).transpose()
    }

    /// See [`crate::book::Book::hold`].
    pub fn hold(&mut self, id: u64) -> Result<Spend, StoreError> {
        match self.held_back(id) {
            Some(denial) => self.not_gone_on_with(id, &denial),
            None => self.view(id),
        }
    }

    fn not_gone_on_with(&mut self, id: u64, denial: &Denial) -> Result<Spend, StoreError> {
        self.failed(id, format!("it is not gone on with ({denial}); given back when its time has passed"))
    }

    /// Why nothing is gone on with that this caller asked for, if they are no requester any more: their
    /// key may have been stolen.
    pub(super) fn turned_out(&self, caller: &Name) -> Option<Denial> {
        let known = self.requesters.as_ref().is_none_or(|requesters| requesters.contains(caller));
        let message = format!(
            "{caller}, who asked for it, may not ask for payments any more; have somebody else ask anew"
        );
        (!known).then(|| Denial::plain(DenialCode::Caller, message))
    }

    /// Why a payment that was allowed may not leave now: its account is frozen, or it was
    /// never sent and the policy in force, which is another one than then, would not allow it. Whoever
    /// approved it did so under the one before.
    pub(super) fn held_back(&mut self, id: u64) -> Option<Denial> {
        let now = self.now();
        let open = self.open.get(&id)?;
        let account = &open.spend.account;
        if let Some(denial) = self.frozen(account) {
            return Some(denial);
        }
        if open.signature.is_some() && self.departures.was_sent(account, id) {
            return None;
        }
        if let Some(denial) = self.turned_out(&open.spend.caller) {
            return Some(denial);
        }
        if open.policy == self.policy.hash() {
            return None;
        }
        let intent = open.payload.intent();
        let (caller, roles) = (&open.spend.caller, open.roles);
        let permit = match judge(&self.policy, &Question { intent: &intent, account, caller, roles, now }) {
            Verdict::Deny(denial) => return Some(denial),
            Verdict::Allow(permit) => permit,
        };
        // What it holds itself takes no room from it.
        self.counters.release(&open.draws);
        let found = self.counters.check(&permit, &BTreeSet::new(), now);
        self.counters.hold(&open.draws);
        match found {
            Ok(()) => None,
            Err(Unmet::Denied(denial)) => Some(denial),
            Err(Unmet::Waiting(wanted)) => {
                let wanted: Vec<_> = wanted.iter().map(ToString::to_string).collect();
                let message =
                    format!("the policy changed, and approvals before are void: {}", wanted.join("; "));
                Some(Denial::plain(DenialCode::Approval, message))
            }
        }
    }
}
