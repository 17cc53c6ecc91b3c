//! What one durable write costs here: the least that any agent has to wait for.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use crate::stats::{median, micros};

const TIMES: usize = 200;

/// Appends 200 bytes and waits for the disk; median in microseconds.
pub fn append(folder: &Path) -> f64 {
    let path = folder.join("append");
    let mut file = File::create(&path).expect("a file");
    let each = || {
        file.write_all(&[7; 200]).expect("the disk writes");
        file.sync_data().expect("the disk writes");
    };
    let found = timed(each);
    std::fs::remove_file(path).expect("the file is there");
    found
}

/// Commits one small row as the book does; median in microseconds.
pub fn row(folder: &Path) -> f64 {
    let folder = tempfile::TempDir::with_prefix_in("commit-", folder).expect("a folder");
    let connection = Connection::open(folder.path().join("commit.db")).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE rows (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;",
        )
        .expect("a database");
    let mut insert = connection.prepare("INSERT INTO rows (bytes) VALUES (?1)").expect("a statement");
    timed(|| {
        insert.execute([[7_u8; 200]]).expect("the disk writes");
    })
}

fn timed(mut each: impl FnMut()) -> f64 {
    median((0..TIMES).map(|_| {
        let begin = Instant::now();
        each();
        micros(begin.elapsed())
    }))
}
