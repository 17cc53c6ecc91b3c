//! Capabilities: what a session or an object may do, one bit each.
//!
//! Source: <https://docs.yubico.com/hardware/yubihsm-2/hsm-2-user-guide/hsm2-core-concepts.html>, Capability.

use serde::{Deserialize, Serialize};

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// Does it hold all of these?
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

macro_rules! capabilities {
    ($($name:ident = $bit:literal,)*) => {
        #[allow(missing_docs, reason = "the vendor's names say it")]
        #[allow(dead_code, reason = "the table is whole")]
        impl Capabilities {
            $(pub const $name: Self = Self(1 << $bit);)*
        }
    };
}

capabilities! {
    GET_OPAQUE = 0x00,
    PUT_OPAQUE = 0x01,
    PUT_AUTHENTICATION_KEY = 0x02,
    PUT_ASYMMETRIC_KEY = 0x03,
    GENERATE_ASYMMETRIC_KEY = 0x04,
    SIGN_PKCS = 0x05,
    SIGN_PSS = 0x06,
    SIGN_ECDSA = 0x07,
    SIGN_EDDSA = 0x08,
    DECRYPT_PKCS = 0x09,
    DECRYPT_OAEP = 0x0a,
    DERIVE_ECDH = 0x0b,
    EXPORT_WRAPPED = 0x0c,
    IMPORT_WRAPPED = 0x0d,
    PUT_WRAP_KEY = 0x0e,
    GENERATE_WRAP_KEY = 0x0f,
    EXPORTABLE_UNDER_WRAP = 0x10,
    SET_OPTION = 0x11,
    GET_OPTION = 0x12,
    GET_PSEUDO_RANDOM = 0x13,
    PUT_HMAC_KEY = 0x14,
    GENERATE_HMAC_KEY = 0x15,
    SIGN_HMAC = 0x16,
    VERIFY_HMAC = 0x17,
    GET_LOG_ENTRIES = 0x18,
    SIGN_SSH_CERTIFICATE = 0x19,
    GET_TEMPLATE = 0x1a,
    PUT_TEMPLATE = 0x1b,
    RESET_DEVICE = 0x1c,
    DECRYPT_OTP = 0x1d,
    CREATE_OTP_AEAD = 0x1e,
    RANDOMIZE_OTP_AEAD = 0x1f,
    REWRAP_FROM_OTP_AEAD_KEY = 0x20,
    REWRAP_TO_OTP_AEAD_KEY = 0x21,
    SIGN_ATTESTATION_CERTIFICATE = 0x22,
    PUT_OTP_AEAD_KEY = 0x23,
    GENERATE_OTP_AEAD_KEY = 0x24,
    WRAP_DATA = 0x25,
    UNWRAP_DATA = 0x26,
    DELETE_OPAQUE = 0x27,
    DELETE_AUTHENTICATION_KEY = 0x28,
    DELETE_ASYMMETRIC_KEY = 0x29,
    DELETE_WRAP_KEY = 0x2a,
    DELETE_HMAC_KEY = 0x2b,
    DELETE_TEMPLATE = 0x2c,
    DELETE_OTP_AEAD_KEY = 0x2d,
    CHANGE_AUTHENTICATION_KEY = 0x2e,
    PUT_SYMMETRIC_KEY = 0x2f,
    GENERATE_SYMMETRIC_KEY = 0x30,
    DELETE_SYMMETRIC_KEY = 0x31,
    DECRYPT_ECB = 0x32,
    ENCRYPT_ECB = 0x33,
    DECRYPT_CBC = 0x34,
    ENCRYPT_CBC = 0x35,
    PUT_PUBLIC_WRAP_KEY = 0x36,
    DELETE_PUBLIC_WRAP_KEY = 0x37,
}

impl Capabilities {
    /// None.
    pub const NONE: Self = Self(0);
    /// Every bit, those without a meaning, too: what the factory's authentication key has. Clients give them
    /// on as a whole.
    pub const ALL: Self = Self(u64::MAX);
}
