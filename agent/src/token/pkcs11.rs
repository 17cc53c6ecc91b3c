//! Tokens behind PKCS#11 modules: bytes in, verified signatures out.

use std::path::Path;
use std::time::Duration;

use bursar_core::key::{KeyError, PublicKey, Signature};
use bursar_pkcs11 as p11;
use zeroize::Zeroizing;

use super::about::{About, Device};
use super::device::NewKey;
use super::handle::{At, Handle};
use super::mark::{ID, Mark};
use super::pin::Pin;
use super::{DeviceError, Kind, TokenError};

/// A logged-in token with its pool of sessions.
#[derive(Clone)]
pub(super) struct Pkcs11 {
    module: p11::Module,
    token: p11::Token,
}

/// A module and the tokens that it shows, for `init`.
#[derive(Debug)]
pub struct Found {
    /// The module's path.
    pub module: std::path::PathBuf,
    /// Its tokens, or why it shows none.
    pub tokens: Result<Vec<p11::TokenInfo>, p11::Error>,
}

/// Looks into a module without logging in.
pub fn discover(module: &Path) -> Found {
    let tokens = p11::Module::load(module, &p11::ModuleOptions::default()).and_then(|module| module.tokens());
    Found { module: module.to_owned(), tokens }
}

/// Is this text an RFC 7512 URI of a token?
pub fn check_uri(text: &str) -> Result<(), TokenError> {
    text.parse::<p11::TokenUri>()?;
    Ok(())
}

impl Pkcs11 {
    /// Loads the module, finds the token, logs in once.
    pub fn open(
        module: &Path,
        uri: &p11::TokenUri,
        pin: Pin,
        workers: Option<usize>,
    ) -> Result<Self, TokenError> {
        let mut pool = p11::PoolOptions { deadline: Duration::from_secs(10), ..Default::default() };
        if let Some(workers) = workers {
            pool.workers = workers;
        }
        let module = p11::Module::load(module, &p11::ModuleOptions::default())?;
        let token = module.open(uri, Some(pin.into()), pool)?;
        Ok(Self { module, token })
    }

    pub fn about(&self) -> About {
        let info = self.token.info();
        About {
            label: info.label().to_owned(),
            kind: Device::Pkcs11,
            model: format!("{} {}", info.manufacturer(), info.model()).trim().to_owned(),
            serial: info.serial().to_owned(),
            firmware: None,
            simulator: false,
        }
    }

    pub fn uri(&self) -> String {
        p11::TokenUri::of(self.token.info()).to_string()
    }

    pub async fn check(&self) -> Result<(), TokenError> {
        Ok(self.token.check().await?)
    }

    /// Starts the module again if the device is gone.
    pub async fn recover(&self) -> Result<bool, TokenError> {
        let this = self.clone();
        let blocking = move || match this.token.health() {
            Err(p11::Error::Unplugged { .. }) => {
                this.module.refresh()?;
                this.token.health()?;
                Ok(true)
            }
            other => Ok(other.map(|()| false)?),
        };
        // Its thread ends before it has answered only when the runtime does.
        tokio::task::spawn_blocking(blocking).await.unwrap_or(Ok(false))
    }

    pub async fn keys(&self) -> Result<Vec<(Handle, p11::Usage)>, TokenError> {
        let keys = self.token.keys().await?;
        keys.into_iter().map(|key| Ok((handle(key.clone())?, key.usage()))).collect()
    }

    pub async fn find(&self, label: &str) -> Result<Handle, TokenError> {
        handle(self.token.find(&p11::KeyUri::label(label)?).await?)
    }

    pub async fn generate(&self, new: NewKey) -> Result<Handle, TokenError> {
        let random = self.random(ID).await?;
        let id = match new.mark {
            Some(mark) => mark.id(random),
            None => random,
        };
        let NewKey { label, algorithm, usage, pin_each_use, .. } = new;
        let new = p11::NewKey { label, id, algorithm, usage, copyable: !pin_each_use, pin_each_use };
        handle(self.token.generate(new).await?)
    }

    pub async fn random(&self, n: usize) -> Result<Vec<u8>, TokenError> {
        Ok(self.token.random(n).await?.to_vec())
    }

    pub async fn read_data(&self, label: &str) -> Result<Option<Vec<u8>>, TokenError> {
        Ok(self.token.read_data(label).await?)
    }

    pub async fn write_data(&self, label: &str, value: Vec<u8>) -> Result<(), TokenError> {
        Ok(self.token.write_data(label, value).await?)
    }

    pub async fn derive(&self, key: &p11::Key, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        Ok(self.token.derive(key, peer).await?)
    }

    pub async fn sign<P: Send + 'static>(
        &self,
        key: &p11::Key,
        message: Vec<u8>,
        check: impl FnOnce(Signature) -> Option<P> + Send + 'static,
    ) -> Result<P, TokenError> {
        let checked = move |_: &p11::PublicKey, _: &[u8], raw: &p11::RawSignature| check(Signature(raw.0));
        Ok(self.token.sign(key, message, checked).await?)
    }
}

fn handle(key: p11::Key) -> Result<Handle, TokenError> {
    let (label, made) = (key.label().to_owned(), Mark::of_id(key.id()).into_iter().collect());
    Handle::new(&label, public(&key), made, At::Pkcs11(key))
}

fn public(key: &p11::Key) -> Result<PublicKey, KeyError> {
    let public = key.public_key();
    let wrong = |_| KeyError::NotOnCurve("token");
    match public.algorithm() {
        p11::Algorithm::Ed25519 => PublicKey::ed25519(public.bytes().try_into().map_err(wrong)?),
        p11::Algorithm::P256 => PublicKey::p256(public.bytes().try_into().map_err(wrong)?),
        p11::Algorithm::Secp256k1 => PublicKey::secp256k1(public.bytes().try_into().map_err(wrong)?),
    }
}

impl From<p11::Error> for DeviceError {
    fn from(error: p11::Error) -> Self {
        use p11::Error::*;
        let kind = match &error {
            PinIncorrect { .. } | PinFinalTry | PinLocked => Kind::PinRefused,
            PinMissing | PinNotInitialized => Kind::PinMissing,
            KeyNotFound { .. } => Kind::KeyMissing,
            KeyAmbiguous { .. } | KeyExists { .. } => Kind::KeyInDoubt,
            p11::Error::Busy => Kind::Busy,
            p11::Error::Deadline => Kind::Deadline,
            Unplugged { .. } => Kind::Gone,
            _ => Kind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<p11::Error> for TokenError {
    fn from(error: p11::Error) -> Self {
        DeviceError::from(error).into()
    }
}
