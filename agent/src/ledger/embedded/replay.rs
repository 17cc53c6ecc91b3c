//! Reading the whole log again: the state that follows from it, and proof that the file agrees.

use std::collections::HashMap;

use bursar_core::amount::Amount;
use bursar_core::log::SignedCheckpoint;
use bursar_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::entry::Entry;
use super::genesis::Genesis;
use super::sqlite::{FILE, nonce_key, nonce_position, receipt};
use super::state::{Holding, State};
use crate::ledger::Receipt;
use crate::store::log::{self, LogTable};
use crate::store::{StoreError, file};

/// Entries between two reports of progress.
const STRIDE: u64 = 10_000;

/// Are the signatures of who paid or issued verified again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// No: they were when they were recorded. About 20 us an entry.
    Trusted,
    /// Yes. About 50 us more an entry.
    Verified,
}

/// What the log says.
pub struct Past {
    /// The tree.
    pub log: LogTable,
    /// The balances after the last entry.
    pub state: State,
    /// The latest time that was told or recorded.
    pub latest: Timestamp,
    /// The latest signed checkpoint.
    pub checkpoint: Option<SignedCheckpoint>,
}

/// Reads every entry in order; refuses a file that contradicts itself, and names the first place.
pub fn replay(
    connection: &Connection,
    genesis: &Genesis,
    signatures: Signatures,
    progress: impl Fn(u64),
) -> Result<Past, StoreError> {
    let (ledger, told) = about(connection)?;
    if ledger != genesis.id().0 {
        return Err(StoreError::Open {
            file: FILE.to_owned(),
            what: format!(
                "it is of another ledger than {}; use the genesis that it began with",
                genesis.id()
            ),
        });
    }
    let mut state = State::first(genesis);
    let mut last = Timestamp::EPOCH;
    let log = LogTable::open(connection, |position, leaf| {
        if position > 0 && position.is_multiple_of(STRIDE) {
            progress(position);
        }
        let wrong = |what: &str| damaged(connection, format!("entry {position}"), what);
        let entry = Entry::decode(leaf).map_err(|error| wrong(&error.to_string()))?;
        if entry.position != position {
            return Err(wrong(&format!("it says that it is entry {}", entry.position)));
        }
        if entry.recorded < last {
            return Err(wrong("it is older than the entry before it"));
        }
        let change = state
            .check(&entry.payload, entry.recorded)
            .map_err(|refusal| wrong(&format!("it should never have been recorded: {refusal}")))?;
        compare(connection, genesis, &entry)?;
        last = entry.recorded;
        if signatures == Signatures::Verified {
            entry.verify().map_err(|error| wrong(&error.to_string()))?;
        }
        state.apply(change);
        Ok(())
    })?;
    for table in ["transactions", "nonces"] {
        let rows: u64 = one(connection, &format!("SELECT count(*) FROM {table}"))?;
        if rows != log.size() {
            return Err(damaged(
                connection,
                format!("the table {table}"),
                "it has rows that no entry gave it",
            ));
        }
    }
    if balances(connection)? != *state.balances() {
        return Err(damaged(
            connection,
            "the table balances".to_owned(),
            "it does not follow from the entries",
        ));
    }
    let checkpoint = checkpoint(connection, genesis)?;
    if let Some(signed) = &checkpoint {
        let said = signed.checkpoint();
        if said.size > log.size() || log::root_at(connection, said.size)? != said.root {
            let what = "the node signed another log: entries were cut off or replaced";
            return Err(damaged(connection, format!("the first {} entries", said.size), what));
        }
    }
    Ok(Past { log, state, latest: told.max(last), checkpoint })
}

/// The rows beside the log that one entry left behind.
fn compare(connection: &Connection, genesis: &Genesis, entry: &Entry) -> Result<(), StoreError> {
    let wrong = |what: &str| Err(damaged(connection, format!("entry {}", entry.position), what));
    let (digest, transfer) = (entry.payload.digest(), entry.payload.transfer());
    let expected =
        Receipt { ledger: genesis.id(), position: entry.position, recorded: entry.recorded, digest };
    if receipt(connection, genesis, &digest)? != Some(expected) {
        return wrong("it is not what the table transactions says");
    }
    if nonce_position(connection, &nonce_key(&transfer.from, &transfer.nonce))? != Some(entry.position) {
        return wrong("its nonce was used before, or is not in the table nonces");
    }
    Ok(())
}

/// The ledger's id, and the latest time that it told without an entry.
fn about(connection: &Connection) -> Result<([u8; 32], Timestamp), StoreError> {
    let (ledger, latest, negated): ([u8; 32], i64, i64) = connection
        .query_row("SELECT ledger, latest, latest_negated FROM about", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .map_err(|source| file::failed(connection, source))?;
    let wrong = |what: &str| damaged(connection, "the table about".to_owned(), what);
    // No entry vouches for it, so it is there twice.
    if latest.checked_neg() != Some(negated) {
        return Err(wrong("its time is not what was written"));
    }
    let latest = Timestamp::from_millis(latest).map_err(|error| wrong(&error.to_string()))?;
    Ok((ledger, latest))
}

/// The latest signed checkpoint; its signature is verified.
pub fn checkpoint(
    connection: &Connection,
    genesis: &Genesis,
) -> Result<Option<SignedCheckpoint>, StoreError> {
    let text: Option<String> = connection
        .query_row("SELECT text FROM checkpoint", [], |row| row.get(0))
        .optional()
        .map_err(|source| file::failed(connection, source))?;
    let parse = |text: String| SignedCheckpoint::parse(&text, genesis.origin(), genesis.node());
    text.map(parse)
        .transpose()
        .map_err(|error| damaged(connection, "the signed checkpoint".to_owned(), &error.to_string()))
}

/// The stored balances.
pub fn balances(connection: &Connection) -> Result<HashMap<Holding, Amount>, StoreError> {
    let failed = |source| file::failed(connection, source);
    let mut statement = connection.prepare("SELECT account, asset, amount FROM balances").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut balances = HashMap::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let text = |column| row.get::<_, String>(column).map_err(failed);
        let (account, asset, amount) = (text(0)?, text(1)?, text(2)?);
        let (Ok(key), Ok(name), Ok(units)) = (account.parse(), asset.parse(), amount.parse()) else {
            let what = format!("the row of {account} in {asset} is not readable");
            return Err(damaged(connection, "the table balances".to_owned(), &what));
        };
        balances.insert((key, name), units);
    }
    Ok(balances)
}

fn one<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> Result<T, StoreError> {
    connection.query_row(sql, [], |row| row.get(0)).map_err(|source| file::failed(connection, source))
}

/// The file contradicts itself at this place.
pub fn damaged(connection: &Connection, place: String, what: &str) -> StoreError {
    StoreError::Damaged { file: file::name(connection), place, what: what.to_owned() }
}
