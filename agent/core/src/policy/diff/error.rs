//! Why two bundles are not compared.

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
