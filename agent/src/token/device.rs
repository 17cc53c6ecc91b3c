//! An open token: a PKCS#11 module's, or a YubiHSM, behind the same calls.
//!
//! An enum and no trait: there are two backends, both known here, and what a signature becomes is a
//! type of the caller's, which a trait object could not carry.

use bursar_core::key::Signature;
use bursar_pkcs11 as p11;
use zeroize::Zeroizing;

use super::about::About;
use super::attestation::{Evidence, Listed};
use super::handle::{At, Handle};
use super::mark::Mark;
use super::pkcs11::Pkcs11;
use super::yubihsm::YubiHsm;
use super::{DeviceError, Kind, TokenError};

/// An open token: logged in, ready to sign. Clones share it.
#[derive(Clone)]
pub struct Token(pub(super) Backend);

#[derive(Clone)]
pub(super) enum Backend {
    Pkcs11(Pkcs11),
    YubiHsm(YubiHsm),
}

/// What a new key is to be.
#[derive(Clone, Debug)]
pub(super) struct NewKey {
    pub label: String,
    pub mark: Option<Mark>,
    pub algorithm: p11::Algorithm,
    pub usage: p11::Usage,
    /// Does the token want the PIN at each use?
    pub pin_each_use: bool,
}

impl Token {
    /// What it says of itself.
    pub fn about(&self) -> About {
        match &self.0 {
            Backend::Pkcs11(token) => token.about(),
            Backend::YubiHsm(token) => token.about().clone(),
        }
    }

    /// Names exactly this token: an RFC 7512 URI, or the address of the YubiHSM's connector.
    pub fn uri(&self) -> String {
        match &self.0 {
            Backend::Pkcs11(token) => token.uri(),
            Backend::YubiHsm(token) => token.uri(),
        }
    }

    /// Is the device there?
    pub async fn check(&self) -> Result<(), TokenError> {
        match &self.0 {
            Backend::Pkcs11(token) => token.check().await,
            Backend::YubiHsm(token) => token.check().await.map(|_| ()),
        }
    }

    /// Asks the device how it is, and finds one again that was gone; answers whether it had been.
    pub async fn recover(&self) -> Result<bool, TokenError> {
        match &self.0 {
            Backend::Pkcs11(token) => token.recover().await,
            Backend::YubiHsm(token) => token.check().await,
        }
    }

    /// Gives back what a device has little of. Nothing is asked of the token afterwards.
    pub async fn close(&self) {
        if let Backend::YubiHsm(token) = &self.0 {
            token.close().await;
        }
    }

    /// Every key, with its usage.
    pub async fn keys(&self) -> Result<Vec<(Handle, p11::Usage)>, TokenError> {
        match &self.0 {
            Backend::Pkcs11(token) => token.keys().await,
            Backend::YubiHsm(token) => token.keys().await,
        }
    }

    /// Exactly one key of this label.
    pub async fn find(&self, label: &str) -> Result<Handle, TokenError> {
        match &self.0 {
            Backend::Pkcs11(token) => token.find(label).await,
            Backend::YubiHsm(token) => token.find(label).await,
        }
    }

    /// Makes a key that never leaves the token.
    pub(super) async fn generate(&self, new: NewKey) -> Result<Handle, TokenError> {
        match &self.0 {
            Backend::Pkcs11(token) => token.generate(new).await,
            Backend::YubiHsm(token) => token.generate(new).await,
        }
    }

    /// `n` bytes of the token's random number generator.
    pub async fn random(&self, n: usize) -> Result<Vec<u8>, TokenError> {
        match &self.0 {
            Backend::Pkcs11(token) => token.random(n).await,
            Backend::YubiHsm(token) => token.random(n).await,
        }
    }

    /// Reads a private data object.
    pub async fn read_data(&self, label: &str) -> Result<Option<Vec<u8>>, TokenError> {
        match &self.0 {
            Backend::Pkcs11(token) => token.read_data(label).await,
            Backend::YubiHsm(token) => token.read_data(label).await,
        }
    }

    /// Writes a private data object; a crash leaves the old value or the new one.
    pub async fn write_data(&self, label: &str, value: Vec<u8>) -> Result<(), TokenError> {
        match &self.0 {
            Backend::Pkcs11(token) => token.write_data(label, value).await,
            Backend::YubiHsm(token) => token.write_data(label, value).await,
        }
    }

    /// ECDH with a P-256 key that derives only: the 32 bytes of the x coordinate. The peer's point is
    /// SEC 1, uncompressed: 04, x, y.
    pub async fn derive(&self, key: &Handle, peer: &[u8; 65]) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        match (&self.0, &key.at) {
            (Backend::Pkcs11(token), At::Pkcs11(key)) => token.derive(key, peer).await,
            (Backend::YubiHsm(token), At::YubiHsm(id)) => token.derive(*id, key.label(), peer).await,
            _ => Err(elsewhere(key)),
        }
    }

    /// Has the device attest the one key of this label; what it says is to be verified.
    pub async fn attest(&self, label: &str) -> Result<(Evidence, Listed), TokenError> {
        match &self.0 {
            Backend::YubiHsm(token) => token.attest(label).await,
            Backend::Pkcs11(_) => {
                let what = "a token behind PKCS#11 attests nothing here; only a YubiHSM does, as `yubihsm` under [token]";
                Err(DeviceError::new(Kind::Failed, what).into())
            }
        }
    }

    /// Signs; only what `check` makes of a signature that it has verified comes out.
    pub(super) async fn sign<P: Send + 'static>(
        &self,
        key: &Handle,
        message: Vec<u8>,
        check: impl FnOnce(Signature) -> Option<P> + Send + 'static,
    ) -> Result<P, TokenError> {
        match (&self.0, &key.at) {
            (Backend::Pkcs11(token), At::Pkcs11(key)) => token.sign(key, message, check).await,
            (Backend::YubiHsm(token), At::YubiHsm(id)) => {
                token.sign(*id, *key.public(), key.label(), message, check).await
            }
            _ => Err(elsewhere(key)),
        }
    }
}

fn elsewhere(key: &Handle) -> TokenError {
    let what = format!("the key {:?} is in another token: report this as a defect", key.label());
    DeviceError::new(Kind::Failed, what).into()
}
