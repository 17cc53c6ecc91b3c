//! Reading the book, also without the agent: spends and records as they were written.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bursar_core::amount::Asset;
use bursar_core::decode::transfer::{Payload, SignedTransfer};
use bursar_core::envelope::Envelope;
use bursar_core::key::Signature;
use bursar_core::log::Hash;
use bursar_core::name::Name;
use bursar_core::policy::{Counters, Policy};
use bursar_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;

use super::hex::Hex;
use super::in_force;
use super::pending::Pending;
use super::record::{self, Allowed, Denied, Record};
use super::replay::damaged;
use super::view::{Position, Spend, State};
use super::{FILE, MARK};
use crate::caller::User;
use crate::clock::{Tolerance, Watch};
use crate::store::{StoreError, file, log};

/// Most spends or records in one answer.
pub const PAGE: u32 = 1000;

/// Most spends that are looked at for one answer.
pub const PASSED: u32 = 10_000;

/// Opens the book of a home for reading, beside a running agent or without one.
pub fn open(home: &Path) -> Result<Connection, StoreError> {
    file::open_readonly(&home.join(FILE), MARK)
}

/// One spend.
pub fn spend(connection: &Connection, id: u64) -> Result<Option<Spend>, StoreError> {
    let Some((decision, last)) = row(connection, id)?.map(|row| (row.decision, row.last)) else {
        return Ok(None);
    };
    let base = match record(connection, decision)? {
        Record::Denied(denied) => return Ok(Some(self::denied(&denied))),
        Record::Allowed(allowed) => {
            let payload = payload(connection, &allowed)?;
            self::allowed(&allowed, &payload)
        }
        Record::Waiting(asked) => return Ok(Some(waiting(&asked, &waiting_payload(connection, &asked)?))),
        _ => return Err(damaged(connection, format!("spend {id}"), "it does not begin with a decision")),
    };
    if last == decision {
        return Ok(Some(base));
    }
    let last = record(connection, last)?;
    let was_signed = row(connection, id)?.is_some_and(|row| row.signed.is_some());
    Ok(Some(after(base, last, was_signed)))
}

/// Up to [`PAGE`] spends with an id below `before`, newest first; only those of one caller, if one is
/// named. And where to go on: other callers' spends are passed over, [`PASSED`] at most, so that a
/// page may be short, or empty, and not be the last.
pub fn spends(
    connection: &Connection,
    of: Option<&Name>,
    before: Option<u64>,
    limit: u32,
) -> Result<(Vec<Spend>, Option<u64>), StoreError> {
    let failed = |source| file::failed(connection, source);
    let limit = limit.min(PAGE);
    let most = if of.is_some() { PASSED } else { limit };
    let mut rows = connection
        .prepare_cached("SELECT id, decision FROM spends WHERE id < ?1 ORDER BY id DESC LIMIT ?2")
        .map_err(failed)?;
    let before = i64::try_from(before.unwrap_or(u64::MAX)).unwrap_or(i64::MAX);
    let rows = rows.query_map(params![before, most], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
    let (mut found, mut passed) = (Vec::new(), 0);
    for row in rows {
        let (id, decision): (u64, u64) = row.map_err(failed)?;
        passed += 1;
        let own = match of {
            Some(of) => asked_by(&record(connection, decision)?) == Some(of),
            None => true,
        };
        if own {
            found.extend(spend(connection, id)?);
        }
        if found.len() == limit as usize || passed == most {
            return Ok((found, Some(id).filter(|id| *id > 1)));
        }
    }
    Ok((found, None))
}

/// Who asked for what this record decides.
fn asked_by(decision: &Record) -> Option<&Name> {
    match decision {
        Record::Denied(denied) => Some(&denied.caller),
        Record::Allowed(allowed) => Some(&allowed.caller),
        Record::Waiting(asked) => Some(&asked.caller),
        _ => None,
    }
}

/// Who of a group that shares a caller's name has asked for anything.
pub fn members(connection: &Connection) -> Result<BTreeSet<(Name, User)>, StoreError> {
    let failed = |source| file::failed(connection, source);
    // Every other record is passed over unread.
    let mut records = connection
        .prepare("SELECT position FROM records WHERE instr(leaf, CAST('\"shares\":true' AS BLOB)) > 0")
        .map_err(failed)?;
    let positions = records.query_map([], |row| row.get(0)).map_err(failed)?;
    let mut found = BTreeSet::new();
    for position in positions {
        let (caller, user) = match record(connection, position.map_err(failed)?)? {
            Record::Allowed(allowed) => (allowed.caller, allowed.user),
            Record::Waiting(waiting) => (waiting.caller, waiting.user),
            Record::Denied(denied) => (denied.caller, denied.user),
            _ => continue,
        };
        found.extend(user.filter(|user| user.shares).map(|user| (caller, user)));
    }
    Ok(found)
}

/// The signed envelope of a spend; `None` if there is no such spend or no signature.
pub fn envelope(connection: &Connection, id: u64) -> Result<Option<Envelope>, StoreError> {
    let Some(Row { decision, signed: Some(signed), .. }) = row(connection, id)? else { return Ok(None) };
    let wrong = |what: &str| damaged(connection, format!("spend {id}"), what);
    let (Record::Allowed(allowed), Record::Signed(signed)) =
        (record(connection, decision)?, record(connection, signed)?)
    else {
        return Err(wrong("its records are of the wrong kind"));
    };
    let payload = payload(connection, &allowed)?;
    let transfer =
        SignedTransfer::verify(payload, Signature(signed.signature.0)).map_err(|e| wrong(&e.to_string()))?;
    Ok(Some(transfer.to_envelope()))
}

/// The decisions that were counted when a spend was allowed, or made before it was denied, in their
/// order. `None` if there is no such spend.
pub fn votes(connection: &Connection, id: u64) -> Result<Option<Vec<Box<RawValue>>>, StoreError> {
    let Some(row) = row(connection, id)? else { return Ok(None) };
    let positions = match record(connection, row.decision)? {
        Record::Allowed(allowed) => allowed.votes,
        Record::Denied(denied) => denied.votes,
        _ => Vec::new(),
    };
    let mut votes = Vec::with_capacity(positions.len());
    for position in positions {
        let Record::Voted(voted) = record(connection, position)? else {
            return Err(damaged(connection, format!("record {position}"), "it is no decision of a person"));
        };
        votes.push(voted.vote);
    }
    Ok(Some(votes))
}

/// One record, decoded.
pub fn record(connection: &Connection, position: u64) -> Result<Record, StoreError> {
    let wrong = |what: &str| damaged(connection, format!("record {position}"), what);
    let leaf = log::record(connection, position)?.ok_or_else(|| wrong("it is missing"))?;
    serde_json::from_slice(&leaf).map_err(|error| wrong(&error.to_string()))
}

/// Up to [`PAGE`] records from a position on, each in its exact bytes.
pub fn raw_records(connection: &Connection, from: u64, limit: u32) -> Result<Vec<Box<RawValue>>, StoreError> {
    let mut records = Vec::new();
    for position in from..from.saturating_add(u64::from(limit.min(PAGE))) {
        let Some(leaf) = log::record(connection, position)? else { break };
        let wrong = |what: String| damaged(connection, format!("record {position}"), &what);
        let text = String::from_utf8(leaf).map_err(|error| wrong(error.to_string()))?;
        records.push(RawValue::from_string(text).map_err(|error| wrong(error.to_string()))?);
    }
    Ok(records)
}

/// The latest checkpoint that the audit key signed.
pub fn checkpoint(connection: &Connection) -> Result<Option<(u64, String)>, StoreError> {
    let run = || {
        connection
            .prepare_cached("SELECT size, text FROM checkpoint")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    };
    run().map_err(|source| file::failed(connection, source))
}

/// The time that an agent would go by if it ran: the clock, but not earlier than the last record, and
/// not ahead of what can have passed since it ran.
pub fn time(connection: &Connection, tolerance: Tolerance) -> Result<Timestamp, StoreError> {
    let (size, _) = log::head(connection)?;
    let latest = match size.checked_sub(1) {
        Some(last) => record(connection, last)?.at(),
        None => Timestamp::EPOCH,
    };
    let watch = Watch::new(tolerance);
    watch.remember(super::rows::sighting(connection)?, latest);
    Ok(watch.steady())
}

/// What the whole book says, every record read and compared with everything derived from it.
#[derive(Debug)]
pub struct Whole {
    /// Number of records.
    pub size: u64,
    /// Root of their tree.
    pub root: Hash,
    /// The bundle that decides.
    pub judge: Arc<Policy>,
    /// Break-glass: until when it decides.
    pub until: Option<Timestamp>,
    /// How full the budgets are.
    pub counters: Counters,
    /// What waits for people, and which accounts they stopped.
    pub pending: Pending,
    /// SHA-256 of the policy bundle in force when it was last written.
    pub policy: Option<Hex<32>>,
    /// Time of the last record.
    pub latest: Timestamp,
    /// The latest checkpoint: its text, and the root that the log had at that size; no root if the
    /// log is shorter.
    pub checkpoint: Option<(String, Option<Hash>)>,
}

/// Reads the whole book as of one moment; refuses one that contradicts itself anywhere.
///
/// Budgets are filled as the bundle in force at this time counts them, or the `wished` one where nobody has to
/// agree that it comes into force with the next start.
pub fn whole(
    connection: &Connection,
    wished: Option<Arc<Policy>>,
    now: Timestamp,
    progress: fn(u64),
) -> Result<Whole, StoreError> {
    let _snapshot = connection.unchecked_transaction().map_err(|source| file::failed(connection, source))?;
    file::check(connection, &[log::SCHEMA, super::rows::SCHEMA])?;
    let standing = in_force::find(connection)?;
    let current = standing.as_ref().map_or(0, |standing| standing.policy.version());
    let wished = wished.filter(|wished| in_force::is_open(standing.as_ref()) && wished.version() >= current);
    let none = || Policy::parse("version = 1\n").map(Arc::new);
    let standing = match wished {
        Some(policy) => Some(in_force::Standing { policy, until: None }),
        None => standing.map(|standing| standing.at(connection, now)).transpose()?,
    };
    let until = standing.as_ref().and_then(|standing| standing.until).map(|(until, _)| until);
    let judge = match standing {
        Some(standing) => standing.policy,
        None => none().map_err(|error| damaged(connection, "the policy".to_owned(), &error.to_string()))?,
    };
    let past = super::replay::replay(connection, &judge, progress)?;
    let checkpoint = match checkpoint(connection)? {
        Some((size, text)) if size <= past.log.size() => Some((text, Some(log::root_at(connection, size)?))),
        Some((_, text)) => Some((text, None)),
        None => None,
    };
    Ok(Whole {
        size: past.log.size(),
        root: past.log.root(),
        judge,
        until,
        counters: past.counters,
        pending: past.pending,
        policy: past.policy,
        latest: past.latest,
        checkpoint,
    })
}

struct Row {
    decision: u64,
    signed: Option<u64>,
    last: u64,
}

fn row(connection: &Connection, id: u64) -> Result<Option<Row>, StoreError> {
    let Ok(id) = i64::try_from(id) else { return Ok(None) };
    let run = || {
        connection
            .prepare_cached("SELECT decision, signed, last FROM spends WHERE id = ?1")?
            .query_row([id], |row| Ok(Row { decision: row.get(0)?, signed: row.get(1)?, last: row.get(2)? }))
            .optional()
    };
    run().map_err(|source| file::failed(connection, source))
}

fn payload(connection: &Connection, allowed: &Allowed) -> Result<Payload, StoreError> {
    Payload::decode(allowed.action, allowed.transfer.get().as_bytes().to_vec())
        .map_err(|error| damaged(connection, format!("spend {}", allowed.spend), &error.to_string()))
}

fn waiting_payload(connection: &Connection, asked: &record::Waiting) -> Result<Payload, StoreError> {
    Payload::decode(asked.request.action, asked.transfer.get().as_bytes().to_vec())
        .map_err(|error| damaged(connection, format!("spend {}", asked.spend), &error.to_string()))
}

/// A payload's JSON, to stand inside a record byte for byte.
pub fn raw(payload: &Payload) -> Result<Box<RawValue>, StoreError> {
    let wrong =
        |what: String| StoreError::Damaged { file: FILE.to_owned(), place: "a new payload".to_owned(), what };
    let text = String::from_utf8(payload.bytes().to_vec()).map_err(|error| wrong(error.to_string()))?;
    RawValue::from_string(text).map_err(|error| wrong(error.to_string()))
}

/// A spend that was allowed, before anything else happened.
pub fn allowed(allowed: &Allowed, payload: &Payload) -> Spend {
    let transfer = payload.transfer();
    let amount = number(payload, allowed.decimals);
    Spend {
        id: allowed.spend,
        state: State::Reserved,
        action: payload.kind(),
        account: allowed.account.clone(),
        recipient: allowed.recipient.to_string(),
        amount,
        asset: transfer.asset.clone(),
        memo: transfer.memo.as_str().to_owned(),
        caller: allowed.caller.clone(),
        user: allowed.user,
        key: allowed.key.to_string(),
        decided: allowed.at,
        rule: Some(allowed.rule.clone()),
        reason: None,
        approvals: Vec::new(),
        denial: None,
        digest: Some(Hex(payload.digest())),
        valid_until: Some(transfer.valid_until),
        receipt: None,
    }
}

/// What a payload moves, as people write it.
fn number(payload: &Payload, decimals: u8) -> String {
    let transfer = payload.transfer();
    match Asset::new(transfer.asset.clone(), decimals) {
        Ok(asset) => asset.format_number(transfer.amount),
        Err(_) => transfer.amount.to_string(),
    }
}

/// A spend that waits for approvals.
pub fn waiting(asked: &record::Waiting, payload: &Payload) -> Spend {
    let transfer = payload.transfer();
    let wanted: Vec<_> = asked.wanted.iter().map(ToString::to_string).collect();
    Spend {
        id: asked.spend,
        state: State::Waiting,
        action: payload.kind(),
        account: asked.request.from.clone(),
        recipient: asked.recipient.to_string(),
        amount: number(payload, asked.decimals),
        asset: transfer.asset.clone(),
        memo: transfer.memo.as_str().to_owned(),
        caller: asked.caller.clone(),
        user: asked.user,
        key: asked.key.to_string(),
        decided: asked.at,
        rule: asked.wanted.first().map(|wanted| wanted.rule.clone()),
        reason: Some(wanted.join("; ")),
        approvals: asked.wanted.clone(),
        denial: None,
        digest: Some(Hex(payload.digest())),
        valid_until: Some(transfer.valid_until),
        receipt: None,
    }
}

/// A spend that was denied.
pub fn denied(denied: &Denied) -> Spend {
    let amount = denied.request.amount.as_str();
    Spend {
        id: denied.spend,
        state: State::Denied,
        action: denied.request.action,
        account: denied.request.from.clone(),
        recipient: denied.request.to.as_str().to_owned(),
        amount: amount.split_once(' ').map_or(amount, |(number, _)| number).to_owned(),
        asset: denied.request.amount.asset().clone(),
        memo: denied.request.memo.as_str().to_owned(),
        caller: denied.caller.clone(),
        user: denied.user,
        key: denied.key.to_string(),
        decided: denied.at,
        rule: denied.denial.rule.clone(),
        reason: Some(denied.denial.message.clone()),
        approvals: Vec::new(),
        denial: Some(denied.denial.clone()),
        digest: None,
        valid_until: None,
        receipt: None,
    }
}

fn after(mut spend: Spend, last: Record, was_signed: bool) -> Spend {
    match last {
        Record::Signed(_) => spend.state = State::Signed,
        Record::Recorded(recorded) => {
            spend.state = State::Recorded;
            spend.receipt = Some(Position { position: recorded.position, recorded: recorded.recorded });
        }
        Record::HandedOut(_) => spend.state = State::HandedOut,
        Record::Expired(_) => spend.state = State::Expired,
        Record::Refused(trouble) => {
            spend.state = State::Refused;
            spend.reason = Some(trouble.reason);
        }
        Record::Failed(trouble) => {
            spend.state = if was_signed { State::Signed } else { State::Reserved };
            spend.reason = Some(trouble.reason);
        }
        Record::Waiting(_)
        | Record::Voted(_)
        | Record::Proposed(_)
        | Record::Agreed(_)
        | Record::Withdrawn(_)
        | Record::Frozen(_)
        | Record::LiftVoted(_)
        | Record::Lifted(_)
        | Record::Opened(_)
        | Record::Policy(_)
        | Record::RollbackAccepted(_)
        | Record::ClockConfirmed(_)
        | Record::TurnedAway(_)
        | Record::Allowed(_)
        | Record::Denied(_) => {}
    }
    spend
}
