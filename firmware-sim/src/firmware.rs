//! Versions of the firmware, and what they change.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Firmware(pub u8, pub u8, pub u8);

impl Firmware {
    /// The first that was sold.
    pub const V2_0: Self = Self(2, 0, 0);
    /// Keys of a session may be changed by it.
    pub const V2_1: Self = Self(2, 1, 0);
    /// Algorithms may be switched off.
    pub const V2_2: Self = Self(2, 2, 0);
    /// Asymmetric sessions and AES keys.
    pub const V2_3: Self = Self(2, 3, 0);
    /// No command is audited any more unless asked for.
    pub const V2_3_1: Self = Self(2, 3, 1);
    /// Larger messages, RSA wrap keys, FIPS mode that begins as pending.
    pub const V2_4: Self = Self(2, 4, 0);
    /// Says more exactly what a wrap key lacks. The default.
    pub const V2_5: Self = Self(2, 5, 0);

    /// The largest message in either direction, in bytes.
    pub fn largest_message(self) -> usize {
        if self < Self::V2_4 { 2048 } else { 3136 }
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Why a text is no version of the firmware.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no firmware that is simulated; give one from 2.0.0 to 2.9.9, such as 2.4.0")]
pub struct NoFirmware(String);

impl FromStr for Firmware {
    type Err = NoFirmware;

    fn from_str(text: &str) -> Result<Self, NoFirmware> {
        let wrong = || NoFirmware(text.to_owned());
        let parts: Vec<u8> =
            text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        match parts[..] {
            [2, minor @ 0..=9, patch @ 0..=9] => Ok(Self(2, minor, patch)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_two_point_something() {
        assert_eq!("2.4.0".parse::<Firmware>().ok(), Some(Firmware::V2_4));
        for wrong in ["", "2.4", "3.0.0", "2.4.0.1", "2.10.0", "2.-1.0", "a"] {
            assert!(wrong.parse::<Firmware>().is_err(), "{wrong}");
        }
        assert!(Firmware(2, 3, 9) < Firmware::V2_4);
    }
}
