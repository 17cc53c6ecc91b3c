//! The state file: the device's memory, written as a whole, atomically and durably.
//!
//! One line of header, `firmware-sim state 1 ` and the SHA-256 of the rest in hex, then JSON. The file
//! holds private keys: only its owner can read it. Another file beside it, with `.lock` after its
//! name, is locked as long as the device runs.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::kept::Flash;
use crate::memory::Memory;
use crate::profile::Profile;

/// What the first line begins with; the number is the version of the format.
const MAGIC: &str = "firmware-sim state 1 ";
/// What the first line of any version begins with.
const ANY: &str = "firmware-sim state ";
/// Largest state file in bytes: 126 KB of objects in hex, and their fields, several times over.
const LARGEST: u64 = 4 << 20;

/// Why a state file is not used. It is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process has it.
    #[error(
        "the state file {0} is in use by another simulated device; stop that one, or give another --state"
    )]
    InUse(PathBuf),
    /// It was changed, or cut.
    #[error(
        "the state file {path} is damaged: {why}; put a copy of it back, or move it away to start with a new device"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It is of another version of this program, or no state file.
    #[error(
        "{0} is not a state file of this version; give the one that this version wrote, or move it away to start with a new device"
    )]
    OtherVersion(PathBuf),
    /// It cannot be read or written.
    #[error("the state file {path}: {why}; see that its folder is there and that you may write to it")]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        why: io::Error,
    },
}

/// The file's JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<M> {
    profile: Profile,
    memory: M,
}

/// An open state file, locked.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    profile: Profile,
    _lock: File,
}

/// What a file was found to hold.
type Found = Option<(Profile, Memory)>;

impl StateFile {
    /// Locks the file and reads it, if it is there. `profile` is what a new device would be.
    ///
    /// # Errors
    /// Whatever is wrong with it; nothing is written then.
    pub fn open(path: &Path, profile: Profile) -> Result<(Self, Found), StateError> {
        let io = |why| StateError::Io { path: path.to_owned(), why };
        let lock = private(File::options().write(true).create(true).truncate(false))
            .open(beside(path, ".lock"))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse(path.to_owned())),
            Err(TryLockError::Error(why)) => return Err(io(why)),
        }
        let found = match fs::metadata(path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => None,
            Err(why) => return Err(io(why)),
            Ok(file) if file.len() > LARGEST => return Err(StateError::OtherVersion(path.to_owned())),
            Ok(_) => Some(parse(path, &Zeroizing::new(fs::read(path).map_err(io)?))?),
        };
        let profile = found.as_ref().map_or(profile, |(profile, _)| *profile);
        Ok((Self { path: path.to_owned(), profile, _lock: lock }, found))
    }

    /// Half a write, as when the power goes in the middle of it: what was there before stays.
    pub fn write_half(&mut self, memory: &Memory) -> io::Result<()> {
        let text = self.text(memory)?;
        let half = text.split_at(text.len() / 2).0;
        self.write_beside(half).map(drop)
    }

    fn text(&self, memory: &Memory) -> io::Result<Zeroizing<Vec<u8>>> {
        let content = Content { profile: self.profile, memory };
        let json = Zeroizing::new(serde_json::to_vec(&content)?);
        let digest = HEXLOWER.encode(&Sha256::digest(&*json));
        let mut text = Zeroizing::new(Vec::with_capacity(MAGIC.len() + digest.len() + 1 + json.len()));
        text.extend(MAGIC.as_bytes());
        text.extend(digest.as_bytes());
        text.push(b'\n');
        text.extend(&*json);
        Ok(text)
    }

    fn write_beside(&self, text: &[u8]) -> io::Result<PathBuf> {
        let new = beside(&self.path, ".new");
        let mut file = private(File::options().write(true).create(true).truncate(true)).open(&new)?;
        file.write_all(text)?;
        file.sync_all()?;
        Ok(new)
    }
}

impl Flash for StateFile {
    fn write(&mut self, memory: &Memory) -> io::Result<()> {
        let new = self.write_beside(&self.text(memory)?)?;
        fs::rename(new, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<(Profile, Memory), StateError> {
    let damaged = |why: &str| StateError::Damaged { path: path.to_owned(), why: why.to_owned() };
    let Some(rest) = bytes.strip_prefix(MAGIC.as_bytes()) else {
        // An empty file, or a beginning of the first line, is a cut one.
        return Err(if ANY.as_bytes().starts_with(bytes) || MAGIC.as_bytes().starts_with(bytes) {
            damaged("it ends in its first line")
        } else {
            StateError::OtherVersion(path.to_owned())
        });
    };
    let end =
        rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("it ends in its first line"))?;
    let (digest, json) = (rest.get(..end), rest.get(end + 1..).unwrap_or_default());
    if digest != Some(HEXLOWER.encode(&Sha256::digest(json)).as_bytes()) {
        return Err(damaged("its digest is not the one in its first line"));
    }
    let content: Content<Memory> = serde_json::from_slice(json).map_err(|why| damaged(&why.to_string()))?;
    Ok((content.profile, content.memory))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}
