//! The state file: the device's memory, written as a whole, atomically and durably.
//!
//! One line of header, `firmware-sim state 1 ` and the SHA-256 of the rest in hex, then JSON. The file
//! holds private keys: only its owner can read it. Another file beside it, with `.lock` after its
//! name, is locked as long as the device runs; a third, with `.new`, is what a write was cut in.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
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
/// Largest state file in bytes: a sequence number for every id of every kind is 8 MB, the objects are less than 1 MB.
const LARGEST: u64 = 16 << 20;

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
    /// It is a folder, a device, or a link to nothing.
    #[error("{0} is not a file; give the path of a file, which need not be there yet, as --state")]
    NotAFile(PathBuf),
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
    folder: File,
    profile: Profile,
    /// The last write may or may not outlive a loss of power: nobody knows what is in the file.
    in_doubt: bool,
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
        // Two names of one file are one device, and a link stays a link.
        let place = resolve(path)?;
        let folder = File::open(folder(&place)).map_err(io)?;
        let lock = private(File::options().write(true).create(true).truncate(false))
            .open(beside(&place, ".lock"))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse(path.to_owned())),
            Err(TryLockError::Error(why)) => return Err(io(why)),
        }
        let there = fs::exists(&place).map_err(io)?;
        let found = if there { Some(parse(path, &read(path).map_err(io)?)?) } else { None };
        let profile = found.as_ref().map_or(profile, |(profile, _)| *profile);
        Ok((Self { path: place, folder, profile, in_doubt: false, _lock: lock }, found))
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
        // What a cut write left, whoever it belongs to and wherever it points, is not written into.
        match fs::remove_file(&new) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            _ => {}
        }
        let mut file = private(File::options().write(true).create_new(true)).open(&new)?;
        file.write_all(text)?;
        file.sync_all()?;
        Ok(new)
    }
}

impl Flash for StateFile {
    fn write(&mut self, memory: &Memory) -> io::Result<()> {
        if self.in_doubt {
            return Err(io::Error::other("an earlier write is in doubt; start the simulated device again"));
        }
        let new = self.write_beside(&self.text(memory)?)?;
        fs::rename(new, &self.path)?;
        self.folder.sync_all().inspect_err(|_| self.in_doubt = true)
    }

    fn write_half(&mut self, memory: &Memory) -> io::Result<()> {
        let text = self.text(memory)?;
        let half = text.split_at(text.len() / 2).0;
        self.write_beside(half).map(drop)
    }
}

/// Where the file really is, or will be.
fn resolve(path: &Path) -> Result<PathBuf, StateError> {
    let io = |why| StateError::Io { path: path.to_owned(), why };
    match fs::symlink_metadata(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            let name = path.file_name().ok_or_else(|| StateError::NotAFile(path.to_owned()))?;
            Ok(fs::canonicalize(folder(path)).map_err(io)?.join(name))
        }
        Err(why) => Err(io(why)),
        // To open a pipe would wait for somebody who writes into it.
        Ok(_) if fs::metadata(path).is_ok_and(|file| file.is_file()) => fs::canonicalize(path).map_err(io),
        Ok(_) => Err(StateError::NotAFile(path.to_owned())),
    }
}

/// No more of a file than a state file has at most, and one byte, so that no longer one looks whole.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len().min(LARGEST)).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn parse(path: &Path, bytes: &[u8]) -> Result<(Profile, Memory), StateError> {
    let damaged = |why: &str| StateError::Damaged { path: path.to_owned(), why: why.to_owned() };
    if bytes.len() as u64 > LARGEST {
        return Err(StateError::OtherVersion(path.to_owned()));
    }
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
    content.memory.check(content.profile.firmware).map_err(|why| damaged(&why))?;
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
