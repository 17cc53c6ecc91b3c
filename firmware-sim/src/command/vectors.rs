//! Test vectors: files of `tests/vectors`.

use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// Bytes that are hex in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hex(pub Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        HEXLOWER.decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The cases of a file that has several.
#[derive(Deserialize)]
pub(super) struct Cases<T> {
    pub cases: Vec<T>,
}

/// A file's content.
pub(super) fn vectors<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}"))
}
