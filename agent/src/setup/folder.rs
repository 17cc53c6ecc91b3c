//! The folder that becomes a home: private, locked while it is made, nothing in it overwritten.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::SetupError;
use crate::config;

/// A folder with mode 0700 that no other command is making a home in while this lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Locked. The folder itself, so that no lock file stays behind.
    handle: File,
}

impl Folder {
    /// Makes the folder, or takes one that is there; an empty one is made private.
    pub fn prepare(path: &Path) -> Result<Self, SetupError> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(|source| io(parent, source))?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(io(path, source));
            }
            _ => {}
        }
        let path = fs::canonicalize(path).map_err(|source| io(path, source))?;
        let handle = File::open(&path).map_err(|source| io(&path, source))?;
        flock(&handle, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            rustix::io::Errno::WOULDBLOCK => SetupError::Busy(path.clone()),
            other => io(&path, other.into()),
        })?;
        let folder = Self { path, handle };
        let mode = handle_mode(&folder)?;
        if mode & 0o077 != 0 {
            if folder.first_entry()?.is_some() {
                return Err(SetupError::Exposed { path: folder.path, mode });
            }
            let private = fs::Permissions::from_mode(0o700);
            folder.handle.set_permissions(private).map_err(|source| io(&folder.path, source))?;
        }
        if let Some(parent) = folder.path.parent() {
            // A folder whose name is lost after a power cut takes everything in it along. Where the
            // parent cannot be read there is nothing to be done about that.
            let _ = File::open(parent).and_then(|parent| parent.sync_all());
        }
        Ok(folder)
    }

    /// Where it is, absolute and without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its path as text, as it has to stand in configuration files.
    pub fn text(&self) -> Result<&str, SetupError> {
        self.path.to_str().ok_or_else(|| SetupError::Path { path: self.path.clone(), why: "is not UTF-8" })
    }

    /// Is it a home already?
    pub fn is_home(&self) -> bool {
        self.has(config::FILE)
    }

    /// Is there an entry of this name?
    pub fn has(&self, name: &str) -> bool {
        self.path.join(name).symlink_metadata().is_ok()
    }

    /// The name of anything in it.
    pub fn first_entry(&self) -> Result<Option<String>, SetupError> {
        Ok(self.entries()?.into_iter().min())
    }

    fn entries(&self) -> Result<Vec<String>, SetupError> {
        let entries = fs::read_dir(&self.path).map_err(|source| io(&self.path, source))?;
        let name =
            |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        entries.map(name).collect::<std::io::Result<_>>().map_err(|source| io(&self.path, source))
    }

    /// Writes a file with mode 0600 that is complete and on disk when it appears; answers `false`,
    /// and does nothing, if there is one.
    pub fn write_new(&self, name: &str, content: &[u8]) -> Result<bool, SetupError> {
        if self.has(name) {
            return Ok(false);
        }
        let path = self.path.join(name);
        crate::durable::replace(&path, content).map_err(|source| io(&path, source))?;
        crate::crash::point("setup");
        Ok(true)
    }

    /// Moves a file out of a folder in it, unless one of its name is there; it is on disk already.
    pub fn adopt(&self, subfolder: &str, name: &str) -> Result<bool, SetupError> {
        if self.has(name) {
            return Ok(false);
        }
        let path = self.path.join(subfolder).join(name);
        std::fs::rename(&path, self.path.join(name)).map_err(|source| io(&path, source))?;
        self.sync()?;
        Ok(true)
    }

    /// Deletes what [`durable`](crate::durable) leaves behind when it is interrupted: `.NAME.NUMBER`.
    pub fn delete_drafts(&self) -> Result<(), SetupError> {
        for name in self.entries()? {
            let number =
                name.strip_prefix('.').and_then(|name| name.rsplit_once('.')).map(|(_, number)| number);
            if number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())) {
                self.delete(&name)?;
            }
        }
        Ok(())
    }

    /// Makes a folder in it with mode 0700, if there is none.
    pub fn subfolder(&self, name: &str) -> Result<PathBuf, SetupError> {
        let path = self.path.join(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(io(&path, source));
            }
            _ => self.sync()?,
        }
        Ok(path)
    }

    /// Deletes an entry with everything in it; one that is not there is no error.
    pub fn delete(&self, name: &str) -> Result<(), SetupError> {
        let path = self.path.join(name);
        let result = match path.symlink_metadata() {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(_) => return Ok(()),
        };
        result.map_err(|source| io(&path, source))?;
        self.sync()
    }

    /// Makes the names in it durable.
    fn sync(&self) -> Result<(), SetupError> {
        self.handle.sync_all().map_err(|source| io(&self.path, source))?;
        crate::crash::point("setup");
        Ok(())
    }
}

fn handle_mode(folder: &Folder) -> Result<u32, SetupError> {
    let meta = folder.handle.metadata().map_err(|source| io(&folder.path, source))?;
    Ok(meta.permissions().mode() & 0o777)
}

fn io(path: &Path, source: std::io::Error) -> SetupError {
    SetupError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn makes_private_folders_and_files_and_overwrites_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/home");
        let folder = Folder::prepare(&path).unwrap();
        assert_eq!(mode(folder.path()), 0o700);
        assert!(folder.write_new("pin", b"first").unwrap());
        assert!(!folder.write_new("pin", b"second").unwrap());
        assert_eq!(fs::read(path.join("pin")).unwrap(), b"first");
        assert_eq!(mode(&path.join("pin")), 0o600);
        assert_eq!(folder.first_entry().unwrap().as_deref(), Some("pin"), "nothing partial stays behind");
    }

    #[test]
    fn two_commands_cannot_make_one_home() {
        let parent = tempfile::tempdir().unwrap();
        let first = Folder::prepare(&parent.path().join("home")).unwrap();
        assert!(matches!(Folder::prepare(&parent.path().join("home")), Err(SetupError::Busy(_))));
        drop(first);
        assert!(Folder::prepare(&parent.path().join("home")).is_ok());
    }

    #[test]
    fn a_folder_that_others_can_read_is_refused_unless_it_is_empty() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("home");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        drop(Folder::prepare(&path).unwrap());
        assert_eq!(mode(&path), 0o700);
        fs::write(path.join("notes"), "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        let error = Folder::prepare(&path).unwrap_err();
        assert!(matches!(error, SetupError::Exposed { mode: 0o750, .. }), "{error}");
    }
}
