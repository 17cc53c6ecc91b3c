//! The authentication key of a YubiHSM that makes keys: given for one command, and kept nowhere.

use std::path::{Path, PathBuf};

use super::error::CliError;
use crate::config::token::{TokenPlace, YubiHsm};
use crate::token::pin::{Pin, PinSource, once};
use crate::token::yubihsm::FACTORY_KEY;
use crate::token::{Token, TokenError};

/// Which key, and where its password comes from. The password itself never stands here.
#[derive(Debug, clap::Args)]
pub struct ProvisionArgs {
    /// The id of the YubiHSM's authentication key that makes keys for the home, which keeps another one of
    /// its own, that cannot [default: 1, the factory's]
    #[arg(long, value_name = "ID")]
    provision_key: Option<u16>,
    /// The password of that key is in this file, which only its owner may read; without it, it is asked for
    #[arg(long, value_name = "FILE")]
    provision_file: Option<PathBuf>,
}

impl ProvisionArgs {
    /// Was anything said?
    pub fn is_given(&self) -> bool {
        self.provision_key.is_some() || self.provision_file.is_some()
    }

    /// The device, opened with that key once; `home` remembers if the password is refused.
    pub fn open(&self, home: &Path, hsm: &YubiHsm, retry: bool) -> Result<Token, CliError> {
        let auth_key = self.provision_key.unwrap_or(FACTORY_KEY);
        let name = format!("Password of the YubiHSM's authentication key {auth_key}");
        let source = match &self.provision_file {
            Some(path) => {
                let failed = |source| CliError::File { path: path.clone(), source };
                PinSource::File(std::fs::canonicalize(path).map_err(failed)?)
            }
            None => PinSource::Prompt,
        };
        let password: Pin = source.read_as(home, &name).map_err(TokenError::Pin)?;
        let place = TokenPlace::YubiHsm(YubiHsm { auth_key, ..hsm.clone() });
        Ok(once(home, retry, || Token::open(&place, password, None))?)
    }
}
