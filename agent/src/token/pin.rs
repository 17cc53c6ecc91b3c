//! Where the PIN comes from, and that a wrong one is tried once only.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::TokenError;

/// The file that remembers a refused PIN, in the home folder.
pub const MARK: &str = "pin-refused";
/// Permissions of the group and of everybody else.
const OTHERS: u32 = 0o077;
/// Permissions of everybody else.
const STRANGERS: u32 = 0o007;
/// How long the logins of other processes are waited for.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// Most drafts of the mark at once.
const DRAFTS: u32 = 1000;
/// Longest PIN in bytes.
const LONGEST: u64 = 256;

/// A PIN, or the password of a YubiHSM's authentication key: wiped when dropped, never printed.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Takes it over; the string given is wiped.
    pub fn new(pin: String) -> Self {
        Self(Zeroizing::new(pin))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin(…)")
    }
}

impl From<Pin> for bursar_pkcs11::Pin {
    fn from(pin: Pin) -> Self {
        Self::new(pin.0.as_str().to_owned())
    }
}

/// Where the PIN comes from; never the command line, never the environment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PinSource {
    /// A file that only its owner can read; relative to the home folder.
    File(PathBuf),
    /// A systemd credential: `LoadCredential=` or `LoadCredentialEncrypted=` in the unit.
    Credential(String),
    /// Asked for at the terminal when the agent starts.
    Prompt,
}

/// Why there is no usable PIN.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// It was refused before, or somebody else is trying it.
    #[error(
        "the last login with this PIN failed, was cut off, or is still under way in another process, so it is not tried again: a token locks after a few \
         wrong PINs. Correct the PIN, then give the command once more with --retry-pin, a service as `bursar serve --retry-pin` ({0} remembers it)"
    )]
    Refused(PathBuf),
    /// Others can read it.
    #[error("the PIN file {0} can be read by others; run: chmod 600 {0}")]
    Exposed(PathBuf),
    /// It cannot be read.
    #[error("the PIN cannot be read from {from}: {why}; see `pin` in config.toml")]
    Unreadable {
        /// From where.
        from: String,
        /// Why.
        why: String,
    },
    /// Nobody is there to type it.
    #[error(
        "the PIN has to be typed, and there is no terminal; start in a terminal, or set `pin` in config.toml to a file or a credential"
    )]
    NoTerminal,
}

impl PinSource {
    /// Reads the PIN of the token.
    pub fn read(&self, home: &Path) -> Result<Pin, PinError> {
        self.read_as(home, "PIN of the token")
    }

    /// Reads it; whoever has to type it sees what it is called.
    pub fn read_as(&self, home: &Path, name: &str) -> Result<Pin, PinError> {
        match self {
            Self::File(path) => from_file(&home.join(path), OTHERS),
            Self::Credential(name) => {
                let folder =
                    std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| PinError::Unreadable {
                        from: format!("the credential {name}"),
                        why: "systemd passed no credentials; add LoadCredential= to the unit".to_owned(),
                    })?;
                // systemd lets the service's user in by an ACL, which shows as the group's bits.
                from_file(&Path::new(&folder).join(name), STRANGERS)
            }
            Self::Prompt if std::io::stdin().is_terminal() => {
                let typed = rpassword::prompt_password(format!("{name}: ")).map(Zeroizing::new);
                let mut typed = typed.map_err(|e| PinError::Unreadable {
                    from: "the terminal".to_owned(),
                    why: e.to_string(),
                })?;
                Ok(Pin::new(std::mem::take(&mut *typed)))
            }
            Self::Prompt => Err(PinError::NoTerminal),
        }
    }
}

/// Reads a PIN; `exposing` are the permissions that it may not have.
fn from_file(path: &Path, exposing: u32) -> Result<Pin, PinError> {
    let unreadable = |why: String| PinError::Unreadable { from: path.display().to_string(), why };
    let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
    let meta = file.metadata().map_err(|e| unreadable(e.to_string()))?;
    if meta.permissions().mode() & exposing != 0 {
        return Err(PinError::Exposed(path.to_owned()));
    }
    // Reserved in one piece, so that no copy stays behind in memory that was given back.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|e| unreadable(e.to_string()))?;
    let pin = text.trim_end_matches(['\r', '\n']);
    if pin.is_empty() || pin.len() as u64 > LONGEST {
        return Err(unreadable("it is empty or longer than 256 bytes".to_owned()));
    }
    Ok(Pin::new(pin.to_owned()))
}

/// Lets `login` run once, and never again after it was refused until somebody clears the mark.
///
/// The mark is durable before the PIN is sent: if the machine dies in between, the next start asks
/// rather than tries. Of processes that start together one makes the mark, and only that one tries; the
/// others wait for what comes of it.
pub fn once<T>(
    home: &Path,
    retry: bool,
    login: impl FnOnce() -> Result<T, TokenError>,
) -> Result<T, TokenError> {
    let path = home.join(MARK);
    if retry {
        let _ = std::fs::remove_file(&path);
    }
    let begun = Instant::now();
    let file = loop {
        match make_locked(home, &path) {
            Ok(file) => break file,
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(unwritable(&path, &error).into());
            }
            Err(_) if is_under_way(&path) && begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            Err(_) => return Err(PinError::Refused(path).into()),
        }
    };
    let mark = Mark { path, file };
    if let Err(error) = make_durable(&mark.file, home) {
        let unwritable = unwritable(&mark.path, &error);
        // No PIN was sent.
        let _ = mark.clear();
        return Err(unwritable.into());
    }
    let result = login();
    if !result.as_ref().is_err_and(TokenError::is_pin_refused) {
        mark.clear()?;
    }
    result
}

/// Remembers that the PIN was refused by a login that did not go through [`once`]: the pool's own,
/// when the PIN was changed under a running agent. Durable when it returns; any number of times.
pub fn refused(home: &Path) -> Result<(), PinError> {
    let path = home.join(MARK);
    let write = || {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        make_durable(&file, home)
    };
    write().map_err(|error| unwritable(&path, &error))
}

/// Makes the mark, which is locked as long as the login is under way: nobody ever sees it otherwise.
fn make_locked(home: &Path, path: &Path) -> std::io::Result<File> {
    for number in 0..DRAFTS {
        let draft = home.join(format!(".{MARK}.{number}"));
        let file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            opened => opened?,
        };
        file.lock()?;
        let made = std::fs::hard_link(&draft, path);
        std::fs::remove_file(&draft)?;
        return made.map(|()| file);
    }
    Err(std::io::Error::other(format!("delete the files .{MARK}.*, which interrupted processes have left")))
}

/// Is a process in the middle of a login, or has one ended just now that was not refused?
fn is_under_way(path: &Path) -> bool {
    let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    match OpenOptions::new().read(true).custom_flags(nofollow).open(path) {
        Ok(file) => {
            let unlocked = file.try_lock_shared().is_ok();
            // Cleared between the two, it is nobody's refusal.
            !unlocked || file.metadata().is_ok_and(|found| found.nlink() == 0)
        }
        Err(error) => error.kind() == ErrorKind::NotFound && std::fs::symlink_metadata(path).is_err(),
    }
}

fn make_durable(file: &File, home: &Path) -> std::io::Result<()> {
    file.sync_all()?;
    File::open(home)?.sync_all()
}

fn unwritable(path: &Path, error: &std::io::Error) -> PinError {
    PinError::Unreadable { from: path.display().to_string(), why: error.to_string() }
}

/// The mark of a login that is under way.
struct Mark {
    path: PathBuf,
    file: File,
}

impl Mark {
    /// Removes it, unless somebody asked for a retry meanwhile: then the mark there is theirs.
    fn clear(self) -> Result<(), PinError> {
        let clear = || {
            let own = self.file.metadata()?.ino();
            match std::fs::symlink_metadata(&self.path) {
                Ok(there) if there.ino() == own => std::fs::remove_file(&self.path),
                Ok(_) => Ok(()),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
            }
        };
        clear().map_err(|error| unwritable(&self.path, &error))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::{DeviceError, Kind};
    use super::*;

    #[test]
    fn a_file_is_for_its_owner_and_a_credential_for_the_service() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        std::fs::write(&path, "1234\n").unwrap();
        for (mode, as_file, as_credential) in [
            (0o600, true, true),
            (0o400, true, true),
            (0o440, false, true),
            (0o444, false, false),
            (0o604, false, false),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(from_file(&path, OTHERS).is_ok(), as_file, "{mode:o}");
            assert_eq!(from_file(&path, STRANGERS).is_ok(), as_credential, "{mode:o}");
        }
    }

    #[test]
    fn a_refused_pin_is_not_tried_again_until_somebody_says_so() {
        let home = tempfile::tempdir().unwrap();
        assert!(once(home.path(), false, || Ok(())).is_ok());
        assert!(once(home.path(), false, wrong_pin).is_err());
        assert_not_tried(home.path());
        assert!(once(home.path(), true, || Ok(())).is_ok());
        assert!(once(home.path(), false, || Ok(())).is_ok());
        // Refused while it ran, twice.
        refused(home.path()).unwrap();
        refused(home.path()).unwrap();
        assert_not_tried(home.path());
        assert!(once(home.path(), true, || Ok(())).is_ok());
        assert!(once(home.path(), false, || Ok(())).is_ok());
    }

    #[test]
    fn of_many_that_start_together_one_tries() {
        for round in 0..100 {
            let home = tempfile::tempdir().unwrap();
            let (tries, start) = (AtomicUsize::new(0), Barrier::new(8));
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        start.wait();
                        once(home.path(), false, || {
                            tries.fetch_add(1, Ordering::SeqCst);
                            wrong_pin()
                        })
                    });
                }
            });
            assert_eq!(tries.into_inner(), 1, "round {round}");
        }
    }

    #[test]
    fn of_many_that_start_together_all_log_in_one_after_the_other() {
        let home = tempfile::tempdir().unwrap();
        let (inside, start) = (AtomicUsize::new(0), Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    let login = || {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        Ok(())
                    };
                    once(home.path(), false, login).unwrap();
                });
            }
        });
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn a_mark_is_what_it_is_even_if_it_leads_nowhere() {
        let home = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", home.path().join(MARK)).unwrap();
        assert_not_tried(home.path());
    }

    #[test]
    fn the_mark_of_another_is_never_removed() {
        let home = tempfile::tempdir().unwrap();
        let meanwhile = || {
            assert_not_tried(home.path());
            assert!(once(home.path(), true, wrong_pin).is_err());
            Ok(())
        };
        assert!(once(home.path(), false, meanwhile).is_ok());
        assert_not_tried(home.path());
        // Somebody removed it meanwhile: nothing to clear.
        let cleared = || {
            std::fs::remove_file(home.path().join(MARK)).unwrap();
            Ok(())
        };
        assert!(once(home.path(), true, cleared).is_ok());
    }

    #[test]
    fn what_is_no_word_on_the_pin_leaves_no_mark() {
        let home = tempfile::tempdir().unwrap();
        for (error, is_refused) in
            [(Kind::PinRefused, true), (Kind::PinMissing, false), (Kind::Busy, false), (Kind::Gone, false)]
        {
            let error = TokenError::Device(DeviceError::new(error, "x"));
            assert_eq!(error.is_pin_refused(), is_refused, "{error}");
            assert!(once(home.path(), true, || Err::<(), _>(error)).is_err());
            assert_eq!(home.path().join(MARK).exists(), is_refused);
        }
        assert!(!TokenError::Pin(PinError::NoTerminal).is_pin_refused());
    }

    fn wrong_pin() -> Result<(), TokenError> {
        Err(DeviceError::new(Kind::PinRefused, "wrong").into())
    }

    fn assert_not_tried(home: &Path) {
        let again = once(home, false, || -> Result<(), _> { panic!("tried again") });
        assert!(matches!(again, Err(TokenError::Pin(PinError::Refused(_)))));
    }
}
