//! SoftHSM 2 writes its objects as files and makes no fsync (seen with strace, 2.6.1): a key that
//! was generated, and whose public part was published, can be gone after a power cut. So the
//! token's files are synced here after every write.
//!
//! A token's folder has the name of a UUID whose last 16 hexadecimal digits are the token's serial
//! number (SoftHSM `ObjectStore::newToken`). The folder of all tokens stands in the configuration
//! file (softhsm2.conf(5)): the one that SOFTHSM2_CONF names, else the user's, else the system's.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

pub(super) fn token_directory() -> Option<PathBuf> {
    let home = env::var_os("HOME").map(|h| Path::new(&h).join(".config/softhsm2/softhsm2.conf"));
    let text = match env::var_os("SOFTHSM2_CONF") {
        Some(path) => fs::read_to_string(path).ok()?,
        None => home
            .and_then(|path| fs::read_to_string(path).ok())
            .or_else(|| fs::read_to_string("/etc/softhsm/softhsm2.conf").ok())
            .or_else(|| fs::read_to_string("/etc/softhsm2.conf").ok())?,
    };
    tokendir(&text).map(PathBuf::from)
}

/// `directories.tokendir = PATH`; a number sign begins a comment.
fn tokendir(configuration: &str) -> Option<&str> {
    configuration
        .lines()
        .filter_map(|line| line.split('#').next()?.split_once('='))
        .find(|(name, _)| name.trim() == "directories.tokendir")
        .map(|(_, value)| value.trim())
}

/// Syncs every file of the token, then the folder that names them. Files without changes cost the
/// kernel nothing but the open.
pub(super) fn sync(tokens: Option<&Path>, serial: &str) -> Result<(), String> {
    let tokens = tokens.ok_or("SOFTHSM2_CONF names no readable file with directories.tokendir")?;
    let folder = folder(tokens, serial)?;
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|e| format!("{}: {e}", folder.display()))?.path();
        // Lock files carry nothing.
        if path.extension().is_none_or(|e| e != "lock") {
            flush(&path)?;
        }
    }
    flush(&folder)?;
    flush(tokens)
}

fn folder(tokens: &Path, serial: &str) -> Result<PathBuf, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", tokens.display());
    for entry in fs::read_dir(tokens).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let digits = entry.file_name().to_string_lossy().replace('-', "");
        if digits.len() == 32 && serial.len() == 16 && digits.ends_with(serial) {
            return Ok(entry.path());
        }
    }
    Err(format!("{} has no folder of the token with serial number {serial}", tokens.display()))
}

fn flush(path: &Path) -> Result<(), String> {
    match File::open(path).and_then(|file| file.sync_all()) {
        Ok(()) => Ok(()),
        // Another process may have deleted an object since the folder was listed.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(format!("{}: {e}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_token_directory() {
        for (text, expected) in [
            ("directories.tokendir = /a b/c\nobjectstore.backend = file", Some("/a b/c")),
            ("# directories.tokendir = /old\ndirectories.tokendir=/new # here", Some("/new")),
            ("objectstore.backend = file", None),
            ("", None),
        ] {
            assert_eq!(tokendir(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_unknown_token_is_named() {
        let error = sync(Some(Path::new("/")), "0123456789abcdef").err().unwrap_or_default();
        assert!(error.contains("0123456789abcdef"), "{error}");
        assert!(sync(None, "00").is_err());
    }
}
