//! The file in the home folder that keeps what the device logged.
//!
//! One line of JSON for each entry. The last line also says where the chain goes on.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::Deserialize;

use super::log::{DIGEST, Entry, Hash, breaks};

/// The file's name.
pub const FILE: &str = "device-log.jsonl";
/// Where it says that the chain broke; there until somebody has looked and deletes it.
pub const BROKEN: &str = "device-log-broken";
/// Longer than any line.
const TAIL: u64 = 4096;

/// The device log of a home.
#[derive(Clone, Debug)]
pub struct DeviceLog {
    home: PathBuf,
}

/// Where the chain stands.
#[derive(Deserialize)]
struct Last {
    serial: u32,
    digest: String,
}

impl DeviceLog {
    /// In this folder.
    pub fn new(home: &Path) -> Self {
        Self { home: home.to_owned() }
    }

    /// Appends what is new, durably, and reports where the chain breaks. If this is lost, the device
    /// still has the entries.
    pub(super) fn keep(
        &mut self,
        serial: u32,
        entries: &[Entry],
        unlogged_boots: u16,
        unlogged_logins: u16,
    ) -> std::io::Result<()> {
        let path = self.home.join(FILE);
        let new = !path.exists();
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path)?;
        let last = last(&mut file)?;
        let previous = last.as_ref().filter(|last| last.serial == serial).and_then(Last::hash);
        // What was kept before the device forgot it is there again.
        let known = previous.and_then(|hash| entries.iter().position(|entry| entry.digest == hash));
        let entries = known.map_or(entries, |known| entries.get(known + 1..).unwrap_or_default());
        let mut found = breaks(entries, previous.as_ref());
        if let Some(other) = last.filter(|last| last.serial != serial) {
            found.push(format!("this is the device {serial:010}; before it was {:010}", other.serial));
        }
        if unlogged_boots > 0 || unlogged_logins > 0 {
            found.push(format!(
                "the log was full, and {unlogged_boots} starts and {unlogged_logins} logins are not in it"
            ));
        }
        let (mut lines, mut before) = (String::new(), previous);
        for entry in entries {
            lines += &entry.to_json(serial, before.as_ref()).to_string();
            lines.push('\n');
            before = Some(entry.digest);
        }
        append(&mut file, lines.as_bytes(), File::sync_all)?;
        if new {
            File::open(&self.home)?.sync_all()?;
        }
        self.report(&found)
    }

    fn report(&self, found: &[String]) -> std::io::Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let path = self.home.join(BROKEN);
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        for what in found {
            tracing::error!(file = %path.display(), "the YubiHSM's audit log is not whole: {what}");
            writeln!(file, "{what}")?;
        }
        file.sync_all()
    }
}

/// Appends durably, or not at all: what a failed sync has left would be read back, and taken for kept,
/// without ever having been on disk.
fn append(
    file: &mut File,
    bytes: &[u8],
    sync: impl FnOnce(&File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(bytes).and_then(|()| sync(file)).inspect_err(|_| {
        if let Err(error) = file.set_len(before) {
            tracing::error!(%error, "what could not be kept of the YubiHSM's audit log stays in {FILE}");
        }
    })
}

impl Last {
    fn hash(&self) -> Option<Hash> {
        HEXLOWER.decode(self.digest.as_bytes()).ok()?.try_into().ok() as Option<[u8; DIGEST]>
    }
}

/// The last whole line; one that was cut off is taken away.
fn last(file: &mut File) -> std::io::Result<Option<Last>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < tail.len() {
        file.set_len(length - (tail.len() - whole) as u64)?;
    }
    let line = tail.get(..whole.saturating_sub(1)).and_then(|text| text.rsplit(|byte| *byte == b'\n').next());
    let Some(line) = line.filter(|line| !line.is_empty()) else { return Ok(None) };
    serde_json::from_slice(line).map(Some).map_err(|error| {
        std::io::Error::other(format!("its last line cannot be read: {error}; move the file away"))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::log::tests::chain;
    use super::*;

    fn lines(home: &Path) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(home.join(FILE)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn entries_are_kept_once_whatever_the_device_remembers() {
        let home = tempfile::tempdir().unwrap();
        let all = chain(1, 9, [7; DIGEST]);
        let keep = |entries: &[Entry]| DeviceLog::new(home.path()).keep(1, entries, 0, 0).unwrap();
        keep(&all[..4]);
        // The device did not hear that they were kept.
        keep(&all[..6]);
        keep(&all[..6]);
        // A crash in the middle of a line.
        let mut file = OpenOptions::new().append(true).open(home.path().join(FILE)).unwrap();
        file.write_all(b"{\"serial\":1,\"it").unwrap();
        keep(&all[6..]);
        let items: Vec<_> = lines(home.path()).iter().map(|line| line["item"].as_u64().unwrap()).collect();
        assert_eq!(items, (1..=9).collect::<Vec<_>>());
        assert!(!home.path().join(BROKEN).exists());
    }

    #[test]
    fn what_was_not_synced_is_not_taken_for_kept() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE);
        let all = chain(1, 3, [7; DIGEST]);
        DeviceLog::new(home.path()).keep(1, &all[..1], 0, 0).unwrap();
        let line = format!("{}\n", all[1].to_json(1, Some(&all[0].digest)));
        let mut file = OpenOptions::new().read(true).append(true).open(&path).unwrap();
        assert!(append(&mut file, line.as_bytes(), |_| Err(std::io::Error::other("no"))).is_err());
        assert_eq!(lines(home.path()).len(), 1);
        DeviceLog::new(home.path()).keep(1, &all, 0, 0).unwrap();
        assert_eq!(lines(home.path()).len(), 3);
    }

    #[test]
    fn a_break_is_reported_and_the_rest_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let all = chain(1, 9, [7; DIGEST]);
        let keep = |serial, entries: &[Entry], boots| {
            DeviceLog::new(home.path()).keep(serial, entries, boots, 0).unwrap();
            std::fs::read_to_string(home.path().join(BROKEN)).unwrap_or_default().lines().count()
        };
        assert_eq!(keep(1, &all[..4], 0), 0);
        assert_eq!(keep(1, &all[5..7], 0), 1, "one is missing");
        assert_eq!(keep(1, &all[7..], 3), 2, "three starts were not logged");
        assert_eq!(keep(2, &chain(1, 2, [3; DIGEST]), 0), 3, "another device");
        assert_eq!(lines(home.path()).len(), 10);
    }
}
