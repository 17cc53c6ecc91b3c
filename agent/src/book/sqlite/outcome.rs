//! What becomes of a decision: signed, recorded, stuck, given back.

use bursar_core::log::Hash;
use bursar_core::policy::Span;
use bursar_core::time::Timestamp;

use super::{BookStore, unfinished};
use crate::book::hex::Hex;
use crate::book::record::{self, Record};
use crate::book::view::{Position, Spend, State};
use crate::book::{Keeping, Kept, Outcome, Unfinished, replay};
use crate::store::StoreError;
use crate::token::Signed;

impl BookStore {
    /// See [`crate::book::Book::keep`].
    pub fn keep(&mut self, signed: Signed) -> Result<Keeping, StoreError> {
        let (id, transfer) = signed.into_parts();
        let at = self.now();
        let Some(open) = self.open.get(&id) else { return Ok(Keeping::Ended(Box::new(self.stored(id)?))) };
        if open.signature.is_some() {
            // Signed twice, over the identical bytes: only the signature that is durable may leave.
            return match unfinished(open)? {
                Unfinished::Kept(kept) => Ok(Keeping::Kept(kept)),
                Unfinished::Reserved(_) => Ok(Keeping::Ended(Box::new(open.spend.clone()))),
            };
        }
        if let Some(denial) = self.held_back(id) {
            // Frozen, or forbidden, while the token worked: the signature is dropped and never leaves.
            let reason = format!("its signature was dropped ({denial}); given back when its time has passed");
            return Ok(Keeping::Ended(Box::new(self.failed(id, reason)?)));
        }
        let signature = *transfer.signature();
        let record = Record::Signed(record::Signed { at, spend: id, signature: Hex(signature.0) });
        let position = self.append(&record)?;
        // Its row follows when the payment ends or gets stuck: this commit writes one page less.
        let Some(open) = self.open.get_mut(&id) else {
            return Ok(Keeping::Ended(Box::new(self.stored(id)?)));
        };
        open.spend.state = State::Signed;
        open.spend.reason = None;
        open.signature = Some((position, signature));
        Ok(Keeping::Kept(Kept { spend: id, account: open.spend.account.clone(), transfer }))
    }

    /// See [`crate::book::Book::settle`].
    pub fn settle(&mut self, id: u64, digest: Hash, outcome: Outcome) -> Result<Spend, StoreError> {
        if self.open.get(&id).is_none_or(|open| open.payload.digest() != digest) {
            return self.stored(id);
        }
        let at = self.now();
        match outcome {
            Outcome::Recorded(Position { position, recorded }) => {
                let record = Record::Recorded(record::Recorded { at, spend: id, position, recorded });
                let span = Span { earliest: recorded, latest: recorded };
                self.position = self.position.max(Some(position));
                self.finish(id, State::Recorded, &record, Some(span), Some(Position { position, recorded }))
            }
            Outcome::HandedOut => {
                let span = self.open.get(&id).map(|open| replay::whole_life(&open.payload));
                self.finish(
                    id,
                    State::HandedOut,
                    &Record::HandedOut(record::Step { at, spend: id }),
                    span,
                    None,
                )
            }
            Outcome::Refused(reason) => self.trouble(id, State::Refused, reason, at),
        }
    }

    fn finish(
        &mut self,
        id: u64,
        state: State,
        record: &Record,
        span: Option<Span>,
        receipt: Option<Position>,
    ) -> Result<Spend, StoreError> {
        let position = self.append(record)?;
        self.update(id, state, position)?;
        let Some(mut open) = self.open.remove(&id) else { return self.stored(id) };
        self.departures.ended(&open.spend.account, id);
        match span {
            Some(span) => {
                self.counters.settle(&open.draws, span);
                if self.policy.minds_first_payments() {
                    self.counters.learn(&open.spend.account, open.payload.transfer().to);
                }
            }
            None => self.counters.release(&open.draws),
        }
        open.spend.state = state;
        open.spend.reason = None;
        open.spend.receipt = receipt;
        Ok(open.spend)
    }

    fn trouble(&mut self, id: u64, state: State, reason: String, at: Timestamp) -> Result<Spend, StoreError> {
        let trouble = record::Trouble { at, spend: id, reason: reason.clone() };
        let record = if state == State::Refused { Record::Refused(trouble) } else { Record::Failed(trouble) };
        let position = self.append(&record)?;
        self.update(id, state, position)?;
        let Some(open) = self.open.get_mut(&id) else { return self.stored(id) };
        open.spend.state = state;
        open.spend.reason = Some(reason);
        Ok(open.spend.clone())
    }

    /// See [`crate::book::Book::failed`].
    pub fn failed(&mut self, id: u64, reason: String) -> Result<Spend, StoreError> {
        let at = self.now();
        match self.open.get(&id).map(|open| &open.spend) {
            // The same trouble again is no news: retries must not fill the log.
            Some(spend) if spend.reason.as_deref() == Some(reason.as_str()) => Ok(spend.clone()),
            Some(spend) => self.trouble(id, spend.state, reason, at),
            None => self.stored(id),
        }
    }

    /// See [`crate::book::Book::expire`].
    pub fn expire(&mut self, id: u64, digest: Hash, as_of: Option<Timestamp>) -> Result<bool, StoreError> {
        let at = self.now();
        let proven = self.open.get(&id).is_some_and(|open| {
            let end = open.payload.transfer().valid_until;
            let over =
                if open.signature.is_none() { at >= end } else { as_of.is_some_and(|as_of| as_of >= end) };
            over && open.payload.digest() == digest
        });
        if proven {
            self.finish(id, State::Expired, &Record::Expired(record::Step { at, spend: id }), None, None)?;
        }
        Ok(proven)
    }
}
