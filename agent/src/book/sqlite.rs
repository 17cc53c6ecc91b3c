//! The book on SQLite: what runs on the writer's thread, inside its transactions.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bursar_core::decode::transfer::{Payload, SignedTransfer};
use bursar_core::key::Signature;
use bursar_core::log::Hash;
use bursar_core::name::Name;
use bursar_core::policy::{
    Counters, Denial, Draw, Explanation, Permit, Policy, Question, Span, Standing, Verdict, judge,
};
use bursar_core::time::Timestamp;
use rusqlite::Connection;

use super::draft::Draft;
use super::hex::Hex;
use super::record::{self, Record};
use super::request::{IdempotencyId, idempotency_id};
use super::view::{Position, Spend, State};
use super::{Decision, FILE, Head, Kept, MARK, Options, Outcome, Reserved, Unfinished, read, replay, rows};
use crate::clock::Watch;
use crate::store::log::{self, LogTable};
use crate::store::{Store, StoreError, file};
use crate::token::Signed;

/// Milliseconds after which an unfinished payment is taken up again.
const STUCK_AFTER: i64 = 10_000;

/// Milliseconds after which the sighting of the clock is written down again.
const SIGHT_EVERY: i64 = 1_000;

/// Makes the file of an empty book, with its first record.
pub fn create(path: &Path, home: &str, watch: &Watch) -> Result<(), StoreError> {
    if path.exists() {
        return Err(StoreError::Open {
            file: FILE.to_owned(),
            what: "it exists already and is never replaced; use another home folder".to_owned(),
        });
    }
    let connection = file::open(path, MARK, true)?;
    let run = |sql: &str| connection.execute_batch(sql).map_err(|source| file::failed(&connection, source));
    run("BEGIN IMMEDIATE")?;
    log::create(&connection)?;
    run(rows::SCHEMA)?;
    let mut log = LogTable::open(&connection, |_, _| Ok(()))?;
    let opened = Record::Opened(record::Opened { at: watch.steady(), home: home.to_owned() });
    append(&connection, &mut log, &opened)?;
    log.save(&connection)?;
    rows::save_sighting(&connection, &watch.sighting())?;
    run("COMMIT")
}

/// A payment that is not finished.
#[derive(Clone, Debug)]
pub struct Open {
    pub spend: Spend,
    pub draws: Vec<Draw>,
    pub payload: Payload,
    /// Where the signature is in the log, and the signature.
    pub signature: Option<(u64, Signature)>,
}

/// The file, and memory that mirrors it.
pub struct BookStore {
    connection: Connection,
    log: LogTable,
    policy: Arc<Policy>,
    counters: Counters,
    open: HashMap<u64, Open>,
    next: u64,
    /// The highest position on the ledger that any record names.
    position: Option<u64>,
    watch: Arc<Watch>,
    /// When the sighting was written down last.
    remembered: Timestamp,
}

impl BookStore {
    /// Opens the file and reads it whole.
    pub fn open(options: &Options) -> Result<Self, StoreError> {
        let connection = file::open(&options.home.join(FILE), MARK, false)?;
        file::check(&connection)?;
        let past = replay::replay(&connection, options.progress)?;
        options.watch.remember(rows::sighting(&connection)?, past.latest);
        let mut book = Self {
            log: past.log,
            policy: options.policy.clone(),
            counters: past.counters,
            open: past.open,
            next: past.next,
            position: past.position,
            watch: options.watch.clone(),
            remembered: Timestamp::EPOCH,
            connection,
        };
        if past.policy != Some(Hex(book.policy.hash())) {
            book.begin_policy()?;
        }
        Ok(book)
    }

    fn begin_policy(&mut self) -> Result<(), StoreError> {
        let run = |c: &Connection, sql: &str| c.execute_batch(sql).map_err(|source| file::failed(c, source));
        run(&self.connection, "BEGIN IMMEDIATE")?;
        let at = self.now();
        self.append(&Record::Policy(record::InForce { at, policy: Hex(self.policy.hash()) }))?;
        self.before_commit()?;
        run(&self.connection, "COMMIT")
    }

    /// The agent's time: never earlier than anything the book has written.
    fn now(&self) -> Timestamp {
        self.watch.steady()
    }

    /// See [`super::Book::reserve`].
    pub fn reserve(&mut self, draft: Draft) -> Result<Decision, StoreError> {
        let idem = idempotency_id(&draft.caller, &draft.key);
        let body = draft.request.hash();
        if let Some((id, known)) = rows::known(&self.connection, &idem)? {
            return if known == body { self.answer(id) } else { Ok(Decision::Conflict(id)) };
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

    fn decide(&mut self, draft: &Draft, now: Timestamp) -> Result<(Payload, Permit), Denial> {
        let payload = draft.subject.clone()?;
        let intent = payload.intent();
        let question = Question { intent: &intent, account: &draft.request.from, caller: &draft.caller, now };
        match judge(&self.policy, &question) {
            Verdict::Deny(denial) => Err(denial),
            Verdict::Allow(permit) => {
                self.counters.reserve(&permit, now)?;
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
        };
        let spend = read::allowed(&allowed, &payload);
        let (account, draws) = (allowed.account.clone(), allowed.draws.clone());
        let position = self.append(&Record::Allowed(Box::new(allowed)))?;
        self.insert(id, &idem, &body, State::Reserved, position)?;
        self.open.insert(id, Open { spend, draws, payload: payload.clone(), signature: None });
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
    fn answer(&self, id: u64) -> Result<Decision, StoreError> {
        match self.open.get(&id) {
            Some(open) if open.spend.state != State::Refused => Ok(Decision::Unfinished(unfinished(open)?)),
            Some(open) => Ok(Decision::Answered(Box::new(open.spend.clone()))),
            None => Ok(Decision::Answered(Box::new(self.stored(id)?))),
        }
    }

    /// See [`super::Book::keep`].
    pub fn keep(&mut self, signed: Signed) -> Result<Kept, StoreError> {
        let (id, transfer) = signed.into_parts();
        let now = self.now();
        let waiting = self.open.get(&id).is_some_and(|open| open.spend.state == State::Reserved);
        if waiting {
            let signature = *transfer.signature();
            let position = self.append(&Record::Signed(record::Signed {
                at: now,
                spend: id,
                signature: Hex(signature.0),
            }))?;
            // Its row follows when the payment ends or gets stuck: this commit writes one page less.
            if let Some(open) = self.open.get_mut(&id) {
                open.spend.state = State::Signed;
                open.spend.reason = None;
                open.signature = Some((position, signature));
            }
        }
        // Otherwise it was signed twice, over the identical bytes: either signature will do.
        Ok(Kept { spend: id, transfer })
    }

    /// See [`super::Book::settle`].
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
        match span {
            Some(span) => self.counters.settle(&open.draws, span),
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

    /// See [`super::Book::failed`].
    pub fn failed(&mut self, id: u64, reason: String) -> Result<Spend, StoreError> {
        let at = self.now();
        match self.open.get(&id).map(|open| &open.spend) {
            // The same trouble again is no news: retries must not fill the log.
            Some(spend) if spend.reason.as_deref() == Some(reason.as_str()) => Ok(spend.clone()),
            Some(spend) => self.trouble(id, spend.state, reason, at),
            None => self.stored(id),
        }
    }

    /// See [`super::Book::expire`].
    pub fn expire(&mut self, id: u64, digest: Hash, as_of: Timestamp) -> Result<bool, StoreError> {
        let proven = self.open.get(&id).is_some_and(|open| {
            open.payload.digest() == digest && as_of >= open.payload.transfer().valid_until
        });
        if proven {
            let at = self.now();
            self.finish(id, State::Expired, &Record::Expired(record::Step { at, spend: id }), None, None)?;
        }
        Ok(proven)
    }

    /// See [`super::Book::unfinished`].
    pub fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        self.begun_before(self.now().plus_millis(1))
    }

    /// See [`super::Book::stuck`].
    pub fn stuck(&self) -> Result<Vec<Unfinished>, StoreError> {
        let before = self.now().plus_millis(-STUCK_AFTER);
        self.begun_before(before)
    }

    fn begun_before(&self, before: Timestamp) -> Result<Vec<Unfinished>, StoreError> {
        let open = self
            .open
            .values()
            .filter(|open| open.spend.state != State::Refused && open.spend.decided < before);
        let mut open: Vec<_> = open.collect();
        open.sort_by_key(|open| open.spend.id);
        open.into_iter().map(unfinished).collect()
    }

    /// See [`super::Book::last_position`].
    pub fn last_position(&self) -> Option<u64> {
        self.position
    }

    /// See [`super::Book::is_open`].
    pub fn is_open(&self, digest: &Hash) -> bool {
        self.open.values().any(|open| open.payload.digest() == *digest)
    }

    /// See [`super::Book::overdue`].
    pub fn overdue(&self) -> Vec<(u64, Hash)> {
        let now = self.now();
        let late = self.open.values().filter(|open| open.payload.transfer().valid_until <= now);
        late.map(|open| (open.spend.id, open.payload.digest())).collect()
    }

    /// See [`super::Book::explain`].
    pub fn explain(&self, draft: &Draft) -> Explanation {
        draft.explain(&self.policy, &self.counters, self.now())
    }

    /// See [`super::Book::standings`].
    pub fn standings(&self) -> Vec<Standing> {
        let now = self.now();
        self.counters.standings(&self.policy, now)
    }

    /// See [`super::Book::head`].
    pub fn head(&self) -> Head {
        Head { size: self.log.size(), root: self.log.root(), policy: self.policy.hash() }
    }

    /// See [`super::Book::root_at`].
    pub fn root_at(&self, size: u64) -> Result<Option<Hash>, StoreError> {
        if size > self.log.size() { Ok(None) } else { log::root_at(&self.connection, size).map(Some) }
    }

    /// See [`super::Book::keep_checkpoint`].
    pub fn keep_checkpoint(&mut self, size: u64, text: &str) -> Result<(), StoreError> {
        rows::save_checkpoint(&self.connection, size, text)
    }

    /// See [`super::Book::confirm_clock`].
    pub fn confirm_clock(&mut self, caller: Name) -> Result<(), StoreError> {
        let at = self.watch.confirm();
        self.append(&Record::ClockConfirmed(record::Confirmed { at, caller })).map(|_| ())
    }

    fn insert(
        &mut self,
        id: u64,
        idem: &IdempotencyId,
        body: &Hash,
        state: State,
        position: u64,
    ) -> Result<(), StoreError> {
        self.next += 1;
        rows::insert(&self.connection, id, idem, body, state, position)
    }

    fn update(&self, id: u64, state: State, position: u64) -> Result<(), StoreError> {
        let signed = self.open.get(&id).and_then(|open| open.signature).map(|(position, _)| position);
        rows::update(&self.connection, id, state, signed, position)
    }

    fn stored(&self, id: u64) -> Result<Spend, StoreError> {
        let found = read::spend(&self.connection, id)?;
        found.ok_or_else(|| replay::damaged(&self.connection, format!("spend {id}"), "it is missing"))
    }

    fn append(&mut self, record: &Record) -> Result<u64, StoreError> {
        append(&self.connection, &mut self.log, record)
    }
}

impl Store for BookStore {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn before_commit(&mut self) -> Result<(), StoreError> {
        self.log.save(&self.connection)?;
        let seen = self.watch.sighting();
        if seen.wall >= self.remembered.plus_millis(SIGHT_EVERY) {
            self.remembered = seen.wall;
            rows::save_sighting(&self.connection, &seen)?;
        }
        Ok(())
    }
}

fn unfinished(open: &Open) -> Result<Unfinished, StoreError> {
    let spend = open.spend.id;
    let Some((_, signature)) = open.signature else {
        let account = open.spend.account.clone();
        return Ok(Unfinished::Reserved(Reserved { spend, account, payload: open.payload.clone() }));
    };
    let verified = SignedTransfer::verify(open.payload.clone(), signature);
    let transfer = verified.map_err(|error| StoreError::Damaged {
        file: FILE.to_owned(),
        place: format!("the signature of spend {spend}"),
        what: error.to_string(),
    })?;
    Ok(Unfinished::Kept(Kept { spend, transfer }))
}

fn append(connection: &Connection, log: &mut LogTable, record: &Record) -> Result<u64, StoreError> {
    let leaf = serde_json::to_vec(record)
        .map_err(|error| replay::damaged(connection, "a new record".to_owned(), &error.to_string()))?;
    log.append(connection, &leaf)
}
