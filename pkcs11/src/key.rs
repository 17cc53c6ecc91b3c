//! Keys as this crate's callers see them: never a handle, never a private part.

use std::fmt;
use std::sync::Arc;

use crate::public::PublicKey;
use crate::{Algorithm, KeyUri, TokenInfo, Usage};

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// CKA_LABEL, unique on the token.
    pub label: String,
    /// CKA_ID, unique on the token, not empty.
    pub id: Vec<u8>,
    /// The curve.
    pub algorithm: Algorithm,
    /// The one thing the key may do.
    pub usage: Usage,
    /// CKA_COPYABLE: whether sessions may sign with a copy of their own, which is faster on some
    /// tokens. A copy stays as sensitive and non-extractable as its original, and inside the token.
    pub copyable: bool,
    /// CKA_ALWAYS_AUTHENTICATE: the token wants the PIN again for each signature (PKCS#11, section
    /// 4.9). Such a key is never signed with by a copy.
    pub pin_each_use: bool,
}

/// What finds a key again after a session was lost: id **and** public key, never a handle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) id: Vec<u8>,
    pub(crate) public: PublicKey,
}

#[derive(Debug)]
struct Inner {
    label: String,
    identity: Identity,
    usage: Usage,
}

/// A private key on a token.
#[derive(Debug, Clone)]
pub struct Key(Arc<Inner>);

impl Key {
    pub(crate) fn new(label: String, id: Vec<u8>, public: PublicKey, usage: Usage) -> Key {
        Key(Arc::new(Inner { label, identity: Identity { id, public }, usage }))
    }

    /// CKA_LABEL.
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// CKA_ID.
    pub fn id(&self) -> &[u8] {
        &self.0.identity.id
    }

    /// The public part.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.identity.public
    }

    /// What it may do. A key of another maker that may sign and derive counts as a signing key.
    pub fn usage(&self) -> Usage {
        self.0.usage
    }

    /// The curve.
    pub fn algorithm(&self) -> Algorithm {
        self.0.identity.public.algorithm()
    }

    /// The URI that finds exactly this key on that token.
    pub fn uri(&self, token: &TokenInfo) -> KeyUri {
        KeyUri::of(token, &self.0.label, &self.0.identity.id)
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.0.identity
    }
}

/// 64 bytes as the token gave them, normalised and **not yet verified**: only the check that is
/// given to [`crate::Token::sign`] sees one.
/// Ed25519: R || S (RFC 8032); ECDSA: r || s, both 32 bytes big-endian, s in its lower half.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawSignature(pub [u8; 64]);

impl fmt::Debug for RawSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawSignature(")?;
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str(")")
    }
}
