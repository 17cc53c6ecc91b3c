//! The note that a payer puts on a transaction.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest memo in bytes of UTF-8.
pub const MAX_MEMO: usize = 140;

/// A note of 0 to [`MAX_MEMO`] bytes of UTF-8 that shows what it holds: no control characters,
/// no line breaks, nothing invisible and nothing that reorders the text around it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memo(String);

/// Why a text is not a [`Memo`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoError {
    /// More than [`MAX_MEMO`] bytes.
    #[error("a memo has at most {MAX_MEMO} bytes, not {0}; shorten it")]
    TooLong(usize),
    /// A character that people cannot see, or that changes how the others look.
    #[error("a memo has no invisible or control character; remove U+{:04X}", *.0 as u32)]
    Hidden(char),
}

impl Memo {
    /// The note as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Memo {
    type Err = MemoError;

    fn from_str(text: &str) -> Result<Self, MemoError> {
        if text.len() > MAX_MEMO {
            return Err(MemoError::TooLong(text.len()));
        }
        match text.chars().find(|c| hidden(*c)) {
            Some(c) => Err(MemoError::Hidden(c)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// Unicode 16: Cc, Cf, Zl, Zp, Zs other than the space, private use, non-characters, and
/// `Default_Ignorable_Code_Point` of `DerivedCoreProperties.txt`; the Braille blank besides.
fn hidden(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

impl fmt::Display for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Memo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Memo {
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
        let longest = "é".repeat(70);
        for good in ["", "invoice 17", "Müller & Söhne \"GmbH\" \\ 50 %", "請求書", "חשבונית", "🧾", &longest]
        {
            assert_eq!(good.parse::<Memo>().unwrap().as_str(), good);
        }
        let long = format!("{longest}a");
        assert_eq!(long.parse::<Memo>(), Err(MemoError::TooLong(141)));
        for (bad, named) in [
            ("a\nb", "U+000A"),
            ("a\tb", "U+0009"),
            ("a\u{0}", "U+0000"),
            ("\u{7f}", "U+007F"),
            ("\u{85}", "U+0085"),
            ("\u{a0}", "U+00A0"),
            ("pay\u{ad}ment", "U+00AD"),
            ("\u{3164}", "U+3164"),
            ("a\u{200b}b", "U+200B"),
            ("\u{200f}", "U+200F"),
            ("\u{202e}abc", "U+202E"),
            ("\u{2028}", "U+2028"),
            ("\u{2067}abc", "U+2067"),
            ("\u{2800}", "U+2800"),
            ("\u{fe0f}", "U+FE0F"),
            ("\u{feff}a", "U+FEFF"),
            ("\u{ffff}", "U+FFFF"),
            ("\u{e000}", "U+E000"),
            ("\u{e0041}", "U+E0041"),
            ("\u{1f9ff}\u{1fffe}", "U+1FFFE"),
        ] {
            let error = bad.parse::<Memo>().unwrap_err().to_string();
            assert!(error.ends_with(named), "{bad:?}: {error}");
        }
    }
}
