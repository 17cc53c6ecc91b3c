//! Reads the fields of a command's data; a field that is not there whole is a [`Code::WrongLength`].

use crate::error::Code;

/// What is left of a command's data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Code> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Code::WrongLength)?;
        self.0 = rest;
        Ok(*array)
    }

    /// The next `n` bytes.
    pub(crate) fn bytes(&mut self, n: usize) -> Result<&'a [u8], Code> {
        let (bytes, rest) = self.0.split_at_checked(n).ok_or(Code::WrongLength)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Everything but the last `n` bytes, which are what is left.
    pub(crate) fn all_but(&mut self, n: usize) -> Result<&'a [u8], Code> {
        self.bytes(self.0.len().checked_sub(n).ok_or(Code::WrongLength)?)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Code> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Code> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Code> {
        self.array().map(u64::from_be_bytes)
    }

    /// All that is left, perhaps nothing.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), Code> {
        if self.0.is_empty() { Ok(()) } else { Err(Code::WrongLength) }
    }
}
