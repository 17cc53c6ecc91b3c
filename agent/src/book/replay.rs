//! Reading the whole log again: memory as it was, and proof that the tables agree with it.

use std::collections::{BTreeSet, HashMap};

use bursar_core::amount::Amount;
use bursar_core::decode::transfer::{Kind, Payload};
use bursar_core::intent::{Intent, LedgerId, Value};
use bursar_core::key::{PublicKey, Signature};
use bursar_core::log::Hash;
use bursar_core::name::Name;
use bursar_core::policy::{Counters, Past as PastPayment, Policy, Span};
use bursar_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;

use super::hex::Hex;
use super::in_force;
use super::pending::Pending;
use super::read;
use super::record::{Allowed, Record};
use super::request::{IdempotencyId, idempotency_id};
use super::rows;
use super::sqlite::Open;
use super::view::State;
use crate::store::log::LogTable;
use crate::store::{StoreError, file};

/// Records between two reports of progress.
const STRIDE: u64 = 65_536;

/// What the log says.
pub struct Past {
    pub log: LogTable,
    pub counters: Counters,
    pub open: HashMap<u64, Open>,
    pub next: u64,
    pub latest: Timestamp,
    pub position: Option<u64>,
    pub policy: Option<Hex<32>>,
    pub pending: Pending,
    pub home: String,
    /// With how many decimals each asset was paid.
    pub decimals: HashMap<Name, u8>,
}

/// A row of the table `spends`, as the log says it has to be.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    idem: IdempotencyId,
    body: [u8; 32],
    state: u8,
    decision: u64,
    signed: Option<u64>,
    last: u64,
}

/// A payment that has not ended yet, and its row.
struct Tracked {
    allowed: Box<Allowed>,
    state: State,
    reason: Option<String>,
    signature: Option<(u64, Signature)>,
    row: Row,
}

/// A transfer as the policy sees it. (Reading all of one costs ten times as much, for the curve
/// points in it; the log's root vouches for the bytes.)
#[derive(Deserialize)]
struct Light<'a> {
    ledger: LedgerId,
    #[serde(borrow)]
    from: &'a str,
    #[serde(borrow)]
    to: &'a str,
    asset: Name,
    amount: Amount,
    created: Timestamp,
    valid_until: Timestamp,
}

struct Replay<'c> {
    connection: &'c Connection,
    /// By which the budgets are counted, whichever judged then.
    judge: &'c Policy,
    minds_first_payments: bool,
    pending: Pending,
    /// The rows of spends that wait.
    waiting: HashMap<u64, Row>,
    /// Where the bundle in force was put in force.
    in_force: Option<u64>,
    counters: Counters,
    tracked: HashMap<u64, Tracked>,
    spends: u64,
    latest: Timestamp,
    position: Option<u64>,
    policy: Option<Hex<32>>,
    home: String,
    decimals: HashMap<Name, u8>,
    /// Every bundle that a record names.
    bundles: BTreeSet<Hash>,
}

/// Reads every record in order; refuses a file that contradicts itself anywhere. Budgets are filled
/// as the bundle `judge` counts.
pub fn replay(connection: &Connection, judge: &Policy, progress: fn(u64)) -> Result<Past, StoreError> {
    let mut replay = Replay {
        connection,
        judge,
        minds_first_payments: judge.minds_first_payments(),
        pending: Pending::default(),
        waiting: HashMap::new(),
        in_force: None,
        counters: Counters::default(),
        tracked: HashMap::new(),
        spends: 0,
        latest: Timestamp::EPOCH,
        position: None,
        policy: None,
        home: String::new(),
        decimals: HashMap::new(),
        bundles: BTreeSet::new(),
    };
    let log = LogTable::open(connection, |position, leaf| {
        if position.is_multiple_of(STRIDE) {
            progress(position);
            replay.counters.advance(replay.latest);
        }
        let record = serde_json::from_slice(leaf)
            .map_err(|error| damaged(connection, format!("record {position}"), &error.to_string()))?;
        replay.take(position, record)
    })?;
    if log.size() == 0 {
        return Err(damaged(connection, "record 0".to_owned(), "it is missing"));
    }
    let mut open = HashMap::new();
    for (id, tracked) in std::mem::take(&mut replay.tracked) {
        replay.compare(id, &tracked.row)?;
        open.insert(
            id,
            tracked.into_open().map_err(|what| damaged(connection, format!("spend {id}"), &what))?,
        );
    }
    for (id, row) in std::mem::take(&mut replay.waiting) {
        replay.compare(id, &row)?;
    }
    let pointed: Option<u64> = connection
        .query_row("SELECT position FROM in_force", [], |row| row.get(0))
        .optional()
        .map_err(|source| file::failed(connection, source))?;
    if pointed != replay.in_force {
        let what = "it does not name the record that the log ends with";
        return Err(damaged(connection, "the policy in force".to_owned(), what));
    }
    in_force::check(connection, &replay.bundles)?;
    let rows: u64 = connection
        .query_row("SELECT count(*) FROM spends", [], |row| row.get(0))
        .map_err(|source| file::failed(connection, source))?;
    if rows != replay.spends {
        let what = format!("it has {rows} rows, the log {} spends", replay.spends);
        return Err(damaged(connection, "the table of spends".to_owned(), &what));
    }
    Ok(Past {
        log,
        counters: replay.counters,
        open,
        next: replay.spends + 1,
        latest: replay.latest,
        position: replay.position,
        policy: replay.policy,
        pending: replay.pending,
        home: replay.home,
        decimals: replay.decimals,
    })
}

impl Tracked {
    fn into_open(self) -> Result<Open, String> {
        let bytes = self.allowed.transfer.get().as_bytes().to_vec();
        let payload = Payload::decode(self.allowed.action, bytes).map_err(|error| error.to_string())?;
        let mut spend = read::allowed(&self.allowed, &payload);
        spend.state = self.state;
        spend.reason = self.reason;
        let policy = self.allowed.policy.0;
        Ok(Open {
            spend,
            roles: self.allowed.roles,
            draws: self.allowed.draws,
            policy,
            payload,
            signature: self.signature,
        })
    }
}

impl Replay<'_> {
    fn take(&mut self, position: u64, record: Record) -> Result<(), StoreError> {
        let connection = self.connection;
        let wrong = |what: &str| damaged(connection, format!("record {position}"), what);
        if record.at() < self.latest {
            return Err(wrong("it is older than the one before"));
        }
        self.latest = record.at();
        self.pending.take(position, &record).map_err(|what| wrong(what.as_str()))?;
        match record {
            Record::Opened(opened) if position == 0 => {
                self.home = opened.home;
                Ok(())
            }
            Record::Opened(_) => Err(wrong("it begins the book again")),
            Record::ClockConfirmed(_)
            | Record::TurnedAway(_)
            | Record::Agreed(_)
            | Record::Withdrawn(_)
            | Record::Frozen(_)
            | Record::LiftVoted(_)
            | Record::Lifted(_) => Ok(()),
            Record::Proposed(proposed) => {
                self.bundles.insert(proposed.policy.0);
                Ok(())
            }
            Record::Waiting(asked) => {
                self.begin(asked.spend).ok_or_else(|| wrong("its spend is out of order"))?;
                let idem = idempotency_id(&asked.caller, asked.user, &asked.key);
                self.waiting.insert(asked.spend, row(idem, asked.request.hash(), State::Waiting, position));
                Ok(())
            }
            Record::Voted(voted) => {
                let row = self.waiting.get_mut(&voted.spend).ok_or_else(|| wrong(ORDER))?;
                row.last = position;
                Ok(())
            }
            Record::RollbackAccepted(accepted) => {
                self.position = accepted.ledger.and_then(|size| size.checked_sub(1));
                Ok(())
            }
            Record::Policy(policy) => {
                self.policy = Some(policy.policy);
                self.bundles.insert(policy.policy.0);
                self.in_force = Some(position);
                Ok(())
            }
            Record::Denied(denied) => {
                self.begin(denied.spend).ok_or_else(|| wrong("its spend is out of order"))?;
                let idem = idempotency_id(&denied.caller, denied.user, &denied.key);
                self.compare(denied.spend, &row(idem, denied.request.hash(), State::Denied, position))
            }
            Record::Allowed(allowed) => {
                self.begin(allowed.spend).ok_or_else(|| wrong("its spend is out of order"))?;
                let mut allowed = allowed;
                self.count(&mut allowed).map_err(|what| wrong(&what))?;
                self.counters.hold(&allowed.draws);
                let idem = idempotency_id(&allowed.caller, allowed.user, &allowed.key);
                let row = row(idem, allowed.body.0, State::Reserved, position);
                let (spend, state) = (allowed.spend, State::Reserved);
                self.tracked.insert(spend, Tracked { allowed, state, reason: None, signature: None, row });
                Ok(())
            }
            Record::Signed(signed) => {
                // The row is not written now: see `rows::SCHEMA`.
                let tracked = self.tracked.get_mut(&signed.spend).ok_or_else(|| wrong(ORDER))?;
                tracked.state = State::Signed;
                tracked.signature = Some((position, Signature(signed.signature.0)));
                tracked.reason = None;
                Ok(())
            }
            Record::Refused(trouble) => {
                let tracked =
                    self.step(trouble.spend, State::Refused, position).ok_or_else(|| wrong(ORDER))?;
                tracked.reason = Some(trouble.reason);
                Ok(())
            }
            Record::Failed(trouble) => {
                let state = self.tracked.get(&trouble.spend).map(|tracked| tracked.state);
                let tracked = state
                    .and_then(|state| self.step(trouble.spend, state, position))
                    .ok_or_else(|| wrong(ORDER))?;
                tracked.reason = Some(trouble.reason);
                Ok(())
            }
            Record::Recorded(recorded) => {
                self.position = self.position.max(Some(recorded.position));
                self.step(recorded.spend, State::Recorded, position).ok_or_else(|| wrong(ORDER))?;
                self.end(
                    recorded.spend,
                    Some(Span { earliest: recorded.recorded, latest: recorded.recorded }),
                )
            }
            Record::HandedOut(step) => {
                let tracked =
                    self.step(step.spend, State::HandedOut, position).ok_or_else(|| wrong(ORDER))?;
                let life: Light = serde_json::from_str(tracked.allowed.transfer.get())
                    .map_err(|error| wrong(&error.to_string()))?;
                let span = Span { earliest: life.created, latest: life.valid_until };
                self.end(step.spend, Some(span))
            }
            Record::Expired(step) => {
                self.step(step.spend, State::Expired, position).ok_or_else(|| wrong(ORDER))?;
                self.end(step.spend, None)
            }
        }
    }

    /// A spend is decided at once, or it waited before.
    fn begin(&mut self, spend: u64) -> Option<()> {
        if self.waiting.remove(&spend).is_some() {
            return Some(());
        }
        self.spends += 1;
        (spend == self.spends).then_some(())
    }

    /// What another bundle allowed draws from this one's budgets.
    fn count(&mut self, allowed: &mut Allowed) -> Result<(), String> {
        let light: Light = serde_json::from_str(allowed.transfer.get()).map_err(|error| error.to_string())?;
        if self.decimals.get(&light.asset) != Some(&allowed.decimals) {
            self.decimals.insert(light.asset.clone(), allowed.decimals);
        }
        if allowed.policy.0 != self.judge.hash() {
            let intent = light.intent(allowed.action).ok_or("its transfer names no keys")?;
            let (account, caller, drew) = (&allowed.account, &allowed.caller, allowed.draws.as_slice());
            allowed.draws = self.judge.draws_of_past(&PastPayment { intent: &intent, account, caller, drew });
        }
        Ok(())
    }

    fn step(&mut self, spend: u64, state: State, position: u64) -> Option<&mut Tracked> {
        let tracked = self.tracked.get_mut(&spend)?;
        tracked.row.state = state.code();
        tracked.row.signed = tracked.signature.map(|(position, _)| position);
        tracked.row.last = position;
        tracked.state = state;
        Some(tracked)
    }

    fn end(&mut self, spend: u64, span: Option<Span>) -> Result<(), StoreError> {
        let Some(tracked) = self.tracked.remove(&spend) else { return Ok(()) };
        match span {
            Some(span) => {
                self.counters.settle(&tracked.allowed.draws, span);
                let paid = || serde_json::from_str::<Light>(tracked.allowed.transfer.get()).ok();
                if self.minds_first_payments
                    && let Some(to) = paid().and_then(|paid| PublicKey::unproven(paid.to))
                {
                    self.counters.learn(&tracked.allowed.account, to);
                }
            }
            None => self.counters.release(&tracked.allowed.draws),
        }
        self.compare(spend, &tracked.row)
    }

    fn compare(&self, spend: u64, expected: &Row) -> Result<(), StoreError> {
        let row = || {
            self.connection
                .prepare_cached("SELECT idem, body, state, decision, signed, last FROM spends WHERE id = ?1")?
                .query_row(params![spend], |row| {
                    Ok(Row {
                        idem: row.get(0)?,
                        body: row.get(1)?,
                        state: row.get(2)?,
                        decision: row.get(3)?,
                        signed: row.get(4)?,
                        last: row.get(5)?,
                    })
                })
                .optional()
        };
        let found = row().map_err(|source| file::failed(self.connection, source))?;
        if found.as_ref() != Some(expected) {
            return Err(damaged(
                self.connection,
                format!("spend {spend}"),
                "its row is not what the log says",
            ));
        }
        // As a repeated request finds it: with a damaged index it would be paid again.
        let found = rows::known(self.connection, &expected.idem)?;
        if found.map(|(id, _)| id) != Some(spend) {
            let what = "it is not found under its Idempotency-Key";
            return Err(damaged(self.connection, format!("spend {spend}"), what));
        }
        Ok(())
    }
}

impl Light<'_> {
    fn intent(self, kind: Kind) -> Option<Intent> {
        Some(Intent {
            action: kind.action(),
            ledger: self.ledger,
            from: PublicKey::unproven(self.from)?,
            to: Some(PublicKey::unproven(self.to)?),
            value: Some(Value { asset: self.asset, amount: self.amount }),
            fee: None,
            selector: None,
            created: self.created,
            valid_until: self.valid_until,
        })
    }
}

/// The row of a spend that was just decided.
fn row(idem: IdempotencyId, body: [u8; 32], state: State, position: u64) -> Row {
    Row { idem, body, state: state.code(), decision: position, signed: None, last: position }
}

const ORDER: &str = "it continues a spend that is not open";

/// A payment that was handed out can be recorded by anybody until its time has passed.
pub fn whole_life(payload: &Payload) -> Span {
    Span { earliest: payload.transfer().created, latest: payload.transfer().valid_until }
}

/// Says where a file contradicts itself.
pub fn damaged(connection: &Connection, place: String, what: &str) -> StoreError {
    StoreError::Damaged { file: file::name(connection), place, what: what.to_owned() }
}
