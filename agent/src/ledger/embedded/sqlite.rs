//! The ledger's file: what runs on the writer's thread, inside its transactions.
//!
//! | table | holds |
//! |---|---|
//! | `records`, `nodes` | the log, see [`crate::store::log`] |
//! | `transactions` | digest, position and time of each transaction |
//! | `nonces` | nonce and account of each transaction: once, for ever |
//! | `balances` | what each account has now; zeros are left out |
//! | `about` | the ledger's id, and the latest time that it told anybody when no entry said so |
//! | `checkpoint` | the latest signed checkpoint |
//!
//! Everything but the log, the time and the checkpoint follows from the log and is compared with it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bursar_core::decode::transfer::{Nonce, Payload};
use bursar_core::key::PublicKey;
use bursar_core::log::{Hash, SignedCheckpoint};
use bursar_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::entry;
use super::genesis::Genesis;
use super::replay::{self, Signatures};
use super::state::{Holding, State};
use crate::ledger::{Receipt, Refusal, Status};
use crate::store::log::{self, LogTable};
use crate::store::{Store, StoreError, file};

/// The file's name in the home folder.
pub const FILE: &str = "ledger.db";
/// SQLite's `application_id` of a ledger: "Bkld".
pub const MARK: i32 = 0x426b_6c64;

/// The tables.
pub const SCHEMA: &str = "
    CREATE TABLE transactions (digest BLOB PRIMARY KEY, position INTEGER NOT NULL, recorded INTEGER NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE TABLE nonces (nonce BLOB PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE balances (account TEXT NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL,
        PRIMARY KEY (account, asset)) STRICT, WITHOUT ROWID;
    CREATE TABLE about (one INTEGER PRIMARY KEY CHECK (one = 1), ledger BLOB NOT NULL, latest INTEGER NOT NULL,
        latest_negated INTEGER NOT NULL) STRICT;
    CREATE TABLE checkpoint (one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT NOT NULL) STRICT;
";

/// Where the ledger takes the time from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A transfer on its way to the writer: whatever can be made before is made before.
pub struct Submission {
    /// What is to be recorded; its signature was verified.
    pub payload: Payload,
    /// Its envelope as JSON.
    pub envelope: String,
}

/// The file, and memory that mirrors it.
pub struct LedgerStore {
    connection: Connection,
    genesis: Arc<Genesis>,
    log: LogTable,
    state: State,
    changed: HashSet<Holding>,
    /// The latest time that was told or recorded: the ledger's time never goes back behind it.
    latest: Timestamp,
    /// The latest time that was told without an entry.
    told: Timestamp,
    /// The latest time that the file vouches for, by its last entry or by `about`.
    kept: Timestamp,
    clock: Clock,
}

/// Makes the file of a ledger without entries.
pub fn create(path: &Path, genesis: &Genesis) -> Result<(), StoreError> {
    if path.exists() {
        return Err(StoreError::Open {
            file: FILE.to_owned(),
            what: "it exists already and is never replaced; use another home folder".to_owned(),
        });
    }
    let connection = file::open(path, MARK, true)?;
    let execute =
        |sql: &str| connection.execute_batch(sql).map_err(|source| file::failed(&connection, source));
    execute("BEGIN IMMEDIATE")?;
    log::create(&connection)?;
    execute(SCHEMA)?;
    run(&connection, "INSERT INTO about VALUES (1, ?1, 0, 0)", params![genesis.id().0.as_slice()])?;
    let first = State::first(genesis);
    save_balances(&connection, &first, first.balances().keys())?;
    execute("COMMIT")
}

impl LedgerStore {
    /// Opens the file, reads every entry, and compares with everything that follows from them.
    /// Signatures were verified before they were recorded; `ledger verify` does so again.
    pub fn open(
        path: &Path,
        genesis: &Arc<Genesis>,
        clock: &Clock,
        progress: fn(u64),
    ) -> Result<Self, StoreError> {
        let connection = file::open(path, MARK, false)?;
        file::check(&connection, &[log::SCHEMA, SCHEMA])?;
        let past = replay::replay(&connection, genesis, Signatures::Trusted, progress)?;
        Ok(Self {
            genesis: genesis.clone(),
            log: past.log,
            state: past.state,
            changed: HashSet::new(),
            latest: past.latest,
            told: past.latest,
            kept: past.latest,
            clock: clock.clone(),
            connection,
        })
    }

    /// The ledger's time: the clock's, but never earlier than anything it has told.
    fn now(&mut self) -> Timestamp {
        self.latest = self.latest.max((self.clock)());
        self.latest
    }

    /// Records a transfer, answers its receipt again, or refuses it.
    pub fn submit(&mut self, new: &Submission) -> Result<Result<Receipt, Refusal>, StoreError> {
        let (digest, transfer) = (new.payload.digest(), new.payload.transfer());
        if let Some(receipt) = receipt(&self.connection, &self.genesis, &digest)? {
            return Ok(Ok(receipt));
        }
        let nonce = nonce_key(&transfer.from, &transfer.nonce);
        if let Some(position) = nonce_position(&self.connection, &nonce)? {
            return Ok(Err(Refusal::NonceUsed(position)));
        }
        let recorded = self.now();
        let change = match self.state.check(&new.payload, recorded) {
            Ok(change) => change,
            Err(refusal) => {
                // What was too late once is not recorded later, even if the clock is set back.
                self.told = recorded;
                return Ok(Err(refusal));
            }
        };
        let leaf = entry::leaf(self.log.size(), recorded, &new.envelope);
        let position = self.log.append(&self.connection, &leaf)?;
        let row = params![digest.as_slice(), position, recorded.millis()];
        run(&self.connection, "INSERT INTO transactions VALUES (?1, ?2, ?3)", row)?;
        run(&self.connection, "INSERT INTO nonces VALUES (?1, ?2)", params![nonce, position])?;
        self.changed.extend(change.holdings().cloned());
        self.state.apply(change);
        self.kept = recorded;
        Ok(Ok(Receipt { ledger: self.genesis.id(), position, recorded, digest }))
    }

    /// What became of a transaction. Told after a commit, so that `as_of` is remembered: a
    /// transaction that was said to be too late is never recorded after all.
    pub fn status(&mut self, digest: &Hash) -> Result<Status, StoreError> {
        Ok(match receipt(&self.connection, &self.genesis, digest)? {
            Some(receipt) => Status::Recorded(receipt),
            None => {
                self.told = self.now();
                Status::Absent { as_of: self.told }
            }
        })
    }

    /// Size and root, as they are when this command's commit is durable.
    pub fn head(&self) -> (u64, Hash) {
        (self.log.size(), self.log.root())
    }

    /// Keeps a signed checkpoint in place of an older one, never in place of a newer; answers
    /// whether it is of this log.
    pub fn keep_checkpoint(&mut self, signed: &SignedCheckpoint) -> Result<bool, StoreError> {
        let checkpoint = signed.checkpoint();
        let ours = checkpoint.origin == *self.genesis.origin()
            && checkpoint.size <= self.log.size()
            && checkpoint.root == log::root_at(&self.connection, checkpoint.size)?;
        let kept = replay::checkpoint(&self.connection, &self.genesis)?.map(|kept| kept.checkpoint().size);
        if ours && kept.is_none_or(|kept| kept <= checkpoint.size) {
            let row = params![signed.as_str()];
            run(&self.connection, "INSERT OR REPLACE INTO checkpoint VALUES (1, ?1)", row)?;
        }
        Ok(ours)
    }
}

impl Store for LedgerStore {
    fn log(&self) -> &LogTable {
        &self.log
    }

    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn before_commit(&mut self) -> Result<(), StoreError> {
        save_balances(&self.connection, &self.state, self.changed.iter())?;
        self.changed.clear();
        self.log.save(&self.connection)?;
        if self.told > self.kept {
            run(
                &self.connection,
                "UPDATE about SET latest = ?1, latest_negated = -?1",
                params![self.told.millis()],
            )?;
            self.kept = self.told;
        }
        Ok(())
    }
}

/// Writes these holdings as they are now; lost, the next start refuses the file.
fn save_balances<'a>(
    connection: &Connection,
    state: &State,
    holdings: impl Iterator<Item = &'a Holding>,
) -> Result<(), StoreError> {
    for holding in holdings {
        let (account, asset, amount) = (holding.0.to_string(), holding.1.as_str(), state.balance(holding));
        if amount.is_zero() {
            run(
                connection,
                "DELETE FROM balances WHERE account = ?1 AND asset = ?2",
                params![account, asset],
            )?;
        } else {
            let row = params![account, asset, amount.to_string()];
            run(connection, "INSERT OR REPLACE INTO balances VALUES (?1, ?2, ?3)", row)?;
        }
    }
    Ok(())
}

/// The receipt of a transaction that is on the ledger.
pub fn receipt(
    connection: &Connection,
    genesis: &Genesis,
    digest: &Hash,
) -> Result<Option<Receipt>, StoreError> {
    let find = || {
        connection
            .prepare_cached("SELECT position, recorded FROM transactions WHERE digest = ?1")?
            .query_row([digest.as_slice()], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))
            .optional()
    };
    let found: Option<(u64, i64)> = find().map_err(|source| file::failed(connection, source))?;
    let Some((position, recorded)) = found else { return Ok(None) };
    let recorded = Timestamp::from_millis(recorded)
        .map_err(|error| replay::damaged(connection, format!("entry {position}"), &error.to_string()))?;
    Ok(Some(Receipt { ledger: genesis.id(), position, recorded, digest: *digest }))
}

/// The position at which an account used a nonce.
pub fn nonce_position(connection: &Connection, nonce: &[u8]) -> Result<Option<u64>, StoreError> {
    let find = || {
        connection
            .prepare_cached("SELECT position FROM nonces WHERE nonce = ?1")?
            .query_row([nonce], |row| row.get(0))
            .optional()
    };
    find().map_err(|source| file::failed(connection, source))
}

/// Nonce, one byte for the algorithm, key: what has to be unique.
pub fn nonce_key(account: &PublicKey, nonce: &Nonce) -> Vec<u8> {
    let algorithm = match account {
        PublicKey::Ed25519(_) => 1,
        PublicKey::P256(_) => 2,
        PublicKey::Secp256k1(_) => 3,
    };
    [&nonce.0[..], &[algorithm], account.bytes()].concat()
}

fn run(connection: &Connection, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<(), StoreError> {
    let run = || connection.prepare_cached(sql)?.execute(values);
    run().map(|_| ()).map_err(|source| file::failed(connection, source))
}
