//! A key in an open token, whichever kind of token it is.

use std::sync::Arc;

use bursar_core::key::{KeyError, PublicKey, Verifier};
use bursar_pkcs11 as p11;

use super::TokenError;
use super::mark::Mark;
use super::yubihsm;

/// A key in an open token.
#[derive(Clone, Debug)]
pub struct Handle {
    label: String,
    verifier: Arc<Verifier>,
    made: Vec<Mark>,
    pub(super) at: At,
}

/// Where the backend finds it.
#[derive(Clone, Debug)]
pub(super) enum At {
    Pkcs11(p11::Key),
    YubiHsm(yubihsm::KeyId),
}

impl Handle {
    /// Refuses what is no public key.
    pub(super) fn new(
        label: &str,
        public: Result<PublicKey, KeyError>,
        made: Vec<Mark>,
        at: At,
    ) -> Result<Self, TokenError> {
        let invalid = |why| TokenError::Invalid { label: label.to_owned(), why };
        let verifier =
            Verifier::new(&public.map_err(invalid)?).ok_or_else(|| invalid(KeyError::NotOnCurve("token")))?;
        Ok(Self { label: label.to_owned(), verifier: Arc::new(verifier), made, at })
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
        &self.label
    }

    /// The roles that it was made for, as far as the token says: of a key of another maker none, or more
    /// than one.
    pub(super) fn made(&self) -> &[Mark] {
        &self.made
    }
}
