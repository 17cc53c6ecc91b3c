//! Opening SQLite files the durable way.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// Names the file in an error of SQLite.
pub fn failed(connection: &Connection, source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { file: name(connection), source }
}

/// The file's name without its folder.
pub fn name(connection: &Connection) -> String {
    let path = connection.path().map(Path::new).and_then(Path::file_name);
    path.map_or_else(|| "database".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Opens for writing and sets what durability rests on; `id` tells one kind of file from another.
///
/// WAL with `synchronous=FULL`: a commit is on disk when it returns. `cell_size_check` and
/// `trusted_schema=OFF` because the file may have been damaged or replaced.
pub fn open(path: &Path, id: i32, create: bool) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
    if create {
        private(path)?;
    }
    let connection = connect(path, flags)?;
    let set = || -> rusqlite::Result<()> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
        connection.pragma_update(None, "cache_size", -2000)?;
        if create {
            connection.pragma_update(None, "application_id", id)?;
        }
        Ok(())
    };
    set().map_err(|source| failed(&connection, source))?;
    expect(&connection, id)?;
    Ok(connection)
}

/// Makes the file for its owner alone; SQLite gives its write-ahead log the same permissions.
fn private(path: &Path) -> Result<(), StoreError> {
    let made = std::fs::File::options().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(|_| ()).map_err(|error| StoreError::Open {
        file: path.display().to_string(),
        what: format!("{error}; look at the folder's permissions"),
    })
}

/// Opens for reading beside a running writer.
pub fn open_readonly(path: &Path, id: i32) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    expect(&connection, id)?;
    Ok(connection)
}

/// Looks for damage that SQLite itself can see: pages, cells, indexes; and for tables, indexes or
/// triggers other than the ones that `schema` makes.
pub fn check(connection: &Connection, schema: &[&str]) -> Result<(), StoreError> {
    let damaged =
        |what: String| StoreError::Damaged { file: name(connection), place: "the pages".to_owned(), what };
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| damaged(error.to_string()))?;
    if found != "ok" {
        return Err(damaged(found));
    }
    let expected = Connection::open_in_memory().and_then(|fresh| {
        schema.iter().try_for_each(|sql| fresh.execute_batch(sql))?;
        objects(&fresh)
    });
    let expected = expected.map_err(|source| failed(connection, source))?;
    let found = objects(connection).map_err(|source| failed(connection, source))?;
    match found
        .iter()
        .find(|object| !expected.contains(object))
        .or(expected.iter().find(|o| !found.contains(o)))
    {
        None => Ok(()),
        Some((name, _)) => Err(damaged(format!("the definition of {name} is not what this program makes"))),
    }
}

/// Every table, index and trigger with the text that made it.
fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, Option<String>)>> {
    let mut statement =
        connection.prepare("SELECT type || ' ' || name || ' of ' || tbl_name, sql FROM sqlite_schema")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let wrong = |error: rusqlite::Error| StoreError::Open {
        file: path.display().to_string(),
        what: format!("{error}; if the file is lost, restore it from a backup"),
    };
    let connection = Connection::open_with_flags(path, flags).map_err(wrong)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(wrong)?;
    connection.pragma_update(None, "trusted_schema", "OFF").map_err(wrong)?;
    connection.pragma_update(None, "cell_size_check", "ON").map_err(wrong)?;
    Ok(connection)
}

fn expect(connection: &Connection, id: i32) -> Result<(), StoreError> {
    let found: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(|source| failed(connection, source))?;
    if found == id {
        return Ok(());
    }
    Err(StoreError::Open {
        file: name(connection),
        what: format!(
            "its mark is {found:#x}, not {id:#x}: this is another kind of file; look which one belongs here"
        ),
    })
}
