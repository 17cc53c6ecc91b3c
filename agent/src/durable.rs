//! Files that are replaced whole: after a crash either the old one is there or the new one.
//!
//! Also in a folder that others can write to: nobody can put a file, or a link to one, where a new
//! one is going to be written.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Reads a file of at most `longest` bytes.
pub fn read(path: &Path, longest: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(longest.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            format!("it is longer than {longest} bytes; this is not the file that belongs here"),
        ));
    }
    Ok(bytes)
}

/// Replaces a file, readable by its owner only.
pub fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut draft = Draft::new(path)?;
    draft.write_all(bytes)?;
    draft.publish()
}

/// A file being written; it appears under its name when it is [published](Draft::publish), and
/// leaves nothing behind when it is dropped before.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    file: Option<std::io::BufWriter<File>>,
}

impl Draft {
    /// Begins a file beside `path`, in the same folder, so that it can be renamed: `.NAME.NUMBER`.
    ///
    /// The number is random and the file has to be new (`O_EXCL`, which follows no link either).
    pub fn new(path: &Path) -> std::io::Result<Self> {
        let name = path.file_name().ok_or(std::io::ErrorKind::InvalidInput)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(std::io::Error::other)?;
        hidden.push(format!(".{}", u64::from_ne_bytes(number)));
        let temporary = path.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        Ok(Self { path: path.to_owned(), temporary, file: Some(std::io::BufWriter::new(file)) })
    }

    /// Makes the content durable, then the name. Without the second the rename may be lost in a crash.
    pub fn publish(mut self) -> std::io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let published = file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(&self.temporary, &self.path));
        if published.is_err() {
            let _ = std::fs::remove_file(&self.temporary);
        }
        published?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.flush())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn replaces_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "old").unwrap();
        let mut draft = Draft::new(&path).unwrap();
        draft.write_all(b"half").unwrap();
        drop(draft);
        assert_eq!(read(&path, 10).unwrap(), b"old");
        replace(&path, b"new").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(read(&path, 2).unwrap_err().kind(), std::io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn writes_through_no_link_that_somebody_has_put_there() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("a"), folder.path().join("victim"));
        std::fs::write(&victim, "precious").unwrap();
        let names = || {
            let entries = std::fs::read_dir(folder.path()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter(|name| name.starts_with(".a.")).collect::<Vec<_>>()
        };
        let draft = Draft::new(&path).unwrap();
        let first = names().remove(0);
        drop(draft);
        // What was drawn once, and what could be guessed.
        for name in [first.clone(), format!(".a.{}", std::process::id())] {
            std::os::unix::fs::symlink(&victim, folder.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(read(&victim, 10).unwrap(), b"precious");
        assert_eq!(read(&path, 10).unwrap(), b"new");
        assert!(!std::fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(names().len(), 2, "nothing else stays behind");
    }
}
