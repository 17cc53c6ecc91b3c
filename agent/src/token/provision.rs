//! New tokens and new keys: what `init`, `quickstart` and `key generate` need and the agent never does.

use std::path::Path;

use bursar_pkcs11 as p11;
pub use bursar_pkcs11::{Algorithm, Pin, TokenInfo, TokenUri, Usage};

use super::TokenError;
use super::pkcs11::{Handle, Token};

/// Bytes of a new key's CKA_ID; drawn by the token, so that no two keys share one.
const ID: usize = 16;

/// Initialises the module's first blank token and sets its user's PIN. SoftHSM always has one.
///
/// # Errors
/// [`p11::Error::TokenExists`] when a token has this label.
pub fn create_token(module: &Path, label: &str, so_pin: &Pin, pin: &Pin) -> Result<TokenInfo, TokenError> {
    let module = p11::Module::load(module, &p11::ModuleOptions::default())?;
    Ok(module.init_token(label, so_pin, pin)?)
}

/// The URI that names exactly this token, by label and serial number.
pub fn uri_of(info: &TokenInfo) -> TokenUri {
    TokenUri::of(info)
}

impl Token {
    /// The key of this label, whatever its curve; made inside the token if there is none. Answers
    /// whether it was made.
    ///
    /// # Errors
    /// [`p11::Error::KeyAmbiguous`] when there are two.
    pub async fn ensure(&self, label: &str, algorithm: Algorithm) -> Result<(Handle, bool), TokenError> {
        self.ensure_key(label, algorithm, false).await
    }

    /// [`Token::ensure`]; a key that is made may be one for which the token wants the PIN at each use.
    ///
    /// # Errors
    /// [`p11::Error::KeyAmbiguous`] when there are two.
    pub async fn ensure_key(
        &self,
        label: &str,
        algorithm: Algorithm,
        pin_each_use: bool,
    ) -> Result<(Handle, bool), TokenError> {
        match self.find(label).await {
            Err(TokenError::Device(p11::Error::KeyNotFound { .. })) => {}
            Ok(key) => return Ok((key, false)),
            Err(error) => return Err(error),
        }
        Ok((self.generate_key(label, algorithm, pin_each_use).await?, true))
    }

    /// Makes a signing key with a random id.
    ///
    /// # Errors
    /// [`p11::Error::KeyExists`] when the label is taken.
    pub async fn generate_signing(&self, label: &str, algorithm: Algorithm) -> Result<Handle, TokenError> {
        self.generate_key(label, algorithm, false).await
    }

    /// Makes a signing key for which the token wants the PIN at each use (CKA_ALWAYS_AUTHENTICATE).
    ///
    /// # Errors
    /// [`p11::Error::KeyExists`] when the label is taken.
    pub async fn generate_guarded(&self, label: &str, algorithm: Algorithm) -> Result<Handle, TokenError> {
        self.generate_key(label, algorithm, true).await
    }

    async fn generate_key(
        &self,
        label: &str,
        algorithm: Algorithm,
        pin_each_use: bool,
    ) -> Result<Handle, TokenError> {
        let id = self.random(ID).await?;
        let (label, usage, copyable) = (label.to_owned(), Usage::Sign, !pin_each_use);
        self.generate(p11::NewKey { label, id, algorithm, usage, copyable, pin_each_use }).await
    }
}
