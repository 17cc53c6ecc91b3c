//! The memory, and what it was before a command that is not over yet.

use std::io;

use crate::memory::Memory;

/// Where the memory is written to. A write is whole or has not happened, and is durable.
pub trait Flash: Send {
    /// Writes all of it.
    ///
    /// # Errors
    /// Whatever kept it from being durable; then the device goes on with what it had before.
    fn write(&mut self, memory: &Memory) -> io::Result<()>;

    /// Begins a write that a loss of power cuts: what was there before stays.
    ///
    /// # Errors
    /// As for a whole one.
    fn write_half(&mut self, memory: &Memory) -> io::Result<()>;
}

/// Nothing is kept.
#[derive(Clone, Copy, Debug)]
pub struct NoFlash;

impl Flash for NoFlash {
    fn write(&mut self, _: &Memory) -> io::Result<()> {
        Ok(())
    }

    fn write_half(&mut self, _: &Memory) -> io::Result<()> {
        Ok(())
    }
}

/// The memory, and what it was before a command that is not over yet.
pub(crate) struct Kept {
    now: Memory,
    before: Option<Box<Memory>>,
}

impl Kept {
    pub(crate) fn new(memory: Memory) -> Self {
        Self { now: memory, before: None }
    }

    pub(crate) fn now(&self) -> &Memory {
        &self.now
    }

    /// For whoever changes something.
    pub(crate) fn change(&mut self) -> &mut Memory {
        if self.before.is_none() {
            self.before = Some(Box::new(self.now.clone()));
        }
        &mut self.now
    }

    /// Takes back what has changed since the last [`Kept::commit`].
    pub(crate) fn undo(&mut self) {
        if let Some(before) = self.before.take() {
            self.now = *before;
        }
    }

    /// Makes what has changed durable, or takes it back.
    pub(crate) fn commit(&mut self, flash: &mut dyn Flash) -> io::Result<()> {
        if self.before.is_none() {
            return Ok(());
        }
        let written = flash.write(&self.now);
        match written {
            Ok(()) => self.before = None,
            Err(_) => self.undo(),
        }
        written
    }
}
