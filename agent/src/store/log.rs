//! An append-only Merkle log in a SQLite file.
//!
//! | table | holds |
//! |---|---|
//! | `records` | position and bytes of each record; the hash of the bytes is the leaf. The last record of a commit also holds the tree's root as of that commit |
//! | `nodes` | finished subtrees of 2^8, 2^16, … leaves, so that a proof reads at most 256 records a step |

use bursar_core::log::{Frontier, Hash, Node, STORED_EVERY, leaf_hash, node_hash};
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, file};

/// The root stands beside the record, not in a row of its own: a commit then writes one page less.
pub const SCHEMA: &str = "
    CREATE TABLE records (position INTEGER PRIMARY KEY, leaf BLOB NOT NULL, root BLOB) STRICT;
    CREATE TABLE nodes (level INTEGER NOT NULL, place INTEGER NOT NULL, hash BLOB NOT NULL,
        PRIMARY KEY (level, place)) STRICT, WITHOUT ROWID;
";

/// The tree's right edge in memory; the rest is in the file.
#[derive(Clone, Debug)]
pub struct LogTable {
    frontier: Frontier,
    /// Up to where the root is stored.
    saved: u64,
}

/// Makes the tables of an empty log.
pub fn create(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(SCHEMA).map_err(|source| file::failed(connection, source))
}

impl LogTable {
    /// Reads every record in order, rebuilds the tree, and compares it with what is stored.
    ///
    /// `each` sees each record and may find it damaged. About a second for a million records.
    pub fn open(
        connection: &Connection,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let failed = |source| file::failed(connection, source);
        let damaged = |place: String, what: &str| StoreError::Damaged {
            file: file::name(connection),
            place,
            what: what.to_owned(),
        };
        let places = |first: u64, last: u64| match first {
            first if first == last => format!("record {first}"),
            first => format!("records {first} to {last}"),
        };
        let (mut frontier, mut vouched) = (Frontier::empty(), 0);
        let mut nodes =
            connection.prepare("SELECT hash FROM nodes WHERE level = ?1 AND place = ?2").map_err(failed)?;
        let mut records = connection
            .prepare("SELECT position, leaf, root FROM records ORDER BY position")
            .map_err(failed)?;
        let mut rows = records.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let position = frontier.size();
            let found: i64 = row.get(0).map_err(failed)?;
            if u64::try_from(found) != Ok(position) {
                return Err(damaged(format!("record {position}"), "it is missing"));
            }
            let leaf = row.get_ref(1).and_then(|leaf| Ok(leaf.as_blob()?)).map_err(failed)?;
            for finished in frontier.push(leaf_hash(leaf)).into_iter().filter(is_stored) {
                let stored: Option<Hash> = nodes
                    .query_row(params![finished.level, finished.index], |row| row.get(0))
                    .optional()
                    .map_err(failed)?;
                if stored != Some(finished.hash) {
                    let first = position + 1 - (1u64 << finished.level);
                    return Err(damaged(
                        format!("records {first} to {position}"),
                        "they are not what was written",
                    ));
                }
            }
            let root: Option<Hash> = row.get(2).map_err(failed)?;
            if root.is_some_and(|root| root != frontier.root()) {
                return Err(damaged(places(vouched, position), "they do not give the root that was written"));
            }
            vouched = if root.is_some() { position + 1 } else { vouched };
            each(position, leaf)?;
        }
        if vouched != frontier.size() {
            return Err(damaged(
                places(vouched, frontier.size().saturating_sub(1)),
                "the end of their commit is missing",
            ));
        }
        Ok(Self { saved: frontier.size(), frontier })
    }

    /// Number of records.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Root of the tree over all records.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Appends a record inside the open transaction; answers its position.
    pub fn append(&mut self, connection: &Connection, leaf: &[u8]) -> Result<u64, StoreError> {
        let position = self.frontier.size();
        let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> Result<(), StoreError> {
            let run = || connection.prepare_cached(sql)?.execute(values);
            run().map(|_| ()).map_err(|source| file::failed(connection, source))
        };
        run("INSERT INTO records VALUES (?1, ?2, NULL)", params![position, leaf])?;
        for finished in self.frontier.push(leaf_hash(leaf)).into_iter().filter(is_stored) {
            run(
                "INSERT INTO nodes VALUES (?1, ?2, ?3)",
                params![finished.level, finished.index, finished.hash.as_slice()],
            )?;
        }
        Ok(position)
    }

    /// Writes the root beside the last record; once per commit. Without it the next start refuses the log.
    pub fn save(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if self.saved == self.size() {
            return Ok(());
        }
        let run = || {
            connection
                .prepare_cached("UPDATE records SET root = ?2 WHERE position = ?1")?
                .execute(params![self.size() - 1, self.root().as_slice()])
        };
        run().map_err(|source| file::failed(connection, source))?;
        self.saved = self.size();
        Ok(())
    }
}

/// Size and root as of the last commit.
pub fn head(connection: &Connection) -> Result<(u64, Hash), StoreError> {
    let last = connection
        .query_row("SELECT position, root FROM records ORDER BY position DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, u64>(0)? + 1, row.get(1)?))
        })
        .optional()
        .map_err(|source| file::failed(connection, source))?;
    Ok(last.unwrap_or_else(|| (0, Frontier::empty().root())))
}

/// The bytes of one record.
pub fn record(connection: &Connection, position: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let run = || {
        connection
            .prepare_cached("SELECT leaf FROM records WHERE position = ?1")?
            .query_row([position], |row| row.get(0))
            .optional()
    };
    run().map_err(|source| file::failed(connection, source))
}

/// Root of the tree over the first `size` records, from what is stored.
pub fn root_at(connection: &Connection, size: u64) -> Result<Hash, StoreError> {
    Frontier::restore(size, |level, place| node(connection, level, place)).map(|frontier| frontier.root())
}

/// A finished subtree of 2^`level` leaves, read or computed from at most 256 stored hashes a level.
pub fn node(connection: &Connection, level: u8, place: u64) -> Result<Hash, StoreError> {
    if level == 0 {
        let leaf = record(connection, place)?;
        return leaf
            .map(|leaf| leaf_hash(&leaf))
            .ok_or_else(|| missing(connection, format!("record {place}")));
    }
    if level.is_multiple_of(STORED_EVERY) {
        let run = || {
            connection
                .prepare_cached("SELECT hash FROM nodes WHERE level = ?1 AND place = ?2")?
                .query_row(params![level, place], |row| row.get(0))
                .optional()
        };
        let stored: Option<Hash> = run().map_err(|source| file::failed(connection, source))?;
        return stored.ok_or_else(|| missing(connection, format!("node {level}/{place}")));
    }
    Ok(node_hash(&node(connection, level - 1, place * 2)?, &node(connection, level - 1, place * 2 + 1)?))
}

fn is_stored(node: &Node) -> bool {
    node.level > 0 && node.level.is_multiple_of(STORED_EVERY)
}

fn missing(connection: &Connection, place: String) -> StoreError {
    StoreError::Damaged { file: file::name(connection), place, what: "it is missing".to_owned() }
}
