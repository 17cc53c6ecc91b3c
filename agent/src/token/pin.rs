//! Where the PIN comes from, and that a wrong one is tried once only.

use std::io::{IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bursar_pkcs11::Pin;
use serde::Deserialize;
use zeroize::Zeroizing;

/// The file that remembers a refused PIN, in the home folder.
pub const MARK: &str = "pin-refused";
/// Permissions of the group and of everybody else.
const OTHERS: u32 = 0o077;
/// Permissions of everybody else.
const STRANGERS: u32 = 0o007;
/// Longest PIN in bytes.
const LONGEST: u64 = 256;

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
    /// It was refused before.
    #[error(
        "the last login with this PIN failed or was cut off, so it is not tried again: a token locks after a few \
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
    /// Reads the PIN.
    pub fn read(&self, home: &Path) -> Result<Pin, PinError> {
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
                let typed = rpassword::prompt_password("PIN of the token: ").map(Zeroizing::new);
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
    let file = std::fs::File::open(path).map_err(|e| unreadable(e.to_string()))?;
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
/// rather than tries.
pub fn once<T>(
    home: &Path,
    retry: bool,
    login: impl FnOnce() -> Result<T, super::TokenError>,
) -> Result<T, super::TokenError> {
    let mark = home.join(MARK);
    if retry {
        let _ = std::fs::remove_file(&mark);
    }
    if mark.exists() {
        return Err(PinError::Refused(mark).into());
    }
    let unwritable =
        |e: std::io::Error| PinError::Unreadable { from: mark.display().to_string(), why: e.to_string() };
    let write =
        || std::fs::File::create(&mark)?.sync_all().and_then(|()| std::fs::File::open(home)?.sync_all());
    write().map_err(unwritable)?;
    let result = login();
    let refused = matches!(
        &result,
        Err(super::TokenError::Device(
            bursar_pkcs11::Error::PinIncorrect { .. }
                | bursar_pkcs11::Error::PinLocked
                | bursar_pkcs11::Error::PinFinalTry
        ))
    );
    if !refused {
        std::fs::remove_file(&mark).map_err(unwritable)?;
    }
    result
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
        let refused = || {
            let flags =
                bursar_pkcs11::Error::PinIncorrect { count_low: true, final_try: false, locked: false };
            Err::<(), _>(super::super::TokenError::Device(flags))
        };
        assert!(once(home.path(), false, || Ok(())).is_ok());
        assert!(once(home.path(), false, refused).is_err());
        let again = once(home.path(), false, || -> Result<(), _> { panic!("tried again") });
        assert!(matches!(again, Err(super::super::TokenError::Pin(PinError::Refused(_)))));
        assert!(once(home.path(), true, || Ok(())).is_ok());
        assert!(once(home.path(), false, || Ok(())).is_ok());
    }
}
