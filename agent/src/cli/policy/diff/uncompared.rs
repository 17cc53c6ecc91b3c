//! Two bundles of which nobody can say what differs.

use crate::cli::error::CliError;
use crate::cli::output::Page;

/// What is known of the difference of two bundles.
pub struct Compared {
    /// For whoever is asked to agree.
    pub page: Page,
    /// Does it say all that differs?
    pub is_whole: bool,
}

/// Whether to go on without a whole comparison.
#[derive(Debug, clap::Args)]
pub struct Uncompared {
    /// Go on although the two bundles cannot be compared: you have read the text of the new one
    #[arg(long)]
    uncompared: bool,
}

impl Uncompared {
    /// `Err` where a comparison is not whole, unless the command line has accepted that: neither `--yes`
    /// nor a quick yes agrees to what nobody could see.
    pub fn accept(&self, is_whole: bool) -> Result<(), CliError> {
        if is_whole || self.uncompared {
            return Ok(());
        }
        Err(CliError::Uncompared(
            "nothing was done: the two bundles cannot be compared, so nobody sees what would change. Make the change in smaller ones; or read the whole text of the new one, then add --uncompared"
                .to_owned(),
        ))
    }
}
