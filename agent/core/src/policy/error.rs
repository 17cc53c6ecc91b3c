//! Where a policy's text is wrong, and what was expected there.

use std::fmt::Display;
use std::ops::Range;

/// The first fault in a policy's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy line {line}, column {column}: {message}")]
pub struct PolicyError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what was expected or what to do.
    pub message: String,
}

/// A fault at a place in bytes, before it is turned into line and column.
#[derive(Debug)]
pub(super) struct Fault {
    at: usize,
    message: String,
}

/// Longest message; an unknown field's name could fill megabytes.
const LONGEST: usize = 500;

impl Fault {
    pub(super) fn new(at: &Range<usize>, message: impl Display) -> Self {
        Self { at: at.start, message: message.to_string() }
    }

    pub(super) fn locate(self, text: &str) -> PolicyError {
        let before = text.get(..self.at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let mut message: String = self.message.trim().replace('\n', "; ");
        if let Some((cut, _)) = message.char_indices().nth(LONGEST) {
            message.truncate(cut);
            message.push('…');
        }
        PolicyError {
            line: before.bytes().filter(|&b| b == b'\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message,
        }
    }
}

impl From<toml::de::Error> for Fault {
    fn from(error: toml::de::Error) -> Self {
        Self { at: error.span().map_or(0, |span| span.start), message: error.message().to_owned() }
    }
}

/// Lines of a text, looked up by byte without reading the text again.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect())
    }

    pub(super) fn line(&self, byte: usize) -> usize {
        self.0.partition_point(|&newline| newline < byte) + 1
    }
}
