//! What a caller asks for.

use std::fmt;
use std::str::FromStr;

use bursar_core::decode::transfer::{Kind, Memo};
use bursar_core::name::Name;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::caller::User;

/// The body of a request to spend: names and text, as people write them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpendRequest {
    /// What to do: `pay`, unless it is said, or `issue`, which makes an amount that did not exist
    /// before; only the issuer of the asset does that.
    #[serde(default, skip_serializing_if = "Kind::is_pay")]
    #[schema(value_type = Option<String>, example = "pay")]
    pub action: Kind,
    /// The account to pay or issue from, by its name in the configuration.
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

/// One caller's use of one key: the first 16 bytes of SHA-256 over the caller's name, a zero byte
/// and the key; of one of a group who share the name, over a zero byte and their user id (4 bytes,
/// big-endian) after that. Nobody reaches the keys of others, and a person known by user id and
/// by certificate has one set of keys.
pub type IdempotencyId = [u8; 16];

/// See [`IdempotencyId`].
pub fn idempotency_id(caller: &Name, user: Option<User>, key: &IdempotencyKey) -> IdempotencyId {
    let mut digest = Sha256::new().chain_update(caller.as_str()).chain_update([0]).chain_update(&key.0);
    if let Some(user) = user.filter(|user| user.shares) {
        // No key has a zero byte.
        digest = digest.chain_update([0]).chain_update(user.uid.to_be_bytes());
    }
    let mut id = [0; 16];
    id.copy_from_slice(&digest.finalize()[..16]);
    id
}

/// Who uses which key.
#[derive(Clone, Debug)]
pub struct KeyUse {
    /// Who asks.
    pub caller: Name,
    /// Which user of this machine that is.
    pub user: Option<User>,
    /// Under which key.
    pub key: IdempotencyKey,
}

impl KeyUse {
    /// Under which id an answer is kept.
    pub fn id(&self) -> IdempotencyId {
        idempotency_id(&self.caller, self.user, &self.key)
    }

    /// Under which id an answer may be kept that the same user got while the name was theirs alone,
    /// or that of their group, or from a book that told no members of groups apart.
    pub fn earlier(&self) -> Option<IdempotencyId> {
        let user = self.user.map(|user| User { shares: !user.shares, ..user });
        user.map(|user| idempotency_id(&self.caller, Some(user), &self.key))
    }

    /// Whose turn it takes: of all who share the name, so that no id of one payment is passed over.
    pub fn turn(&self) -> IdempotencyId {
        idempotency_id(&self.caller, None, &self.key)
    }
}

impl SpendRequest {
    /// SHA-256 of the request's JSON without white space: tells one request from another. Whether
    /// `pay` was written or left out makes no difference.
    pub fn hash(&self) -> [u8; 32] {
        // Strings in a struct always become JSON; were it not so, the hash would still be one of this text.
        Sha256::digest(serde_json::to_vec(self).unwrap_or_default()).into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use data_encoding::HEXLOWER;

    /// SHA-256 by Python's hashlib. The first two are what the first books remember of such
    /// requests: that there are other actions now changes neither.
    #[test]
    fn an_action_changes_the_hash_and_a_payment_is_no_action() {
        let fields = r#""from":"expenses","to":"Fresh Market","amount":"120.50 EUR""#;
        let plain = "aecc993a810b571e70bec885f36d91a5f30413ec65bc00338e6461c65c987077";
        for (json, expected) in [
            (format!("{{{fields}}}"), plain),
            (
                format!(r#"{{{fields},"memo":"groceries, week 47"}}"#),
                "6df1f3bdccf70e3b7ce56d6e2cb8a1e3b4e1b37b36d603ce9648183f01b77c4e",
            ),
            (format!(r#"{{"action":"pay",{fields}}}"#), plain),
            (
                format!(r#"{{{fields},"action":"issue"}}"#),
                "dacf5fcaabf33db85a02a2d14742deef77e39461719e65087a2950b8a40e7dc7",
            ),
        ] {
            let request: SpendRequest = serde_json::from_str(&json).unwrap();
            assert_eq!(HEXLOWER.encode(&request.hash()), expected, "{json}");
        }
    }

    #[test]
    fn only_what_can_be_asked_for_is_an_action() {
        let fields = r#""from":"expenses","to":"Fresh Market","amount":"120.50 EUR""#;
        for wrong in
            [r#""Issue""#, r#""mint""#, r#""record""#, r#""call""#, r#""""#, "null", "1", r#"["pay"]"#]
        {
            let json = format!(r#"{{"action":{wrong},{fields}}}"#);
            assert!(serde_json::from_str::<SpendRequest>(&json).is_err(), "{json}");
        }
        let twice = format!(r#"{{"action":"pay","action":"issue",{fields}}}"#);
        assert!(serde_json::from_str::<SpendRequest>(&twice).is_err());
    }
}
