//! The flash, and the faults that it was asked to have.

use std::io;

use crate::kept::Flash;
use crate::memory::Memory;

/// What the next writes come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writes {
    #[default]
    Succeed,
    Fail,
    LosePower,
}

/// A flash that can be told to fail.
pub(crate) struct FaultyFlash {
    inner: Box<dyn Flash>,
    writes: Writes,
    lost_power: bool,
}

impl FaultyFlash {
    pub(crate) fn new(inner: Box<dyn Flash>) -> Self {
        Self { inner, writes: Writes::default(), lost_power: false }
    }

    /// Every write fails from now on.
    pub(crate) fn fill(&mut self) {
        self.writes = Writes::Fail;
    }

    /// Writes succeed again.
    pub(crate) fn free(&mut self) {
        self.writes = Writes::Succeed;
    }

    /// The next write is cut in the middle.
    pub(crate) fn cut_power(&mut self) {
        self.writes = Writes::LosePower;
    }

    /// Was a write cut since this was last asked?
    pub(crate) fn lost_power(&mut self) -> bool {
        std::mem::take(&mut self.lost_power)
    }
}

impl Flash for FaultyFlash {
    fn write(&mut self, memory: &Memory) -> io::Result<()> {
        match self.writes {
            Writes::Succeed => self.inner.write(memory),
            Writes::Fail => Err(io::ErrorKind::StorageFull.into()),
            Writes::LosePower => {
                (self.writes, self.lost_power) = (Writes::Succeed, true);
                self.inner.write_half(memory)?;
                Err(io::Error::other("the power went in the middle of the write"))
            }
        }
    }

    fn write_half(&mut self, memory: &Memory) -> io::Result<()> {
        self.inner.write_half(memory)
    }
}
