//! What a home on a YubiHSM has beside other homes: a password of its own, drawn at random.

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::folder::Folder;
use super::{SetupError, random};
use crate::token::pin::{Pin, PinSource};

/// The file with the password in the home folder.
pub const PASSWORD: &str = "pin";
/// Random bytes of it.
const BYTES: usize = 32;

/// The password of the home's authentication key; of an interrupted attempt, if there is one. It is on
/// disk before the device hears of it: lost later, the keys would be, too.
pub fn password(folder: &Folder) -> Result<Pin, SetupError> {
    drawn(folder, PASSWORD)
}

/// The password in a file of this name, drawn if there is none.
pub(super) fn drawn(folder: &Folder, file: &str) -> Result<Pin, SetupError> {
    let drawn = Zeroizing::new(HEXLOWER.encode(&*Zeroizing::new(random::<BYTES>()?)));
    let line = Zeroizing::new(format!("{}\n", *drawn));
    folder.write_new(file, line.as_bytes())?;
    let path = folder.path().join(file);
    let leftover = |what: &str| SetupError::Leftover { path: path.clone(), what: what.to_owned() };
    let there = std::fs::read(&path).map(Zeroizing::new);
    let there = there.map_err(|source| SetupError::Io { path: path.clone(), source })?;
    let ours = there.trim_ascii_end().len() == 2 * BYTES && HEXLOWER.decode(there.trim_ascii_end()).is_ok();
    if !ours {
        return Err(leftover("it is no password that was drawn for a YubiHSM"));
    }
    let read = PinSource::File(file.into()).read(folder.path());
    read.map_err(|error| leftover(&error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_drawn_once_and_another_pin_is_not_taken_for_it() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::prepare(&parent.path().join("home")).unwrap();
        password(&folder).unwrap();
        let text = std::fs::read_to_string(folder.path().join(PASSWORD)).unwrap();
        assert_eq!(text.len(), 65);
        password(&folder).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join(PASSWORD)).unwrap(), text);
        std::fs::write(folder.path().join(PASSWORD), "1234\n").unwrap();
        assert!(matches!(password(&folder), Err(SetupError::Leftover { .. })));
    }
}
