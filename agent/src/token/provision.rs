//! New tokens and new keys: what `init`, `quickstart` and `key generate` need and the agent never does.

use std::path::Path;

use bursar_pkcs11 as p11;
pub use bursar_pkcs11::{Algorithm, TokenInfo, TokenUri, Usage};

use super::device::NewKey;
use super::mark::Mark;
use super::pin::Pin;
use super::{Handle, Kind, Token, TokenError};

/// Initialises the module's first blank token and sets its user's PIN. SoftHSM always has one.
///
/// # Errors
/// [`TokenError::Device`] when a token has this label.
pub fn create_token(module: &Path, label: &str, so_pin: &Pin, pin: &Pin) -> Result<TokenInfo, TokenError> {
    let module = p11::Module::load(module, &p11::ModuleOptions::default())?;
    Ok(module.init_token(label, &so_pin.clone().into(), &pin.clone().into())?)
}

/// The URI that names exactly this token, by label and serial number.
pub fn uri_of(info: &TokenInfo) -> TokenUri {
    TokenUri::of(info)
}

impl Token {
    /// The key of this label, whatever its curve; made inside the token for this role if there is none,
    /// perhaps as one for which the token wants the PIN at each use. Answers whether it was made.
    ///
    /// # Errors
    /// [`Kind::KeyInDoubt`] when there are two; [`TokenError::OtherRole`] when it was made for another
    /// role.
    pub async fn ensure(
        &self,
        label: &str,
        mark: Mark,
        algorithm: Algorithm,
        pin_each_use: bool,
    ) -> Result<(Handle, bool), TokenError> {
        match self.find(label).await {
            Err(error) if error.kind() == Some(Kind::KeyMissing) => {}
            Ok(key) => return mark.check_found(&key).map(|()| (key, false)),
            Err(error) => return Err(error),
        }
        Ok((self.generate_key(label, Some(mark), algorithm, pin_each_use).await?, true))
    }

    /// Makes a signing key with a random id, marked with the role that it is for.
    ///
    /// # Errors
    /// [`Kind::KeyInDoubt`] when the label is taken.
    pub async fn generate_signing(
        &self,
        label: &str,
        mark: Option<Mark>,
        algorithm: Algorithm,
    ) -> Result<Handle, TokenError> {
        self.generate_key(label, mark, algorithm, false).await
    }

    /// Makes a signing key for which the token wants the PIN at each use (CKA_ALWAYS_AUTHENTICATE).
    ///
    /// # Errors
    /// [`Kind::KeyInDoubt`] when the label is taken.
    pub async fn generate_guarded(
        &self,
        label: &str,
        mark: Option<Mark>,
        algorithm: Algorithm,
    ) -> Result<Handle, TokenError> {
        self.generate_key(label, mark, algorithm, true).await
    }

    /// Makes a P-256 key for [`Token::derive`] that signs nothing, marked with the role that it is for.
    ///
    /// # Errors
    /// [`Kind::KeyInDoubt`] when the label is taken.
    pub async fn generate_deriving(&self, label: &str, mark: Mark) -> Result<Handle, TokenError> {
        self.generate(NewKey {
            label: label.to_owned(),
            mark: Some(mark),
            algorithm: Algorithm::P256,
            usage: Usage::Derive,
            pin_each_use: false,
        })
        .await
    }

    async fn generate_key(
        &self,
        label: &str,
        mark: Option<Mark>,
        algorithm: Algorithm,
        pin_each_use: bool,
    ) -> Result<Handle, TokenError> {
        let (label, usage) = (label.to_owned(), Usage::Sign);
        self.generate(NewKey { label, mark, algorithm, usage, pin_each_use }).await
    }
}
