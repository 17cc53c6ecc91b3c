//! Damage in the middle of the book or the ledger (fault 13): refused, or nothing had changed.
//!
//! The files are opened by the code that the agent opens them with, in this process, since a
//! process with a token for each of thousands of damaged bytes would take an hour.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use bursar_core::approval::Verdict;
use bursar_tests::person::{administrators, managers, people};
use bursar_tests::policy::{BUDGET, bundle};
use bursar_tests::world::World;
use bursar_tests::{files, opened, programs};
use tempfile::TempDir;

/// Bytes looked at in each file, spread evenly; a prime, so that they fall everywhere in a page.
const SAMPLES: usize = 1201;

/// What is in force, with people in it.
fn rules() -> String {
    let salaries = "[[allow]]\nname = \"salaries\"\ncategories = [\"employee\"]\n";
    bundle(&format!("{}{BUDGET}\n{salaries}approvals = [{{ need = 2, from = \"managers\" }}]\n", people()))
}

/// A home with payments that were recorded, denied, approved and wait, a bundle that was put forward and
/// a freeze; stopped in order: all is in two files.
fn home() -> (World, TempDir) {
    let world = World::new(programs!(), &rules());
    let agent = world.serve();
    let mut api = agent.api();
    let ([anna, ben, ..], [ada, _]) = (managers(), administrators());
    for key in ["approved", "waiting"] {
        assert_eq!(api.pay(key, "expenses", "Anna", "1.00 EUR").0, 202);
    }
    let (first, second) = (api.waiting(1).item, api.waiting(2).item);
    for (vote, status) in
        [(anna.approve(&first), 202), (ben.approve(&first), 201), (ben.approve(&second), 202)]
    {
        assert_eq!(api.vote(&vote).0, status);
    }
    let proposal = api.propose(&rules().replace("version = 1", "version = 2"), "change").unwrap();
    assert_eq!(api.agree(&ada.change(first.home, &proposal, Verdict::Approve)).0, 200);
    for n in 0..24 {
        let (to, status) = if n % 3 == 2 { ("Grand Casino", 403) } else { ("Fresh Market", 201) };
        assert_eq!(api.marked(&format!("payment {n}"), to, "1.25 EUR").unwrap().status, status);
    }
    assert_eq!(api.send_json("/v1/freezes", &anna.freeze(first.home, "expenses", 1).to_json()).0, 200);
    let lift = ben.lift(first.home, &api.inbox().frozen[0], Verdict::Approve);
    assert_eq!(api.send_json("/v1/lifts", &lift.to_json()).0, 200);
    assert!(agent.stop().success());
    let copy = tempfile::tempdir().unwrap();
    for name in ["book.db", "ledger.db", "genesis.json"] {
        assert!(!world.home().join(format!("{name}-wal")).exists(), "the stop left a log behind");
        std::fs::copy(world.home().join(name), copy.path().join(name)).unwrap();
    }
    (world, copy)
}

fn open_book(home: &Path) -> Result<(), String> {
    opened::book(home, &rules())
}

/// Everything that a file says, and that its indexes find what its tables hold.
fn content(path: &Path) -> Result<Vec<String>, rusqlite::Error> {
    let connection = files::open(path);
    let mut lines = files::dump(&connection)?;
    if path.ends_with("book.db") {
        // Signed, so whoever relies on it verifies it (see the tests of the audit log), and the next
        // start signs another.
        lines.retain(|line| !line.starts_with("checkpoint: "));
        let mut spends = connection.prepare("SELECT id, idem FROM spends NOT INDEXED")?;
        let rows: Vec<(u64, Vec<u8>)> =
            spends.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        for (id, idem) in rows {
            let found: u64 =
                connection.query_row("SELECT id FROM spends WHERE idem = ?1", [idem], |row| row.get(0))?;
            lines.push(format!("spend {id} is found as {found}"));
        }
    }
    Ok(lines)
}

struct Damage<'a> {
    home: &'a Path,
    path: PathBuf,
    whole: Vec<u8>,
    content: Vec<String>,
    open: fn(&Path) -> Result<(), String>,
}

impl<'a> Damage<'a> {
    fn of(home: &'a Path, name: &str, open: fn(&Path) -> Result<(), String>) -> Self {
        let path = home.join(name);
        assert_eq!(open(home), Ok(()), "undamaged");
        let (whole, content) = (std::fs::read(&path).unwrap(), content(&path).unwrap());
        Self { home, path, whole, content, open }
    }

    /// Opens the file with one bit changed at each of these places; what the refusal says, or nothing.
    fn flip(&self, places: &[usize], bit: u8) -> Option<String> {
        let mut bytes = self.whole.clone();
        for at in places {
            bytes[*at] ^= bit;
        }
        std::fs::write(&self.path, bytes).unwrap();
        let opened = (self.open)(self.home);
        for extra in ["-wal", "-shm"] {
            let mut name = self.path.clone().into_os_string();
            name.push(extra);
            let _ = std::fs::remove_file(name);
        }
        opened.err()
    }

    /// Every sampled byte: refused with the file's name, or the content is what it was.
    fn everywhere(&self) {
        let (mut refused, mut harmless) = (0, 0);
        for sample in 0..SAMPLES {
            let at = sample * self.whole.len() / SAMPLES;
            match self.flip(&[at], 1 << (sample % 8)) {
                Some(says) => {
                    let name = self.path.file_name().unwrap().to_str().unwrap();
                    assert!(says.contains(name), "byte {at}: {says}");
                    refused += 1;
                }
                None => {
                    let found = content(&self.path);
                    let same = found.as_ref().is_ok_and(|found| *found == self.content);
                    assert!(
                        same,
                        "byte {at} of {} was changed and nobody noticed: {:?}",
                        self.path.display(),
                        { found.map(|found| found.into_iter().find(|line| !self.content.contains(line))) }
                    );
                    harmless += 1;
                }
            }
        }
        assert!(refused > SAMPLES / 3 && harmless > 0, "{refused} refused, {harmless} harmless");
    }

    /// A byte of every record: refused, and the place is named.
    fn every_record(&self, kind: &str) {
        let leaves = files::leaves(&files::open(&self.path));
        std::fs::write(&self.path, &self.whole).unwrap();
        assert!(leaves.len() > 15, "{} records", leaves.len());
        for (position, leaf) in leaves.iter().enumerate() {
            let says = self
                .flip(&places(&self.whole, leaf), 1)
                .unwrap_or_else(|| panic!("record {position} was changed: {leaf:?}"));
            let named = names(&says, kind, position) || names(&says, "record", position);
            assert!(named || says.contains("spend "), "record {position}: {says}");
        }
    }

    /// What no record vouches for: every byte of this value, and some place is named.
    fn value(&self, value: &[u8]) {
        assert!(self.whole.windows(value.len()).any(|window| window == value), "it is not in the file");
        for offset in 0..value.len() {
            let found = (0..self.whole.len() - value.len()).filter(|at| self.whole[*at..].starts_with(value));
            let places: Vec<_> = found.map(|at| at + offset).collect();
            let says =
                self.flip(&places, 1).unwrap_or_else(|| panic!("byte {offset} of {value:?} was changed"));
            assert!(says.contains("damaged at"), "byte {offset}: {says}");
        }
    }
}

/// The middle of a record's beginning, wherever the file has it: SQLite leaves old copies behind
/// when it divides a page, and a long record is in one piece only at its beginning.
fn places(file: &[u8], leaf: &[u8]) -> Vec<usize> {
    let start = &leaf[..leaf.len().min(48)];
    let found: Vec<_> = (0..file.len() - start.len())
        .filter(|at| file[*at..].starts_with(start))
        .map(|at| at + start.len() / 2)
        .collect();
    assert!(!found.is_empty(), "the record is not in the file");
    found
}

/// Does the message name this record, or a range with it inside?
fn names(says: &str, kind: &str, position: usize) -> bool {
    let number = |word: &str| word.trim_end_matches([':', ',', ';']).parse::<usize>().ok();
    let words: Vec<&str> = says.split_whitespace().collect();
    words.windows(4).any(|w| {
        (w[0] == kind && number(w[1]) == Some(position))
            || (w[0] == "records"
                && w[2] == "to"
                && (number(w[1]) <= Some(position))
                && number(w[3]) >= Some(position))
    })
}

#[test]
fn a_damaged_book_is_refused_or_says_what_it_said() {
    let (_world, home) = home();
    Damage::of(home.path(), "book.db", open_book).everywhere();
}

#[test]
fn a_damaged_ledger_is_refused_or_says_what_it_said() {
    let (_world, home) = home();
    Damage::of(home.path(), "ledger.db", opened::ledger).everywhere();
}

#[test]
fn damage_in_any_record_is_named() {
    let (_world, home) = home();
    Damage::of(home.path(), "book.db", open_book).every_record("record");
    Damage::of(home.path(), "ledger.db", opened::ledger).every_record("entry");
}

#[test]
fn damage_to_a_remembered_time_is_found() {
    let (_world, home) = home();
    let sighting: String = files::open(&home.path().join("book.db"))
        .query_row("SELECT sighting FROM clock", [], |row| row.get(0))
        .unwrap();
    let (_, uptime) = sighting.split_once("uptime").unwrap();
    Damage::of(home.path(), "book.db", open_book).value(uptime.as_bytes());
    let latest: i64 = files::open(&home.path().join("ledger.db"))
        .query_row("SELECT latest FROM about", [], |row| row.get(0))
        .unwrap();
    // SQLite writes such a number in six bytes, most significant first.
    Damage::of(home.path(), "ledger.db", opened::ledger).value(&latest.to_be_bytes()[2..]);
}

/// The whole program: it does not start, says where, with exit code 7, and signs nothing.
#[test]
fn the_agent_does_not_start_on_a_damaged_file() {
    let (world, _) = home();
    for name in ["book.db", "ledger.db"] {
        let path = world.home().join(name);
        let whole = std::fs::read(&path).unwrap();
        let leaves = files::leaves(&files::open(&path));
        let mut bytes = whole.clone();
        for at in places(&whole, &leaves[7]) {
            bytes[at] ^= 1;
        }
        std::fs::write(&path, &bytes).unwrap();
        let (code, says) = world.serve_refused();
        assert_eq!(code, 7, "{says}");
        assert!(says.contains(name) && says.contains("damaged") && says.contains("backup"), "{says}");
        std::fs::write(&path, &whole).unwrap();
    }
    let agent = world.serve();
    assert_eq!(agent.api().waiting(2).decided.len(), 1);
    assert_eq!(agent.api().marked("after", "Fresh Market", "1.25 EUR").unwrap().json()["code"], "frozen");
}

/// The bundles are no records: the hashes that the records name vouch for their text, in force or not.
#[test]
fn damage_in_a_bundle_is_found_whether_it_is_in_force_or_not() {
    let (_world, home) = home();
    let path = home.path().join("book.db");
    let whole = std::fs::read(&path).unwrap();
    for change in [
        "UPDATE bundles SET text = replace(text, '50.00 EUR', '99.00 EUR')",
        "UPDATE bundles SET text = replace(text, 'version = 2', 'version = 3')",
        "DELETE FROM bundles WHERE text LIKE '%version = 2%'",
        "INSERT INTO bundles VALUES (zeroblob(32), 'version = 9')",
        "UPDATE in_force SET position = 2",
        "DELETE FROM in_force",
    ] {
        assert_eq!(files::open(&path).execute(change, []).unwrap_or(0).min(1), 1, "{change}");
        let says = open_book(home.path()).expect_err(change);
        assert!(says.contains("book.db is damaged at"), "{change}: {says}");
        for extra in ["book.db-wal", "book.db-shm"] {
            let _ = std::fs::remove_file(home.path().join(extra));
        }
        std::fs::write(&path, &whole).unwrap();
    }
    assert_eq!(open_book(home.path()), Ok(()));
}
