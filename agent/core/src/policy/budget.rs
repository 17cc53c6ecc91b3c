//! Condition: at most so much, or so many payments, in one window.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize, Serializer};

use super::error::Fault;
use super::window::{CalendarUnit, Rolling, Window};
use super::zone::Zone;
use crate::amount::{Amount, Asset};
use crate::name::Name;

/// What a rule counts in one window. Named after its rule: what was spent follows the name,
/// whatever a later version of the policy makes of the cap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub name: Name,
    pub per: Option<Per>,
    pub window: Window,
    pub cap: Cap,
}

/// How much of what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cap {
    /// A sum of amounts.
    Amount(Asset, Amount),
    /// A number of payments.
    Count(u32),
    /// One payment: the window is the least time from one to the next.
    Spacing,
    /// A sum of amounts above which somebody has to approve; it denies nothing.
    Above(Asset, Amount),
}

/// What a counter counts, without how much of it is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    Amount(Name),
    Payments,
    Spacing,
    Above(Name),
}

/// What has a budget of its own under one rule; without it all payments under the rule share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Each paying account.
    Account,
    /// Each recipient.
    Recipient,
    /// Each category of the recipient; one with two categories draws from both.
    Category,
    /// Each caller that asks.
    Requester,
    /// Each payer: the account, or of an endorsement whoever pays in what is endorsed.
    Payer,
}

/// An amount of an asset, or a number of payments; in JSON as `"12.40 EUR"` or `3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Minor units of this asset.
    Amount(Amount, Asset),
    /// Payments.
    Count(Amount),
}

impl Budget {
    /// The cap in minor units or payments.
    pub(super) fn units(&self) -> Amount {
        match &self.cap {
            Cap::Amount(_, cap) | Cap::Above(_, cap) => *cap,
            Cap::Count(max) => Amount::from(u64::from(*max)),
            Cap::Spacing => Amount::from(1),
        }
    }

    /// What one payment of this amount draws.
    pub(super) fn drawn_by(&self, amount: Amount) -> Amount {
        match self.cap {
            Cap::Amount(..) | Cap::Above(..) => amount,
            Cap::Count(_) | Cap::Spacing => Amount::from(1),
        }
    }

    /// So many units in words.
    pub(super) fn quantity(&self, units: Amount) -> Quantity {
        match &self.cap {
            Cap::Amount(asset, _) | Cap::Above(asset, _) => Quantity::Amount(units, asset.clone()),
            Cap::Count(_) | Cap::Spacing => Quantity::Count(units),
        }
    }

    /// What is counted.
    pub(super) fn counted(&self) -> Counted {
        match &self.cap {
            Cap::Amount(asset, _) => Counted::Amount(asset.name().clone()),
            Cap::Count(_) => Counted::Payments,
            Cap::Spacing => Counted::Spacing,
            Cap::Above(asset, _) => Counted::Above(asset.name().clone()),
        }
    }

    /// Does it deny what goes beyond it?
    pub(super) fn denies(&self) -> bool {
        !matches!(self.cap, Cap::Above(..))
    }
}

/// The window that a rule's text names: exactly one of `rolling` and `calendar`.
pub(super) fn window(
    rolling: Option<Rolling>,
    calendar: Option<CalendarUnit>,
    zone: Option<toml::Spanned<Zone>>,
    at: &Range<usize>,
) -> Result<Window, Fault> {
    match (rolling, calendar, zone) {
        (Some(length), None, None) => Ok(Window::Rolling(length)),
        (None, Some(unit), zone) => {
            Ok(Window::Calendar { unit, zone: zone.map_or(Zone::UTC, toml::Spanned::into_inner) })
        }
        (Some(_), None, Some(zone)) => Err(Fault::new(
            &zone.span(),
            "a rolling window has no zone; remove `zone`, or use `calendar` instead of `rolling`",
        )),
        _ => Err(Fault::new(
            at,
            "expected exactly one window: rolling = \"7d\", or calendar = \"day\", \"week\", \"month\" or \"year\"",
        )),
    }
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::Recipient => "recipient",
            Self::Category => "category",
            Self::Requester => "requester",
            Self::Payer => "payer",
        })
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(units, asset) => f.write_str(&asset.format(*units)),
            Self::Count(one) if *one == Amount::from(1) => f.write_str("1 payment"),
            Self::Count(count) => write!(f, "{count} payments"),
        }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Amount(..) => serializer.collect_str(self),
            // A count is a sum of ones: it never leaves 64 bits.
            Self::Count(count) => match count.to_string().parse::<u64>() {
                Ok(number) => serializer.serialize_u64(number),
                Err(_) => serializer.collect_str(count),
            },
        }
    }
}

impl fmt::Display for Budget {
    /// `200.00 EUR in any 7 days per recipient`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cap {
            Cap::Spacing => write!(f, "{} from one payment to the next", self.window.length())?,
            _ => write!(f, "{} {}", self.quantity(self.units()), self.window)?,
        }
        self.per.map_or(Ok(()), |per| write!(f, " per {per}"))
    }
}

#[cfg(test)]
mod tests;
