//! Where the PIN comes from, as it is said on the command line. The PIN itself never stands there.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::cli::error::CliError;
use crate::token::TokenError;
use crate::token::pin::{Pin, PinSource};

/// Exactly one of the three, where a token is opened.
#[derive(Debug, clap::Args)]
pub struct PinArgs {
    /// The PIN is in this file, which only its owner may read
    #[arg(long, value_name = "FILE", group = "pin", requires = "module")]
    pin_file: Option<PathBuf>,
    /// The agent gets the PIN as this systemd credential; on a terminal it is asked for now
    #[arg(long, value_name = "NAME", group = "pin", requires = "module")]
    pin_credential: Option<String>,
    /// The PIN is asked for at the terminal, now and at every start
    #[arg(long, group = "pin", requires = "module")]
    pin_prompt: bool,
    /// Try the PIN again after it was refused and corrected
    #[arg(long)]
    pub retry_pin: bool,
}

impl PinArgs {
    /// As it is written into the configuration.
    pub fn source(&self) -> Result<PinSource, CliError> {
        match (&self.pin_file, &self.pin_credential, self.pin_prompt) {
            (Some(path), ..) => {
                let failed = |source| CliError::File { path: path.clone(), source };
                Ok(PinSource::File(std::fs::canonicalize(path).map_err(failed)?))
            }
            (_, Some(name), _) => Ok(PinSource::Credential(name.clone())),
            (_, _, true) => Ok(PinSource::Prompt),
            _ => Err(CliError::Usage(
                "say where the PIN comes from: --pin-prompt, --pin-file FILE, or --pin-credential NAME"
                    .to_owned(),
            )),
        }
    }

    /// Reads it, for this one login.
    pub fn read(&self, source: &PinSource, home: &Path) -> Result<Pin, CliError> {
        let asks = matches!(source, PinSource::Credential(_))
            && std::env::var_os("CREDENTIALS_DIRECTORY").is_none()
            && std::io::stdin().is_terminal();
        let source = if asks { &PinSource::Prompt } else { source };
        Ok(source.read(home).map_err(TokenError::Pin)?)
    }
}
