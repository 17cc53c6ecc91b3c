//! A SoftHSM token of its own inside a home folder.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use zeroize::Zeroizing;

use super::folder::Folder;
use super::{SetupError, random};

/// SoftHSM's configuration in the home folder.
pub const CONF: &str = "softhsm2.conf";
/// The folder of its tokens in the home folder.
pub const TOKENS: &str = "tokens";
/// The file with the PIN in the home folder.
pub const PIN: &str = "pin";
/// The variable through which SoftHSM finds its configuration.
pub const VARIABLE: &str = "SOFTHSM2_CONF";

/// Can SoftHSM be configured for a token in this folder?
pub fn check_path(folder: &Folder) -> Result<(), SetupError> {
    text(folder).map(|_| ())
}

/// Writes SoftHSM's configuration and the folder for its tokens, unless they are there; answers
/// the path for [`VARIABLE`].
pub fn configure(folder: &Folder) -> Result<String, SetupError> {
    let text = text(folder)?;
    folder.subfolder(TOKENS)?;
    folder.write_new(CONF, text.as_bytes())?;
    Ok(format!("{}/{CONF}", folder.text()?))
}

fn text(folder: &Folder) -> Result<String, SetupError> {
    configuration(folder.text()?).map_err(|why| SetupError::Path { path: folder.path().to_owned(), why })
}

/// Draws a PIN and writes it to its file; 80 random bits.
pub fn draw_pin(folder: &Folder) -> Result<Zeroizing<String>, SetupError> {
    let bytes = Zeroizing::new(random::<10>()?);
    let pin = Zeroizing::new(BASE32_NOPAD.encode(&*bytes).to_ascii_lowercase());
    let line = Zeroizing::new(format!("{}\n", *pin));
    if !folder.write_new(PIN, line.as_bytes())? {
        return Err(SetupError::Leftover {
            path: folder.path().join(PIN),
            what: "a PIN is there".to_owned(),
        });
    }
    Ok(pin)
}

/// A PIN for the security officer, which nobody keeps: it could only set the user's PIN anew, and
/// whoever can do that has this folder.
pub fn forgotten_pin() -> Result<Zeroizing<String>, SetupError> {
    let bytes = Zeroizing::new(random::<16>()?);
    Ok(Zeroizing::new(HEXLOWER.encode(&*bytes)))
}

/// softhsm2.conf(5). SoftHSM 2.6.1 cuts a line at `#`, splits it at `=` and reads 1,023 bytes of it
/// (`SimpleConfigLoader::loadConfiguration`).
fn configuration(home: &str) -> Result<String, &'static str> {
    if home.contains(['#', '=', '\n', '\r']) {
        return Err(
            "has one of the characters # and = or a line break, with which SoftHSM cannot be configured",
        );
    }
    if home.len() > 900 {
        return Err("is longer than SoftHSM can read");
    }
    Ok(format!(
        "directories.tokendir = {home}/{TOKENS}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_that_softhsm_would_misread_are_refused() {
        assert!(
            configuration("/home/anna/bur sar")
                .unwrap()
                .starts_with("directories.tokendir = /home/anna/bur sar/tokens\n")
        );
        for path in ["/a#b", "/a=b", "/a\nb", &"/a".repeat(500)] {
            assert!(configuration(path).is_err(), "{path}");
        }
    }

    #[test]
    fn the_pin_is_drawn_once_and_kept_in_its_file() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::prepare(&parent.path().join("home")).unwrap();
        let pin = draw_pin(&folder).unwrap();
        assert_eq!(pin.len(), 16);
        assert_eq!(std::fs::read_to_string(folder.path().join(PIN)).unwrap().trim_end(), pin.as_str());
        assert!(draw_pin(&folder).is_err(), "never overwritten");
    }
}
