//! Which policy bundle is in force, by the book's own word.
//!
//! The book keeps the text of every bundle that ever was; the log says by its hash which one is in
//! force. The file `policy.toml` is only what somebody would like: it is taken over at a start when
//! there is no bundle yet, or when the one in force has no administrators who would have to agree.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use bursar_core::log::Hash;
use bursar_core::policy::Policy;
use bursar_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::read;
use super::record::Record;
use super::replay::damaged;
use crate::clock::Tolerance;
use crate::store::{StoreError, file};

/// The bundle in force, for everybody who reads while the writer may change it.
#[derive(Clone, Debug)]
pub struct InForce(Arc<RwLock<Arc<Policy>>>);

impl InForce {
    /// This one.
    pub fn new(policy: Arc<Policy>) -> Self {
        Self(Arc::new(RwLock::new(policy)))
    }

    /// As of now.
    pub fn get(&self) -> Arc<Policy> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Only the writer does so, with the record.
    pub(super) fn set(&self, policy: Arc<Policy>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }
}

/// What the log says of the bundle in force.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The bundle.
    pub policy: Arc<Policy>,
    /// Break-glass: when it ends, and the hash of the bundle to go back to.
    pub until: Option<(Timestamp, Hash)>,
}

impl Standing {
    /// As of this time: when the day of a break-glass bundle is over, the bundle before it is what
    /// counts, though no record says so yet.
    pub fn at(self, connection: &Connection, now: Timestamp) -> Result<Self, StoreError> {
        match self.until {
            Some((until, then)) if until <= now => {
                Ok(Self { policy: Arc::new(bundle(connection, &then)?), until: None })
            }
            _ => Ok(self),
        }
    }
}

/// The bundle that the log says is in force; `None` in a book that has none yet.
pub fn find(connection: &Connection) -> Result<Option<Standing>, StoreError> {
    let position: Option<u64> = connection
        .query_row("SELECT position FROM in_force", [], |row| row.get(0))
        .optional()
        .map_err(|source| file::failed(connection, source))?;
    let Some(position) = position else { return Ok(None) };
    let Record::Policy(record) = read::record(connection, position)? else {
        return Err(damaged(connection, format!("record {position}"), "it does not put a policy in force"));
    };
    let policy = Arc::new(bundle(connection, &record.policy.0)?);
    Ok(Some(Standing { policy, until: record.until.zip(record.then.map(|then| then.0)) }))
}

/// The bundle in force in a home's book; `None` if there is no book yet, or no bundle.
pub fn of_home(home: &Path) -> Result<Option<Standing>, StoreError> {
    if !home.join(super::FILE).exists() {
        return Ok(None);
    }
    let connection = read::open(home)?;
    // A book that is damaged or of another version says so when it is opened.
    let known: bool = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'in_force'", [], |row| row.get(0))
        .map_err(|source| file::failed(&connection, source))?;
    if known { find(&connection) } else { Ok(None) }
}

/// [`of_home`] as of now, by the time that an agent would go by if it ran.
pub fn of_home_now(home: &Path, tolerance: Tolerance) -> Result<Option<Standing>, StoreError> {
    let Some(standing) = of_home(home)? else { return Ok(None) };
    let connection = read::open(home)?;
    let now = read::time(&connection, tolerance)?;
    standing.at(&connection, now).map(Some)
}

/// May the file take the place of the bundle in force? Only if nobody has to agree to that; and never
/// while break-glass lasts, after which the bundle before comes back, whatever the one of the day says.
pub fn is_open(standing: Option<&Standing>) -> bool {
    standing.is_none_or(|standing| standing.policy.administrators().is_none() && standing.until.is_none())
}

/// The bundle with this hash, which the book has to have.
pub fn bundle(connection: &Connection, hash: &Hash) -> Result<Policy, StoreError> {
    let text = text(connection, hash)?;
    Policy::parse(&text).map_err(|error| {
        let what = format!("one of them cannot be read any more: {error}");
        damaged(connection, "the policy bundles".to_owned(), &what)
    })
}

/// The text of the bundle with this hash.
pub fn text(connection: &Connection, hash: &Hash) -> Result<String, StoreError> {
    let wrong = |what: &str| damaged(connection, "the policy bundles".to_owned(), what);
    let text: Option<String> = connection
        .prepare_cached("SELECT text FROM bundles WHERE hash = ?1")
        .and_then(|mut one| one.query_row([hash.as_slice()], |row| row.get(0)).optional())
        .map_err(|source| file::failed(connection, source))?;
    let text = text.ok_or_else(|| wrong("one that a record names is missing"))?;
    if Hash::from(Sha256::digest(&text)) != *hash {
        return Err(wrong("one of them was changed"));
    }
    Ok(text)
}

/// Refuses bundles that were changed, and others than those that the records name.
pub(super) fn check(connection: &Connection, named: &BTreeSet<Hash>) -> Result<(), StoreError> {
    let failed = |source| file::failed(connection, source);
    let wrong = |what: &str| damaged(connection, "the policy bundles".to_owned(), what);
    let mut all = connection.prepare("SELECT hash FROM bundles NOT INDEXED").map_err(failed)?;
    let all = all.query_map([], |row| row.get(0)).map_err(failed)?;
    let kept = all.collect::<Result<BTreeSet<Hash>, _>>().map_err(failed)?;
    if kept != *named {
        return Err(wrong("they are not those that the records name"));
    }
    // As it is looked for, by the index, and as it is written there.
    kept.iter().try_for_each(|hash| text(connection, hash).map(|_| ()))
}

/// Keeps the text of a bundle.
pub(super) fn keep(connection: &Connection, policy: &Policy) -> Result<(), StoreError> {
    let run = || {
        connection
            .prepare_cached("INSERT OR IGNORE INTO bundles VALUES (?1, ?2)")?
            .execute(params![policy.hash().as_slice(), policy.text()])
    };
    run().map(|_| ()).map_err(|source| file::failed(connection, source))
}

/// Remembers which record put the bundle in force.
pub(super) fn point(connection: &Connection, position: u64) -> Result<(), StoreError> {
    let run =
        || connection.prepare_cached("INSERT OR REPLACE INTO in_force VALUES (1, ?1)")?.execute([position]);
    run().map(|_| ()).map_err(|source| file::failed(connection, source))
}
