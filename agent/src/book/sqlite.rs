//! The book on SQLite: what runs on the writer's thread, inside its transactions.

mod decide;
mod freeze;
mod outcome;
mod policy;
mod wait;

pub use policy::Statement;
pub use wait::not_counted;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bursar_core::approval::{HomeId, keeps_decimals};
use bursar_core::decode::transfer::{Payload, SignedTransfer};
use bursar_core::intent::LedgerId;
use bursar_core::key::Signature;
use bursar_core::log::Hash;
use bursar_core::name::Name;
use bursar_core::policy::{Counters, Draw, Explanation, Policy};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use rusqlite::Connection;

use super::departures::Departures;
use super::draft::Draft;
use super::hex::Hex;
use super::in_force::{self, InForce};
use super::pending::Pending;
use super::record::{self, Record};
use super::request::IdempotencyId;
use super::turned_away::Refusal;
use super::view::{Spend, State};
use super::{
    FILE, Head, Kept, MARK, Options, Overdue, Reserved, Turn, Unfinished, Which, read, replay, rows,
};
use crate::clock::Watch;
use crate::store::log::{self, LogTable};
use crate::store::{Store, StoreError, file};

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
    /// What the caller was there for.
    pub roles: Roles,
    pub draws: Vec<Draw>,
    /// The bundle that allowed it.
    pub policy: Hash,
    pub payload: Payload,
    /// Where the signature is in the log, and the signature.
    pub signature: Option<(u64, Signature)>,
}

/// The file, and memory that mirrors it.
pub struct BookStore {
    connection: Connection,
    log: LogTable,
    home: HomeId,
    policy: Arc<Policy>,
    /// Break-glass: when it ends, and what is in force then.
    until: Option<(Timestamp, Hash)>,
    in_force: InForce,
    departures: Departures,
    pending: Pending,
    requesters: Option<BTreeSet<Name>>,
    counters: Counters,
    open: HashMap<u64, Open>,
    next: u64,
    /// The highest position on the ledger that any record names.
    position: Option<u64>,
    /// With how many decimals each asset was paid.
    decimals: HashMap<Name, u8>,
    watch: Arc<Watch>,
    /// When the sighting was written down last.
    remembered: Timestamp,
}

impl BookStore {
    /// Opens the file and reads it whole. The bundle in force goes into the `cell`; where it is
    /// there already, the file was open before, and no other bundle is taken over.
    pub fn open(
        options: &Options,
        cell: &OnceLock<InForce>,
        departures: &Departures,
    ) -> Result<Self, StoreError> {
        let connection = file::open(&options.home.join(FILE), MARK, false)?;
        file::check(&connection, &[log::SCHEMA, rows::SCHEMA])?;
        let standing = in_force::find(&connection)?;
        let wished =
            options.policy.clone().filter(|_| cell.get().is_none() && in_force::is_open(standing.as_ref()));
        let wished = wished.filter(|wished| {
            standing.as_ref().is_none_or(|standing| standing.policy.hash() != wished.hash())
        });
        let older = |wished: &Arc<Policy>| {
            let current = standing.as_ref().map_or(0, |standing| standing.policy.version());
            let is_older = wished.version() < current;
            if is_older {
                tracing::warn!(
                    "policy.toml is version {}, and version {current} is in force and stays: give the file a higher version",
                    wished.version()
                );
            }
            is_older
        };
        let wished = wished.filter(|wished| !older(wished));
        let until = standing.as_ref().filter(|_| wished.is_none()).and_then(|standing| standing.until);
        let policy =
            wished.clone().or(standing.map(|standing| standing.policy)).ok_or_else(|| StoreError::Open {
                file: FILE.to_owned(),
                what: "no policy is in force yet, and policy.toml cannot be read; correct it".to_owned(),
            })?;
        let past = replay::replay(&connection, &policy, options.progress)?;
        if let Some(wished) = &wished {
            keeps_decimals(wished, |asset| past.decimals.get(asset).copied())
                .map_err(|why| StoreError::Open { file: "policy.toml".to_owned(), what: why.to_string() })?;
        }
        if let Some(id) = options.id.as_ref().filter(|id| **id != past.home) {
            let what = format!(
                "it belongs to the home {}, and config.toml says {}; put the right one here",
                past.home, id
            );
            return Err(StoreError::Open { file: FILE.to_owned(), what });
        }
        let home = past
            .home
            .to_ascii_lowercase()
            .parse()
            .map_err(|_| replay::damaged(&connection, "record 0".to_owned(), "it has no home's id"))?;
        options.watch.remember(rows::sighting(&connection)?, past.latest);
        let in_force = cell.get_or_init(|| InForce::new(policy.clone())).clone();
        in_force.set(policy.clone());
        departures.freeze(past.pending.frozen.keys().cloned().collect());
        let signed = past.open.values().filter(|open| open.signature.is_some());
        departures.begin(signed.map(|open| (open.spend.account.clone(), open.spend.id)));
        let mut book = Self {
            log: past.log,
            home,
            policy,
            until,
            in_force,
            departures: departures.clone(),
            pending: past.pending,
            counters: past.counters,
            open: past.open,
            next: past.next,
            position: past.position,
            decimals: past.decimals,
            requesters: options.requesters.clone(),
            watch: options.watch.clone(),
            remembered: Timestamp::EPOCH,
            connection,
        };
        if wished.is_some() {
            book.begin_policy()?;
        }
        Ok(book)
    }

    /// Puts the bundle in force that was taken over from the file.
    fn begin_policy(&mut self) -> Result<(), StoreError> {
        let run = |c: &Connection, sql: &str| c.execute_batch(sql).map_err(|source| file::failed(c, source));
        run(&self.connection, "BEGIN IMMEDIATE")?;
        let at = self.now();
        let policy = self.policy.clone();
        let begun =
            record::InForce { at, policy: Hex(policy.hash()), proposal: None, until: None, then: None };
        self.enact(&policy, begun)?;
        // Nothing is allowed by itself while the clock is suspect; then it waits for people still.
        if self.watch.time().is_ok() {
            self.reconsider_all(at)?;
        }
        self.before_commit()?;
        run(&self.connection, "COMMIT")
    }

    /// The agent's time: never earlier than anything the book has written.
    fn now(&self) -> Timestamp {
        self.watch.steady()
    }

    /// See [`super::Book::unfinished`].
    pub fn unfinished(&self, which: Which) -> Result<Vec<Turn>, StoreError> {
        let before = match which {
            Which::All => self.now().plus_millis(1),
            Which::Stuck => self.now().plus_millis(-STUCK_AFTER),
        };
        let open = self.open.values().map(|open| &open.spend);
        let mut open: Vec<_> =
            open.filter(|spend| spend.state != State::Refused && spend.decided < before).collect();
        open.sort_by_key(|spend| spend.id);
        open.iter().map(|spend| self.turn(spend.id)).collect()
    }

    /// See [`super::Book::last_position`].
    pub fn last_position(&self) -> Option<u64> {
        self.position
    }

    /// See [`super::Book::is_open`].
    pub fn is_open(&self, digest: &Hash) -> bool {
        self.open.values().any(|open| open.payload.digest() == *digest)
    }

    /// See [`super::Book::open_elsewhere`].
    pub fn open_elsewhere(&self, ledger: LedgerId) -> Option<(u64, LedgerId)> {
        let mut open = self.open.values().map(|open| (open.spend.id, open.payload.transfer().ledger));
        open.find(|(_, other)| *other != ledger)
    }

    /// See [`super::Book::is_new`].
    pub fn is_new(&self) -> bool {
        self.next == 1
    }

    /// See [`super::Book::accept_rollback`].
    pub fn accept_rollback(&mut self, ledger: Option<u64>) -> Result<(), StoreError> {
        let at = self.now();
        self.position = ledger.and_then(|size| size.checked_sub(1));
        self.append(&Record::RollbackAccepted(record::Rollback { at, ledger })).map(|_| ())
    }

    /// See [`super::Book::overdue`].
    pub fn overdue(&self) -> Vec<Overdue> {
        let now = self.now();
        let late = self.open.values().filter(|open| open.payload.transfer().valid_until <= now);
        late.map(|open| Overdue {
            spend: open.spend.id,
            digest: open.payload.digest(),
            signed: open.signature.is_some(),
        })
        .collect()
    }

    /// See [`super::Book::explain`].
    pub fn explain(&self, draft: &Draft) -> Explanation {
        let explanation = draft.explain(&self.policy, &self.counters, self.now());
        self.pending.explained(&draft.request.from, &self.policy, explanation)
    }

    /// See [`super::Book::spend`].
    pub fn known(&self, id: u64) -> Result<Option<Spend>, StoreError> {
        if (1..self.next).contains(&id) { self.view(id).map(Some) } else { Ok(None) }
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

    /// See [`super::Book::turned_away`].
    pub fn turned_away(&mut self, refusal: Refusal) -> Result<(), StoreError> {
        let Refusal { who, route, why, .. } = refusal;
        let at = self.now();
        self.append(&Record::TurnedAway(record::TurnedAway { at, who, route, why })).map(|_| ())
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

    /// Appends a record of something that waits for people, and takes over what it says.
    fn append_pending(&mut self, record: &Record) -> Result<u64, StoreError> {
        let position = self.append(record)?;
        let taken = self.pending.take(position, record);
        taken.map_err(|what| replay::damaged(&self.connection, "a new record".to_owned(), &what))?;
        if matches!(record, Record::Frozen(_) | Record::Lifted(_)) {
            self.departures.freeze(self.pending.frozen.keys().cloned().collect());
        }
        Ok(position)
    }
}

impl Store for BookStore {
    fn log(&self) -> &LogTable {
        &self.log
    }

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
    Ok(Unfinished::Kept(Kept { spend, account: open.spend.account.clone(), transfer }))
}

fn append(connection: &Connection, log: &mut LogTable, record: &Record) -> Result<u64, StoreError> {
    let leaf = serde_json::to_vec(record)
        .map_err(|error| replay::damaged(connection, "a new record".to_owned(), &error.to_string()))?;
    log.append(connection, &leaf)
}
