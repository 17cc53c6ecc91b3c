//! Authentication keys: made with a provisioning key, each with the least that its home needs.

use ::yubihsm::authentication::{Algorithm, Key};
use ::yubihsm::object::{Filter, Label, Type};
use ::yubihsm::{Client, Credentials};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::super::device::Backend;
use super::super::mark::Mark;
use super::super::pin::Pin;
use super::super::{DeviceError, Kind, Token, TokenError};
use super::session::Session;
use super::{connector, domain};
use crate::config::token::Connector;

/// The authentication key that every device has when it leaves the factory.
pub const FACTORY_KEY: u16 = 1;
/// Its password: <https://developers.yubico.com/YubiHSM2/Concepts/Authentication_Key.html>.
pub const FACTORY_PASSWORD: &str = "password";
/// Bytes of the password's digest that are part of the label. The password is 32 random bytes, so that
/// its digest tells nothing.
const TAG: usize = 12;

/// How the labels of homes' authentication keys begin.
const PREFIX: &str = "bursar ";

/// What a home got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorised {
    /// Object id of its authentication key.
    pub auth_key: u16,
    /// Does the device have one of another home?
    pub others: bool,
}

/// Does the factory's authentication key still open the device? Then whoever reaches the connector
/// can do everything.
pub fn factory_key_opens(address: &Connector) -> bool {
    let credentials = Credentials::from_password(FACTORY_KEY, FACTORY_PASSWORD.as_bytes());
    Client::create(connector::open(address), credentials).is_ok_and(|client| client.connect().is_ok())
}

impl Token {
    /// The authentication key of a home with these roles, which this password opens; made if there is
    /// none. The password has to be drawn at random.
    ///
    /// # Errors
    /// When this token was opened with a key that may not, or is no YubiHSM.
    pub async fn authorise(&self, roles: &[Mark], password: &Pin) -> Result<Authorised, TokenError> {
        let Backend::YubiHsm(hsm) = &self.0 else { return Err(no_yubihsm().into()) };
        let (roles, password) = (roles.to_vec(), password.clone());
        Ok(hsm.queue.ask(move |session| authorise(session, &roles, password.as_bytes())).await?)
    }

    /// Makes an authentication key with this id that sets homes up and can do nothing else, in the place of
    /// the factory's.
    ///
    /// # Errors
    /// When this token was opened with another key than the factory's, or is no YubiHSM.
    pub async fn replace_factory_key(&self, id: u16, password: &Pin) -> Result<(), TokenError> {
        let Backend::YubiHsm(hsm) = &self.0 else { return Err(no_yubihsm().into()) };
        let password = password.clone();
        Ok(hsm.queue.ask(move |session| replace_factory_key(session, id, password.as_bytes())).await?)
    }

    /// Refuses a role whose keys the authentication key with this id does not reach.
    pub async fn check_reach(&self, auth_key: u16, role: Mark) -> Result<(), TokenError> {
        let Backend::YubiHsm(hsm) = &self.0 else { return Ok(()) };
        Ok(hsm.queue.ask(move |session| check_reach(session, auth_key, role)).await?)
    }
}

fn authorise(session: &mut Session, roles: &[Mark], password: &[u8]) -> Result<Authorised, DeviceError> {
    let text = format!("{PREFIX}{}", HEXLOWER.encode(&Sha256::digest(password)[..TAG]));
    let label = Label::from_bytes(text.as_bytes())
        .map_err(|error| DeviceError::new(Kind::Failed, error.to_string()))?;
    let there = session.attempt(|client| client.list_objects(&[Filter::Type(Type::AuthenticationKey)]))?;
    let (mut own, mut others) = (None, false);
    for id in there.into_iter().map(|entry| entry.object_id) {
        let info = session.attempt(|client| client.get_object_info(id, Type::AuthenticationKey))?;
        if info.label == label {
            own = Some(id);
        } else {
            others |= info.label.to_string().starts_with(PREFIX);
        }
    }
    // An interrupted attempt has left it.
    if let Some(auth_key) = own {
        return Ok(Authorised { auth_key, others });
    }
    let (domains, capabilities) = (domain::domains(roles), domain::least(roles));
    let auth_key = session.once(|client| {
        client.put_authentication_key(
            0,
            label.clone(),
            domains,
            capabilities,
            // It passes nothing on.
            ::yubihsm::Capability::empty(),
            Algorithm::YubicoAes,
            Key::derive_from_password(password),
        )
    })?;
    Ok(Authorised { auth_key, others })
}

fn replace_factory_key(session: &mut Session, id: u16, password: &[u8]) -> Result<(), DeviceError> {
    let (domains, least) = (domain::domains(&Mark::ALL), domain::least(&Mark::ALL));
    let there = [Filter::Type(Type::AuthenticationKey), Filter::Id(id)];
    if session.attempt(|client| client.list_objects(&there))?.is_empty() {
        session.once(|client| {
            client.put_authentication_key(
                id,
                Label::from("provision"),
                domains,
                domain::provision(),
                least,
                Algorithm::YubicoAes,
                Key::derive_from_password(password),
            )
        })?;
    }
    session.once(|client| client.delete_object(FACTORY_KEY, Type::AuthenticationKey))
}

fn check_reach(session: &mut Session, auth_key: u16, role: Mark) -> Result<(), DeviceError> {
    let info = session.attempt(|client| client.get_object_info(auth_key, Type::AuthenticationKey))?;
    if info.domains.contains(role.domain()) {
        return Ok(());
    }
    let (word, domain) = (role.word(), role.domain().bits().trailing_zeros() + 1);
    Err(DeviceError::new(
        Kind::Failed,
        format!(
            "this home's authentication key {auth_key} reaches the keys of the roles that its home was made for, and {word} \
         (domain {domain}) is none of them: make another home for it, with `bursar init --yubihsm`"
        ),
    ))
}

fn no_yubihsm() -> DeviceError {
    DeviceError::new(Kind::Failed, "only a YubiHSM has authentication keys: report this as a defect")
}
