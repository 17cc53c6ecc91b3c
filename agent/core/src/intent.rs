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
    /// Whose money, and whose signature; of an endorsement, who pays in what is endorsed.
    pub from: PublicKey,
    /// Who receives it; nobody where nothing is moved.
    pub to: Option<PublicKey>,
    /// What is moved; nothing for a record or a rotation.
    pub value: Option<Value>,
    /// The most that the ledger may take for it.
    pub fee: Option<Value>,
    /// Which function of a contract is called.
    pub selector: Option<Selector>,
    /// When it was made.
    pub created: Timestamp,
    /// From then on no ledger records it.
    pub valid_until: Timestamp,
}

impl Intent {
    /// How many minor units are moved; zero where nothing is.
    pub fn amount(&self) -> Amount {
        self.value.as_ref().map_or(Amount::ZERO, |value| value.amount)
    }
}

/// So many minor units of an asset; never zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Of what.
    pub asset: Name,
    /// How many minor units.
    pub amount: Amount,
}

/// What kind of thing a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Moves an amount from one account to another.
    Pay,
    /// Writes a digest down.
    Record,
    /// Makes an amount of an asset, which did not exist before, for an account.
    Issue,
    /// Puts another key in the place of an account's.
    Rotate,
    /// Agrees, as a node, that somebody else's transaction is recorded.
    Endorse,
    /// Calls a function of a contract.
    Call,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 6] =
        [Self::Pay, Self::Record, Self::Issue, Self::Rotate, Self::Endorse, Self::Call];

    /// As in a policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Record => "record",
            Self::Issue => "issue",
            Self::Rotate => "rotate",
            Self::Endorse => "endorse",
            Self::Call => "call",
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The first four bytes of a call's data: which function of a contract it calls. As text `0x` and
/// 8 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(pub [u8; 4]);

/// Why a text is not a [`Selector`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a selector; write 0x and 8 lower-case hex digits, like 0xa9059cbb")]
pub struct SelectorError(String);

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{}", data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl std::fmt::Debug for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let wrong = || SelectorError(text.chars().take(100).collect());
        let hex = text.strip_prefix("0x").ok_or_else(wrong)?;
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).map_err(|_| wrong())?;
        bytes.try_into().map(Self).map_err(|_| wrong())
    }
}

impl<'de> serde::Deserialize<'de> for Selector {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}

impl serde::Serialize for Selector {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
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
