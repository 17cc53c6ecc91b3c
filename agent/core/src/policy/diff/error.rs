//! Why two bundles are not compared.

use crate::amount::Asset;

/// Most steps of one comparison, and so the time it takes: some seconds. A step is a rule looked at
/// in one combination of classes, or a moment looked at.
pub const MAX_STEPS: u64 = 50_000_000;

/// Why two bundles are not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// More than [`MAX_STEPS`].
    #[error(
        "these bundles differ in more combinations of accounts, recipients, callers and so on than are compared, {MAX_STEPS} steps; make the change in smaller ones, and compare each with the one before"
    )]
    TooMany,
    /// An asset has other decimals: the same number of minor units is another amount.
    #[error(
        "{0} had {1} decimals and has {2} now, so no amount of it can be compared: what was written {3} is now {4}. The decimals of an asset never change; take them back, and give the other asset a name of its own",
        old.name(), old.decimals(), new.decimals(), old.format(1_000_000.into()), new.format(1_000_000.into())
    )]
    Decimals {
        /// As it was.
        old: Asset,
        /// As it would be.
        new: Asset,
    },
}

/// How many steps are left.
#[derive(Debug)]
pub(super) struct Steps(pub u64);

impl Steps {
    pub(super) fn take(&mut self, steps: u64) -> Result<(), DiffError> {
        self.0 = self.0.checked_sub(steps).ok_or(DiffError::TooMany)?;
        Ok(())
    }
}
