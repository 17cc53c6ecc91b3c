//! The files of a home, read with plain SQLite and nothing of the agent's own code.

use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The files that hold a home's state.
pub const STATE: [&str; 6] =
    ["book.db", "book.db-wal", "book.db-shm", "ledger.db", "ledger.db-wal", "ledger.db-shm"];

/// One payment on the embedded ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its position.
    pub position: u64,
    /// SHA-256 of the signed payload, in hex.
    pub digest: String,
    /// The signed payload.
    pub payload: Value,
    /// Its one signature, in base64.
    pub signature: String,
}

impl Entry {
    /// Minor units.
    pub fn units(&self) -> u64 {
        text(&self.payload["amount"]).parse().expect("an amount")
    }

    /// What it is for.
    pub fn memo(&self) -> &str {
        text(&self.payload["memo"])
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Copies what is there of a home's state; what is not there is deleted in `to`.
pub fn copy_state(from: &Path, to: &Path) {
    for name in STATE {
        let _ = std::fs::remove_file(to.join(name));
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).expect("a copy");
        }
    }
}

/// Opens a file as SQLite does by default, so that a write-ahead log is taken in.
pub fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database")
}

/// The records of the log in a file, in order.
pub fn leaves(connection: &Connection) -> Vec<Vec<u8>> {
    let mut statement = connection.prepare("SELECT leaf FROM records ORDER BY position").expect("records");
    let rows = statement.query_map([], |row| row.get(0)).expect("records");
    rows.map(|row| row.expect("a record")).collect()
}

/// Looks at a state as a crash left it, in a copy, so that the state itself stays as it is.
fn peek(home: &Path, name: &str) -> Vec<Vec<u8>> {
    let copy = tempfile::tempdir().expect("a folder");
    copy_state(home, copy.path());
    leaves(&open(&copy.path().join(name)))
}

/// The audit log's records, as JSON.
pub fn records(home: &Path) -> Vec<Value> {
    peek(home, "book.db").iter().map(|leaf| serde_json::from_slice(leaf).expect("a record")).collect()
}

/// The bundles that came into force, by their hashes. Each decision between has to be by the last one.
pub fn bundles(home: &Path) -> Vec<String> {
    let mut bundles: Vec<String> = Vec::new();
    for record in records(home) {
        let (kind, about) = record.as_object().and_then(|record| record.iter().next()).expect("a record");
        let policy = about["policy"].as_str();
        match kind.as_str() {
            "policy" => bundles.push(policy.expect("a hash").to_owned()),
            "allowed" | "denied" | "waiting" => {
                assert_eq!(policy, bundles.last().map(String::as_str), "{record}");
            }
            _ => {}
        }
    }
    bundles
}

/// The ledger's entries.
pub fn entries(home: &Path) -> Vec<Entry> {
    peek(home, "ledger.db")
        .iter()
        .map(|leaf| {
            let leaf: Value = serde_json::from_slice(leaf).expect("an entry");
            let payload = BASE64.decode(text(&leaf["envelope"]["payload"]).as_bytes()).expect("base64");
            Entry {
                position: leaf["position"].as_u64().expect("a position"),
                digest: HEXLOWER.encode(&Sha256::digest(&payload)),
                signature: text(&leaf["envelope"]["signatures"][0]["sig"]).to_owned(),
                payload: serde_json::from_slice(&payload).expect("a payload"),
            }
        })
        .collect()
}

/// Everything that a file says: its schema, and every row of every table, in a fixed order.
pub fn dump(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut lines = Vec::new();
    for name in std::iter::once("sqlite_schema".to_owned()).chain(names) {
        // Where its pages lie is no content.
        let columns = if name == "sqlite_schema" { "type, name, tbl_name, sql" } else { "*" };
        let mut statement = connection.prepare(&format!("SELECT {columns} FROM \"{name}\""))?;
        let count = statement.column_count();
        let mut rows = statement.query([])?;
        let mut of_table = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..count).map(|i| row.get_ref(i).map(shown)).collect::<Result<Vec<_>, _>>()?;
            of_table.push(format!("{name}: {}", values.join(" | ")));
        }
        of_table.sort();
        lines.append(&mut of_table);
    }
    Ok(lines)
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("real {number}"),
        ValueRef::Text(bytes) => format!("text {}", String::from_utf8_lossy(bytes)),
        ValueRef::Blob(bytes) => format!("blob {}", HEXLOWER.encode(bytes)),
    }
}

/// What the book has seen of the clocks last.
pub fn sighting(home: &Path) -> Value {
    let copy = tempfile::tempdir().expect("a folder");
    copy_state(home, copy.path());
    let text: String = open(&copy.path().join("book.db"))
        .query_row("SELECT sighting FROM clock", [], |row| row.get(0))
        .expect("a sighting");
    serde_json::from_str(&text).expect("a sighting")
}
