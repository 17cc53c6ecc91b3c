//! What a transaction does, decoded from the exact bytes to be signed.

use crate::amount::Amount;
use crate::key::PublicKey;
use crate::name::Name;
use crate::time::Timestamp;

/// The effect of one transaction, as the policy sees it.
///
/// Only a decoder in [`crate::decode`] makes one, from the bytes that are then signed: what was
/// judged is what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// What kind of thing it does.
    pub action: Action,
    /// Id of the ledger it is for: SHA-256 of its genesis.
    pub ledger: LedgerId,
    /// Whose money, and whose signature.
    pub from: PublicKey,
    /// Who receives it.
    pub to: PublicKey,
    /// What is paid in.
    pub asset: Name,
    /// How many minor units; never zero.
    pub amount: Amount,
    /// When it was made.
    pub created: Timestamp,
    /// From then on no ledger records it.
    pub valid_until: Timestamp,
}

/// What kind of thing a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Moves an amount from one account to another.
    Pay,
}

/// Id of a ledger: SHA-256 of its genesis, as text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LedgerId(pub [u8; 32]);

/// Why a text is not a [`LedgerId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ledger id is 64 lower-case hex digits; `bursar ledger show` prints it")]
pub struct LedgerIdError;

impl std::fmt::Display for LedgerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl std::fmt::Debug for LedgerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for LedgerId {
    type Err = LedgerIdError;

    fn from_str(text: &str) -> Result<Self, LedgerIdError> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| LedgerIdError)?;
        bytes.try_into().map(Self).map_err(|_| LedgerIdError)
    }
}

impl serde::Serialize for LedgerId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for LedgerId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}
