//! Bytes of a fixed length as lower-case hex.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `N` bytes; as text 2·`N` lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

/// Why a text is not the hex of so many bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0} lower-case hex digits; copy the value again whole")]
pub struct HexError(usize);

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> FromStr for Hex<N> {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        let wrong = || HexError(2 * N);
        let mut bytes = [0; N];
        // Before the decoder, which takes a buffer of exactly this length.
        if HEXLOWER.decode_len(text.len()) != Ok(N) {
            return Err(wrong());
        }
        HEXLOWER.decode_mut(text.as_bytes(), &mut bytes).map_err(|_| wrong())?;
        Ok(Self(bytes))
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn case_table() {
        assert_eq!("00ff".parse(), Ok(Hex([0, 255])));
        assert_eq!(serde_json::to_string(&Hex([0, 255])).unwrap(), r#""00ff""#);
        assert_eq!(serde_json::from_str::<Hex<2>>(r#""00ff""#).unwrap(), Hex([0, 255]));
        for wrong in ["", "00", "00f", "00ff0", "00ff00", "00FF", "00fg", " 0ff", "0x00", "é0f"] {
            assert_eq!(wrong.parse::<Hex<2>>(), Err(HexError(4)), "{wrong}");
        }
    }
}
