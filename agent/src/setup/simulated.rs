//! A simulated YubiHSM 2 of a new home's own.
//!
//! It is set up as a device would be: the home gets an authentication key that can sign and nothing else,
//! another one makes keys, and the factory's, which everybody knows, is gone before there are keys.

use super::SetupError;
use super::folder::Folder;
use super::yubihsm::{PASSWORD, drawn};
use crate::config::token::{Simulated, TokenConfig, TokenPlace};
use crate::token::mark::Mark;
use crate::token::pin::{Pin, PinSource};
use crate::token::yubihsm::{FACTORY_KEY, FACTORY_PASSWORD};
use crate::token::{Kind, Token};

/// What the device keeps, in the home folder.
pub const STATE: &str = "device.state";
/// Where it can be reached while it runs, in the home folder.
pub const ADDRESS: &str = "device.address";
/// What locks the state.
pub const LOCK: &str = "device.state.lock";
/// The file with the password of the authentication key that makes keys, in the home folder.
pub const PROVISION: &str = "provision";
/// The id of that key.
const PROVISION_KEY: u16 = 2;

/// Makes the device, or goes on where an attempt was interrupted. Answers the configuration of a home
/// with these roles, and the device opened so that keys can be made.
pub async fn make(folder: &Folder, roles: &[Mark]) -> Result<(TokenConfig, Token), SetupError> {
    let password = drawn(folder, PASSWORD)?;
    let provision = drawn(folder, PROVISION)?;
    let place = |auth_key| TokenPlace::Simulated(Simulated { state: folder.path().join(STATE), auth_key });
    let factory = Pin::new(FACTORY_PASSWORD.to_owned());
    match Token::open(&place(FACTORY_KEY), factory, None) {
        Ok(token) => token.replace_factory_key(PROVISION_KEY, &provision).await?,
        // It was replaced before.
        Err(error) if error.kind() == Some(Kind::PinRefused) => {}
        Err(error) => return Err(error.into()),
    }
    let token = Token::open(&place(PROVISION_KEY), provision, None)?;
    let auth_key = token.authorise(roles, &password).await?.auth_key;
    let place = TokenPlace::Simulated(Simulated { state: STATE.into(), auth_key });
    Ok((TokenConfig { place, pin: PinSource::File(PASSWORD.into()) }, token))
}

/// The device of a home, opened so that keys can be made.
pub fn open_to_make(at: &Simulated) -> Result<Token, SetupError> {
    let home = at.state.parent().unwrap_or(&at.state);
    let password = PinSource::File(PROVISION.into()).read(home).map_err(crate::token::TokenError::Pin)?;
    Ok(Token::open(
        &TokenPlace::Simulated(Simulated { auth_key: PROVISION_KEY, ..at.clone() }),
        password,
        None,
    )?)
}
