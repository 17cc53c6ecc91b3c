//! Opening the token of a home, with one login.

use std::path::Path;

use super::device::Backend;
use super::pin::{self, Pin};
use super::pkcs11::Pkcs11;
use super::provision::TokenUri;
use super::simulated::{self, User};
use super::yubihsm::{DeviceLog, FACTORY_KEY, YubiHsm};
use super::{DeviceError, Kind, Token, TokenError};
use crate::config::token::{TokenConfig, TokenPlace};
use crate::config::{self, Config};

/// For the agent, which also keeps the audit log of a YubiHSM; where real money is paid, no simulator
/// will do.
pub fn for_agent(config: &Config, retry_pin: bool) -> Result<Token, TokenError> {
    let token = open(&config.home, &config.token, retry_pin, Some(&config.home))?;
    let about = token.about();
    if about.simulator && config.production {
        let what = "the token is a simulator, whose keys are safe from nobody, and config.toml says production = true: name a \
                    real device under [token], or take that line out";
        return Err(DeviceError::new(Kind::Failed, what).into());
    }
    if about.simulator {
        tracing::warn!(device = %about.line(), "the token is a simulator: its keys are safe from nobody");
    }
    Ok(token)
}

/// For a command that runs beside the agent or without it, and asks one thing at a time.
pub fn for_command(home: &Path, token: &TokenConfig, retry_pin: bool) -> Result<Token, TokenError> {
    open(home, &token.clone().with_one_worker(), retry_pin, None)
}

fn open(
    home: &Path,
    token: &TokenConfig,
    retry_pin: bool,
    keep_log: Option<&Path>,
) -> Result<Token, TokenError> {
    let pin = token.pin.read_as(home, &token.pin_name())?;
    pin::once(home, retry_pin, || Token::open(&token.place, pin, keep_log))
}

impl Token {
    /// Finds the token and logs in once. Of a YubiHSM the agent keeps the audit log, in the folder `log`.
    pub fn open(place: &TokenPlace, pin: Pin, log: Option<&Path>) -> Result<Self, TokenError> {
        Ok(Self(match place {
            TokenPlace::Module(at) => {
                let uri = at.uri.parse::<TokenUri>()?;
                Backend::Pkcs11(Pkcs11::open(&at.module, &uri, pin, at.workers)?)
            }
            TokenPlace::YubiHsm(at) => {
                let log = log.filter(|_| at.keep_log).map(DeviceLog::new);
                Backend::YubiHsm(YubiHsm::open(at, &pin, log)?)
            }
            TokenPlace::Simulated(at) => {
                let user = match log {
                    Some(_) => User::Agent,
                    None if at.auth_key == FACTORY_KEY => User::Maker,
                    None => User::Command,
                };
                let (listening, running) = simulated::attach(at, user)?;
                let at = config::token::YubiHsm::simulated(listening, at.auth_key);
                Backend::YubiHsm(YubiHsm::open(&at, &pin, log.map(DeviceLog::new))?.running(running))
            }
        }))
    }
}
