//! Objects: keys, data and templates in the device.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::domain::Domains;
use crate::error::Code;
use crate::hex_bytes;

/// What kind of object it is. An id belongs to one object of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the vendor's names say it")]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
pub enum Kind {
    Opaque = 1,
    AuthenticationKey = 2,
    AsymmetricKey = 3,
    WrapKey = 4,
    HmacKey = 5,
    Template = 6,
    OtpAeadKey = 7,
    SymmetricKey = 8,
    PublicWrapKey = 9,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Opaque,
        Self::AuthenticationKey,
        Self::AsymmetricKey,
        Self::WrapKey,
        Self::HmacKey,
        Self::Template,
        Self::OtpAeadKey,
        Self::SymmetricKey,
        Self::PublicWrapKey,
    ];

    /// What a session needs to delete one.
    pub(crate) fn delete(self) -> Capabilities {
        match self {
            Self::Opaque => Capabilities::DELETE_OPAQUE,
            Self::AuthenticationKey => Capabilities::DELETE_AUTHENTICATION_KEY,
            Self::AsymmetricKey => Capabilities::DELETE_ASYMMETRIC_KEY,
            Self::WrapKey => Capabilities::DELETE_WRAP_KEY,
            Self::HmacKey => Capabilities::DELETE_HMAC_KEY,
            Self::Template => Capabilities::DELETE_TEMPLATE,
            Self::OtpAeadKey => Capabilities::DELETE_OTP_AEAD_KEY,
            Self::SymmetricKey => Capabilities::DELETE_SYMMETRIC_KEY,
            Self::PublicWrapKey => Capabilities::DELETE_PUBLIC_WRAP_KEY,
        }
    }

    /// Does such an object pass capabilities on? Then they are eight bytes of its length.
    pub(crate) fn delegates(self) -> bool {
        matches!(self, Self::AuthenticationKey | Self::WrapKey | Self::PublicWrapKey)
    }
}

impl From<Kind> for u8 {
    fn from(kind: Kind) -> Self {
        kind as u8
    }
}

impl TryFrom<u8> for Kind {
    type Error = Code;

    fn try_from(byte: u8) -> Result<Self, Code> {
        Self::ALL.into_iter().find(|kind| u8::from(*kind) == byte).ok_or(Code::InvalidData)
    }
}

/// Where an object comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origin(pub u8);

impl Origin {
    /// Made in the device.
    pub const GENERATED: Self = Self(0x01);
    /// Put into the device.
    pub const IMPORTED: Self = Self(0x02);

    /// The same after it came wrapped.
    pub fn wrapped(self) -> Self {
        Self(self.0 | 0x10)
    }
}

/// Bytes of a label.
pub const LABEL: usize = 40;

/// A name of 40 bytes, filled up with zeros; UTF-8 by convention.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label(#[serde(with = "hex_bytes")] pub [u8; LABEL]);

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.split(|byte| *byte == 0).next().unwrap_or_default();
        write!(f, "{:?}", String::from_utf8_lossy(text))
    }
}

/// What an object holds, in the vendor's layout: wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body(#[serde(with = "hex_bytes")] Zeroizing<Vec<u8>>);

impl Body {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its id: neither 0 nor 0xffff.
    pub id: u16,
    /// Its name.
    pub label: Label,
    /// The domains that it is in.
    pub domains: Domains,
    /// What it may be used for.
    pub capabilities: Capabilities,
    /// What it may pass on: of sessions to the objects they make, of wrap keys to what they move.
    pub delegated: Capabilities,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// How many objects of this kind and id there were before.
    pub sequence: u8,
    /// Where it comes from.
    pub origin: Origin,
    /// What it holds.
    pub body: Body,
}

impl Object {
    /// Its length as the device tells it, in bytes.
    pub fn length(&self) -> usize {
        self.body.bytes().len() + if self.kind.delegates() { 8 } else { 0 }
    }
}
