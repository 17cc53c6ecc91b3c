//! A question at the terminal.

use std::io::{BufRead, IsTerminal, Write};

use crate::cli::error::CliError;

/// Longest answer in bytes.
const LONGEST: u64 = 64;

/// Whether to ask.
#[derive(Debug, clap::Args)]
pub struct Consent {
    /// Do not ask; for scripts that have looked before
    #[arg(long)]
    yes: bool,
}

impl Consent {
    /// Asks `question [y/N]`, unless that was answered on the command line. `Err` without a yes.
    pub fn ask(&self, question: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err(CliError::Usage(
                "nothing was done: there is no terminal to ask at; look at it, then add --yes".to_owned(),
            ));
        }
        let failed = |source| CliError::File { path: "the terminal".into(), source };
        let mut terminal = std::io::stderr();
        write!(terminal, "{question} [y/N] ").and_then(|()| terminal.flush()).map_err(failed)?;
        let mut answer = String::new();
        std::io::Read::take(stdin.lock(), LONGEST).read_line(&mut answer).map_err(failed)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(CliError::Usage("nothing was done".to_owned())),
        }
    }
}
