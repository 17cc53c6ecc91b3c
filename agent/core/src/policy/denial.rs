//! Why a payment is denied.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// A refusal that names the rule and the condition that failed and says what would be allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// What kind of condition failed; stable for programs.
    pub code: DenialCode,
    /// The rule whose condition failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Name>,
    /// For people.
    pub message: String,
}

/// What kind of condition failed; in JSON as `per-payment`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenialCode {
    /// The bundle has no such asset.
    UnknownAsset,
    /// No recipient of the bundle has this address.
    UnknownRecipient,
    /// No allow rule's scope matches.
    NoRule,
    /// A forbid rule matches.
    Forbidden,
    /// More than one payment may carry.
    PerPayment,
    /// More than what is left of an amount per window.
    Budget,
    /// More payments than a window may hold.
    Count,
    /// Outside the hours.
    Hours,
    /// Before or after the rule's lifetime.
    Lifetime,
    /// A sum would exceed 2^256 - 1 minor units.
    Overflow,
    /// The bundle does not know who pays in what is to be endorsed.
    UnknownPayer,
    /// The asset is bound to another purpose.
    Purpose,
    /// Too soon after the payment before.
    Spacing,
    /// The ledger could take more for it than it may.
    Fee,
    /// Too much for the first payment to a recipient.
    FirstPayment,
    /// Those who have to approve have refused, or can never be enough.
    Approval,
    /// Nobody approved it in time.
    Lapsed,
    /// The account is frozen.
    Frozen,
    /// Whoever asked for it may not ask for anything any more.
    Caller,
}

impl DenialCode {
    /// As in JSON, like `per-payment`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAsset => "unknown-asset",
            Self::UnknownRecipient => "unknown-recipient",
            Self::NoRule => "no-rule",
            Self::Forbidden => "forbidden",
            Self::PerPayment => "per-payment",
            Self::Budget => "budget",
            Self::Count => "count",
            Self::Hours => "hours",
            Self::Lifetime => "lifetime",
            Self::Overflow => "overflow",
            Self::UnknownPayer => "unknown-payer",
            Self::Purpose => "purpose",
            Self::Spacing => "spacing",
            Self::Fee => "fee",
            Self::FirstPayment => "first-payment",
            Self::Approval => "approval",
            Self::Lapsed => "lapsed",
            Self::Frozen => "frozen",
            Self::Caller => "caller",
        }
    }
}

impl Denial {
    /// A condition of this rule failed.
    pub(super) fn by(code: DenialCode, rule: &Name, why: impl fmt::Display) -> Self {
        Self { code, rule: Some(rule.clone()), message: format!("rule \"{rule}\": {why}") }
    }

    /// No rule is to blame.
    pub fn plain(code: DenialCode, message: String) -> Self {
        Self { code, rule: None, message }
    }
}

impl fmt::Display for DenialCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Denial {}

/// All names, told apart however they are spelled: one with a comma stands in quotes, which no name has.
pub(super) fn every<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
    let spelled = |name: &Name| match name.as_str().contains(',') {
        true => format!("\"{name}\""),
        false => name.to_string(),
    };
    names.into_iter().map(spelled).collect::<Vec<_>>().join(", ")
}

/// Names for a message, cut after five.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
    const SHOWN: usize = 5;
    let mut text = String::with_capacity(64);
    let mut more = 0;
    for (i, name) in names.into_iter().enumerate() {
        match i {
            0 => text.push_str(name.as_str()),
            1..SHOWN => text.extend([", ", name.as_str()]),
            _ => more += 1,
        }
    }
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
