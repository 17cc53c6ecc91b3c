//! The rows beside the log: the state of each spend, and the clock as it was seen last.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::replay::damaged;
use super::request::IdempotencyId;
use super::view::State;
use crate::clock::Sighting;
use crate::store::{StoreError, file};
use bursar_core::log::Hash;

/// The tables. A row of `spends` is written when a spend is decided, when it gets stuck, and when
/// it ends; in between the log is ahead of it.
pub const SCHEMA: &str = "
    CREATE TABLE spends (
        id INTEGER PRIMARY KEY,
        idem BLOB NOT NULL UNIQUE,
        body BLOB NOT NULL,
        state INTEGER NOT NULL,
        decision INTEGER NOT NULL,
        signed INTEGER,
        last INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), sighting TEXT NOT NULL, sum BLOB NOT NULL) STRICT;
    CREATE TABLE checkpoint (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
    CREATE TABLE bundles (hash BLOB PRIMARY KEY, text TEXT NOT NULL) STRICT;
    CREATE TABLE in_force (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL) STRICT;
";

/// The spend under an idempotency id, and the hash of its request.
pub fn known(connection: &Connection, idem: &IdempotencyId) -> Result<Option<(u64, Hash)>, StoreError> {
    let run = || {
        connection
            .prepare_cached("SELECT id, body FROM spends WHERE idem = ?1")?
            .query_row([idem.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    };
    run().map_err(|source| file::failed(connection, source))
}

/// A spend that was just decided.
pub fn insert(
    connection: &Connection,
    id: u64,
    idem: &IdempotencyId,
    body: &Hash,
    state: State,
    position: u64,
) -> Result<(), StoreError> {
    run(
        connection,
        "INSERT INTO spends VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?5)",
        params![id, idem.as_slice(), body.as_slice(), state.code(), position],
    )
}

/// A spend that waited was decided, or decided on.
pub fn decide(
    connection: &Connection,
    id: u64,
    state: State,
    decision: u64,
    last: u64,
) -> Result<(), StoreError> {
    run(
        connection,
        "UPDATE spends SET state = ?2, decision = ?3, last = ?4 WHERE id = ?1",
        params![id, state.code(), decision, last],
    )
}

/// Where a spend stands: its state, the position of its signature, and of its latest record.
pub fn update(
    connection: &Connection,
    id: u64,
    state: State,
    signed: Option<u64>,
    last: u64,
) -> Result<(), StoreError> {
    run(
        connection,
        "UPDATE spends SET state = ?2, signed = ?3, last = ?4 WHERE id = ?1",
        params![id, state.code(), signed, last],
    )
}

/// Keeps the latest signed checkpoint.
pub fn save_checkpoint(connection: &Connection, size: u64, text: &str) -> Result<(), StoreError> {
    run(connection, "INSERT OR REPLACE INTO checkpoint VALUES (1, ?1, ?2)", params![size, text])
}

/// Remembers the clock for the next start.
pub fn save_sighting(connection: &Connection, sighting: &Sighting) -> Result<(), StoreError> {
    let text = serde_json::to_string(sighting)
        .map_err(|error| damaged(connection, "the clock's row".to_owned(), &error.to_string()))?;
    let sum = sum(&text);
    run(connection, "INSERT OR REPLACE INTO clock VALUES (1, ?1, ?2)", params![text, sum.as_slice()])
}

/// The clock as an earlier run saw it.
pub fn sighting(connection: &Connection) -> Result<Sighting, StoreError> {
    let (text, stored): (String, Hash) = connection
        .query_row("SELECT sighting, sum FROM clock", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(|source| file::failed(connection, source))?;
    let wrong = |what: &str| damaged(connection, "the clock's row".to_owned(), what);
    if stored != sum(&text) {
        return Err(wrong("its checksum does not hold"));
    }
    serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))
}

/// No record of the log vouches for the clock's row, so it has a checksum: SHA-256 of its text.
fn sum(text: &str) -> Hash {
    Sha256::digest(text).into()
}

fn run(connection: &Connection, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<(), StoreError> {
    let run = || connection.prepare_cached(sql)?.execute(values);
    run().map(|_| ()).map_err(|source| file::failed(connection, source))
}
