//! Names of accounts, assets, recipients, categories, callers, rules and groups.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name: 1 to 64 bytes of printable ASCII, without leading, trailing or doubled spaces and
/// without `"`, `\`, `@`, `:` or control characters.
///
/// ASCII only, so that no look-alike, bidirectional or mixed-script spelling of a known name
/// exists at all. Compared byte by byte; cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Longest name in bytes.
pub const MAX_NAME: usize = 64;

/// Why a text is not a [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a name: {why}; use 1 to 64 printable ASCII characters, single spaces inside, none of \" \\ @ :"
)]
pub struct NameError {
    text: String,
    why: &'static str,
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let why = if text.is_empty() {
            Some("it is empty")
        } else if text.len() > MAX_NAME {
            Some("it is too long")
        } else if !text.is_ascii() {
            Some("it has a character outside ASCII, which could look like another")
        } else if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
            Some("it has a leading, trailing or doubled space")
        } else if text.bytes().any(|b| b.is_ascii_control() || matches!(b, b'"' | b'\\' | b'@' | b':')) {
            Some("it has a reserved or control character")
        } else {
            None
        };
        match why {
            None => Ok(Self(text.into())),
            // Cut, so that an error never repeats a megabyte of input.
            Some(why) => Err(NameError { text: text.chars().take(MAX_NAME).collect(), why }),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_table() {
        let longest = "a".repeat(64);
        for good in
            ["EUR", "Fresh Market", "petty-cash", "5411", "Müller".trim_end_matches("üller"), &longest]
        {
            assert!(good.parse::<Name>().is_ok(), "{good:?}");
        }
        let too_long = "a".repeat(65);
        for bad in [
            "",
            " a",
            "a ",
            "a  b",
            "a\tb",
            "a\u{0}",
            "Frеsh Market",
            "Fresh\u{202e}Market",
            "Müller",
            "a:b",
            "@a",
            "a\"b",
            "a\\b",
            &too_long,
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }
}
