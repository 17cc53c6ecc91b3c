//! The agent's Unix socket as those see it who ask there: connecting never blocks, and whoever answers
//! has to be the agent's user.

use std::io::{Error, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::Pid;

/// Between two attempts while the queue is full; nothing tells when there is room.
pub const PAUSE: Duration = Duration::from_millis(20);
const ROOT: u32 = 0;
/// In a folder with this mode nobody renames or removes what others have made (the sticky bit).
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o022;

/// A socket, and whose process has to listen there.
#[derive(Clone, Debug)]
pub struct Address {
    path: PathBuf,
    /// Whose agent it is; whoever owns the folder, if that is not known.
    owner: Option<u32>,
}

/// Why there is no connection. Nothing was asked.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Nobody listens there.
    #[error("nobody listens on it")]
    Absent,
    /// Somebody does, and takes no connections.
    #[error("its queue of connections is full")]
    Full,
    /// This user may not use it.
    #[error("this user may not use it")]
    Forbidden,
    /// Others can put a socket of theirs in its place.
    #[error(
        "its folder {folder} {what}, who could answer in the agent's place: run chmod go-w on it, or set another `socket` \
         under [agent] in config.toml, in a folder that is its user's alone"
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Who can.
        what: String,
    },
    /// Somebody else's process listens there.
    #[error(
        "a process of the user {found} listens on it, and not one of {expected}, whose agent this is: nothing was asked. See \
         what it is, and end it, or set another `socket` under [agent] in config.toml"
    )]
    Stranger {
        /// Whose process it is.
        found: u32,
        /// Whose it has to be.
        expected: u32,
    },
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl Address {
    /// The socket of the agent of this home.
    pub fn of_home(home: &Path, path: &Path) -> Self {
        // A home that cannot be looked at is nobody's.
        let owner = std::fs::metadata(home).map_or(ROOT, |home| home.uid());
        Self { path: path.to_owned(), owner: Some(owner) }
    }

    /// The socket of an agent whose home is not known: of the user who owns its folder.
    pub fn of_folder(path: &Path) -> Self {
        Self { path: path.to_owned(), owner: None }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Connects to the agent, or says why not, at once. The stream does not block.
    pub fn attempt(&self) -> Result<UnixStream, SocketError> {
        let owner = self.check_folder()?;
        let stream = connect(&self.path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => SocketError::Absent,
            ErrorKind::PermissionDenied => SocketError::Forbidden,
            ErrorKind::WouldBlock => SocketError::Full,
            _ => SocketError::Other(error),
        })?;
        let peer = rustix::net::sockopt::socket_peercred(&stream).map_err(Error::from)?;
        check_peer(peer.uid.as_raw(), owner)?;
        Ok(stream)
    }

    /// Tries for so long as the queue of connections is full.
    pub fn connect(&self, patience: Duration) -> Result<UnixStream, SocketError> {
        let begun = Instant::now();
        loop {
            match self.attempt() {
                Err(SocketError::Full) if begun.elapsed() < patience => std::thread::sleep(PAUSE),
                done => return done,
            }
        }
    }

    /// Nobody but root and the agent's user may put another socket there; answers who that is.
    pub fn check_folder(&self) -> Result<u32, SocketError> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let about = std::fs::metadata(folder).map_err(|error| match error.kind() {
            ErrorKind::NotFound => SocketError::Absent,
            ErrorKind::PermissionDenied => SocketError::Forbidden,
            _ => SocketError::Other(error),
        })?;
        let refused = |what: String| SocketError::Folder { folder: folder.to_owned(), what };
        let (owner, mode) = (about.uid(), about.permissions().mode());
        let expected = self.owner.unwrap_or(owner);
        if owner != expected && owner != ROOT {
            return Err(refused(format!("belongs to the user {owner}")));
        }
        if mode & OTHERS_WRITE != 0 && mode & STICKY == 0 {
            return Err(refused(format!("can be written to by others (mode {:o})", mode & 0o777)));
        }
        Ok(expected)
    }
}

/// The process that listens at the other end, as the kernel knows it.
pub fn listener(stream: &UnixStream) -> Result<Pid, Error> {
    Ok(rustix::net::sockopt::socket_peercred(stream)?.pid)
}

/// Connects without blocking: [`ErrorKind::WouldBlock`] while the queue of connections is full.
pub fn connect(path: &Path) -> Result<UnixStream, Error> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

fn check_peer(found: u32, expected: u32) -> Result<(), SocketError> {
    if found == expected || found == ROOT { Ok(()) } else { Err(SocketError::Stranger { found, expected }) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::net::UnixListener;

    use super::*;

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_of_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, own) = (folder.path().join("s"), rustix::process::geteuid().as_raw());
        let _listener = UnixListener::bind(&path).unwrap();
        let address = Address::of_home(folder.path(), &path);
        for (mode, fine) in [
            (0o700, true),
            (0o755, true),
            (0o775, false),
            (0o757, false),
            (0o777, false),
            (0o1777, true),
            (0o1775, true),
        ] {
            set(folder.path(), mode);
            match address.attempt() {
                Ok(_) => assert!(fine, "{mode:o}"),
                Err(SocketError::Folder { what, .. }) => assert!(!fine, "{mode:o}: {what}"),
                Err(error) => unreachable!("{mode:o}: {error}"),
            }
        }
        set(folder.path(), 0o700);
        let foreign = Address { path: path.clone(), owner: Some(own + 1) };
        let refused = foreign.attempt();
        // A folder of root's is safe; whoever listens in it has to be the right one all the same.
        if own == ROOT {
            assert!(refused.is_ok(), "root may answer for everybody");
        } else {
            assert!(matches!(refused, Err(SocketError::Folder { .. })), "{refused:?}");
        }
        assert_eq!(Address::of_folder(&path).check_folder().unwrap(), own);
    }

    #[test]
    fn whoever_listens_is_the_agents_user_or_root() {
        for (found, expected, fine) in
            [(1000, 1000, true), (0, 1000, true), (1001, 1000, false), (1000, 0, false)]
        {
            assert_eq!(check_peer(found, expected).is_ok(), fine, "{found} {expected}");
        }
    }

    #[test]
    fn connecting_never_blocks() {
        let folder = tempfile::tempdir().unwrap();
        set(folder.path(), 0o700);
        let path = folder.path().join("s");
        let address = Address::of_home(folder.path(), &path);
        assert!(matches!(address.attempt(), Err(SocketError::Absent)));
        let gone = Address::of_home(folder.path(), &folder.path().join("no/s"));
        assert!(matches!(gone.attempt(), Err(SocketError::Absent)));
        let listener = UnixListener::bind(&path).unwrap();
        // Nobody accepts: after so many the queue is full, and only then.
        let mut queued = Vec::new();
        let full = loop {
            match address.attempt() {
                Ok(stream) => queued.push(stream),
                Err(error) => break error,
            }
        };
        assert!(matches!(full, SocketError::Full), "{full}");
        assert!(!queued.is_empty());
        assert!(matches!(address.connect(PAUSE), Err(SocketError::Full)));
        let (accepted, _) = listener.accept().unwrap();
        let stream = address.connect(PAUSE).unwrap();
        assert_eq!(super::listener(&stream).unwrap(), rustix::process::getpid());
        drop((accepted, listener));
        assert!(matches!(address.attempt(), Err(SocketError::Absent)), "it stays behind");
    }
}
