//! What a caller asks for.

use std::fmt;
use std::str::FromStr;

use bursar_core::decode::transfer::Memo;
use bursar_core::name::Name;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The body of a request to spend: names and text, as people write them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpendRequest {
    /// The account to pay from, by its name in the configuration.
    #[schema(value_type = String, example = "expenses")]
    pub from: Name,
    /// The recipient: a name of the policy bundle, or an address.
    #[schema(example = "Fresh Market", max_length = 128)]
    pub to: Recipient,
    /// The amount and its asset.
    #[schema(value_type = String, example = "120.50 EUR")]
    pub amount: AmountText,
    /// What for; at most 140 bytes, signed and recorded with the payment.
    #[serde(default, skip_serializing_if = "no_memo")]
    #[schema(value_type = Option<String>, example = "groceries, week 47")]
    pub memo: Memo,
}

/// A recipient as a caller names it: 1 to 128 bytes, not yet looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String)]
pub struct Recipient(String);

/// An amount as a caller writes it: `NUMBER ASSET`, not yet read against the asset's decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AmountText {
    text: String,
    asset: Name,
}

/// Why a request's text is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Empty or too long.
    #[error("a recipient is a name of the policy bundle or an address, 1 to 128 characters")]
    Recipient,
    /// Not `NUMBER ASSET`.
    #[error("{0:?} is not an amount; write the number, one space, the asset, like 120.50 EUR")]
    Amount(String),
    /// Not usable as a key.
    #[error("an Idempotency-Key is 1 to 128 printable ASCII characters, different for each payment")]
    Key,
}

fn no_memo(memo: &Memo) -> bool {
    memo.as_str().is_empty()
}

impl Recipient {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Recipient {
    type Error = RequestError;

    fn try_from(text: String) -> Result<Self, RequestError> {
        if (1..=128).contains(&text.len()) { Ok(Self(text)) } else { Err(RequestError::Recipient) }
    }
}

impl AmountText {
    /// `120.50 EUR`, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The asset's name.
    pub fn asset(&self) -> &Name {
        &self.asset
    }
}

impl TryFrom<String> for AmountText {
    type Error = RequestError;

    fn try_from(text: String) -> Result<Self, RequestError> {
        let wrong = |text: &str| RequestError::Amount(text.chars().take(100).collect());
        let numeric = |number: &str| number.bytes().any(|byte| byte.is_ascii_digit());
        let asset = match text.split_once(' ') {
            // 78 digits, a point, a space and the name.
            Some((number, asset)) if text.len() <= 160 && numeric(number) => {
                asset.parse().map_err(|_| wrong(&text))?
            }
            _ => return Err(wrong(&text)),
        };
        Ok(Self { text, asset })
    }
}

impl From<AmountText> for String {
    fn from(amount: AmountText) -> String {
        amount.text
    }
}

/// Names a request, so that asking twice pays once: 1 to 128 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Stands where nothing is spent and so no key is needed.
    pub fn none() -> Self {
        Self("none".to_owned())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, RequestError> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b));
        if fits { Ok(Self(text.to_owned())) } else { Err(RequestError::Key) }
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = RequestError;

    fn try_from(text: String) -> Result<Self, RequestError> {
        text.parse()
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One caller's use of one key: the first 16 bytes of SHA-256 over the caller's name, a zero
/// byte, and the key. Callers cannot reach each other's keys.
pub type IdempotencyId = [u8; 16];

/// See [`IdempotencyId`].
pub fn idempotency_id(caller: &Name, key: &IdempotencyKey) -> IdempotencyId {
    let digest =
        Sha256::new().chain_update(caller.as_str()).chain_update([0]).chain_update(&key.0).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

impl SpendRequest {
    /// SHA-256 of the request's JSON without white space: tells one request from another.
    pub fn hash(&self) -> [u8; 32] {
        // Strings in a struct always become JSON; were it not so, the hash would still be one of this text.
        Sha256::digest(serde_json::to_vec(self).unwrap_or_default()).into()
    }
}
