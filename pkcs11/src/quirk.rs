//! Every difference between vendors, chosen by the token's manufacturer. Nothing else in this crate
//! asks who made a token.

mod softhsm;

use cryptoki::object::Attribute;
use std::path::PathBuf;

use crate::{Algorithm, Error, TokenInfo};

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quirk {
    /// SoftHSM 2.
    SoftHsm,
    /// NSS softokn.
    Nss,
    /// Any other: as the standard says.
    Standard,
}

/// What quirks need of the process's surroundings, read once when the module is loaded, as the
/// module does itself.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// Where SoftHSM keeps its tokens.
    softhsm_tokens: Option<PathBuf>,
}

impl Environment {
    pub(crate) fn read() -> Environment {
        Environment { softhsm_tokens: softhsm::token_directory() }
    }
}

impl Quirk {
    pub(crate) fn of(info: &TokenInfo) -> Quirk {
        match info.manufacturer() {
            "SoftHSM project" => Quirk::SoftHsm,
            "Mozilla Foundation" => Quirk::Nss,
            _ => Quirk::Standard,
        }
    }

    /// Makes what was just written survive a power cut, where the token does not do so itself.
    pub(crate) fn sync(self, environment: &Environment, info: &TokenInfo) -> Result<(), Error> {
        match self {
            Quirk::SoftHsm => {
                softhsm::sync(environment.softhsm_tokens.as_deref(), info.serial()).map_err(Error::NotDurable)
            }
            Quirk::Nss | Quirk::Standard => Ok(()),
        }
    }

    /// Whether a session copy of a key of this algorithm signs faster than the key itself.
    pub(crate) fn copy_pays(self, _algorithm: Algorithm) -> bool {
        match self {
            // NSS keeps token keys decrypted in memory itself.
            Quirk::Nss => false,
            Quirk::SoftHsm | Quirk::Standard => true,
        }
    }

    /// Whether a key that is to be copied must be modifiable: SoftHSM refuses a session copy of one that
    /// is not (CKR_ATTRIBUTE_READ_ONLY, for CKA_TOKEN). That gives away little, since whoever may
    /// copy a key may change the copy; sensitive and non-extractable stay so either way.
    pub(crate) fn copyable_is_modifiable(self) -> bool {
        self == Quirk::SoftHsm
    }

    /// Whether searches must keep out of the way of whatever makes objects. SoftHSM's C_CopyObject
    /// first copies every attribute and then changes CKA_TOKEN: meanwhile a search on another thread
    /// for token objects finds the session copy, too, and one key looks like two.
    pub(crate) fn searches_alone(self) -> bool {
        self == Quirk::SoftHsm
    }

    /// Whether a key template may carry this attribute, and its value be read back.
    pub(crate) fn keeps(self, attribute: &Attribute) -> bool {
        match self {
            // NSS's database has no columns for these, and then refuses the whole key.
            Quirk::Nss => !matches!(attribute, Attribute::Copyable(_)),
            Quirk::SoftHsm | Quirk::Standard => true,
        }
    }

    /// Why private data objects cannot be kept on it.
    pub(crate) fn no_data_objects(self) -> Option<&'static str> {
        match self {
            Quirk::Nss => Some("NSS keeps no private data objects: use another token for them"),
            Quirk::SoftHsm | Quirk::Standard => None,
        }
    }
}
