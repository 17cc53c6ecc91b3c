//! Tokens behind PKCS#11 modules: bytes in, verified signatures out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bursar_core::key::{PublicKey, Signature, Verifier};
use bursar_pkcs11 as p11;

use super::TokenError;

/// An open token: logged in, with its pool of sessions.
#[derive(Clone)]
pub struct Token {
    module: p11::Module,
    token: p11::Token,
}

/// A key in an open token.
#[derive(Clone, Debug)]
pub struct Handle {
    key: p11::Key,
    verifier: Arc<Verifier>,
}

impl Handle {
    fn new(key: p11::Key) -> Result<Self, TokenError> {
        let public =
            public(&key).map_err(|why| TokenError::Invalid { label: key.label().to_owned(), why })?;
        let not = bursar_core::key::KeyError::NotOnCurve("token");
        let verifier = Verifier::new(&public);
        let verifier =
            verifier.ok_or_else(|| TokenError::Invalid { label: key.label().to_owned(), why: not })?;
        Ok(Self { key, verifier: Arc::new(verifier) })
    }

    /// The public key.
    pub fn public(&self) -> &PublicKey {
        self.verifier.key()
    }

    /// The public key, ready to verify.
    pub fn verifier(&self) -> Arc<Verifier> {
        self.verifier.clone()
    }

    /// Its label in the token.
    pub fn label(&self) -> &str {
        self.key.label()
    }

    /// Its CKA_ID.
    pub(super) fn id(&self) -> &[u8] {
        self.key.id()
    }
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

impl Token {
    /// Loads the module, finds the token, logs in once.
    pub fn open(
        module: &Path,
        uri: &p11::TokenUri,
        pin: p11::Pin,
        workers: Option<usize>,
    ) -> Result<Self, TokenError> {
        let mut pool = p11::PoolOptions { deadline: Duration::from_secs(10), ..Default::default() };
        if let Some(workers) = workers {
            pool.workers = workers;
        }
        let module = p11::Module::load(module, &p11::ModuleOptions::default())?;
        let token = module.open(uri, Some(pin), pool)?;
        Ok(Self { module, token })
    }

    /// Label, serial number and maker.
    pub fn info(&self) -> &p11::TokenInfo {
        self.token.info()
    }

    /// Is the device there?
    pub async fn check(&self) -> Result<(), TokenError> {
        Ok(self.token.check().await?)
    }

    /// Starts the module again if the device is gone; answers whether it had to. Blocks.
    pub fn recover(&self) -> Result<bool, TokenError> {
        match self.token.health() {
            Err(p11::Error::Unplugged { .. }) => {
                self.module.refresh()?;
                self.token.health()?;
                Ok(true)
            }
            other => Ok(other.map(|()| false)?),
        }
    }

    /// Every key, with its usage.
    pub async fn keys(&self) -> Result<Vec<(Handle, p11::Usage)>, TokenError> {
        let keys = self.token.keys().await?;
        keys.into_iter().map(|key| Ok((Handle::new(key.clone())?, key.usage()))).collect()
    }

    /// Exactly one key of this label.
    pub async fn find(&self, label: &str) -> Result<Handle, TokenError> {
        Handle::new(self.token.find(&p11::KeyUri::label(label)?).await?)
    }

    /// Makes a key that never leaves the token.
    pub async fn generate(&self, new: p11::NewKey) -> Result<Handle, TokenError> {
        Handle::new(self.token.generate(new).await?)
    }

    /// `n` bytes of the token's random number generator.
    pub async fn random(&self, n: usize) -> Result<Vec<u8>, TokenError> {
        Ok(self.token.random(n).await?.to_vec())
    }

    /// Reads a private data object.
    pub async fn read_data(&self, label: &str) -> Result<Option<Vec<u8>>, TokenError> {
        Ok(self.token.read_data(label).await?)
    }

    /// Writes a private data object; a crash leaves the old value or the new one.
    pub async fn write_data(&self, label: &str, value: Vec<u8>) -> Result<(), TokenError> {
        Ok(self.token.write_data(label, value).await?)
    }

    /// Signs; only what `check` makes of a signature that it has verified comes out.
    pub(super) async fn sign<P: Send + 'static>(
        &self,
        key: &Handle,
        message: Vec<u8>,
        check: impl FnOnce(Signature) -> Option<P> + Send + 'static,
    ) -> Result<P, TokenError> {
        let checked = move |_: &p11::PublicKey, _: &[u8], raw: &p11::RawSignature| check(Signature(raw.0));
        Ok(self.token.sign(&key.key, message, checked).await?)
    }
}

fn public(key: &p11::Key) -> Result<PublicKey, bursar_core::key::KeyError> {
    let public = key.public_key();
    let wrong = |_| bursar_core::key::KeyError::NotOnCurve("token");
    match public.algorithm() {
        p11::Algorithm::Ed25519 => PublicKey::ed25519(public.bytes().try_into().map_err(wrong)?),
        p11::Algorithm::P256 => PublicKey::p256(public.bytes().try_into().map_err(wrong)?),
        p11::Algorithm::Secp256k1 => PublicKey::secp256k1(public.bytes().try_into().map_err(wrong)?),
    }
}
