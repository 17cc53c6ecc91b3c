//! What one payment takes from one budget.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::budget::{Budget, Cap, Per, Quantity};
use super::denial::DenialCode;
use super::window::{CalendarUnit, Rolling, Window};
use super::zone::Zone;
use crate::amount::{Amount, Asset};
use crate::name::Name;

/// What one payment takes from one budget: an amount, or a count of one.
///
/// It says all that is needed to count it again later, without the policy that made it; so it is
/// kept with the decision. In JSON for example
/// `{"budget":"petty cash","rolling_ms":604800000,"asset":"EUR","decimals":2,"amount":"2000","cap":"20000"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    pub(super) budget: Arc<Budget>,
    pub(super) key: Option<Name>,
    pub(super) units: Amount,
}

impl Draw {
    /// The budget's name, which is its rule's.
    pub fn budget(&self) -> &Name {
        &self.budget.name
    }

    /// What has a budget of its own under that name, if not all payments share one.
    pub fn per(&self) -> Option<Per> {
        self.budget.per
    }

    /// The account, recipient, category or requester whose budget it is.
    pub fn key(&self) -> Option<&Name> {
        self.key.as_ref()
    }

    /// The window over which the budget adds up.
    pub fn window(&self) -> &Window {
        &self.budget.window
    }

    /// What it takes.
    pub fn quantity(&self) -> Quantity {
        self.budget.quantity(self.units)
    }

    /// The code of the denial if there is no room for it.
    pub(super) fn code(&self) -> DenialCode {
        match self.budget.cap {
            Cap::Amount(..) => DenialCode::Budget,
            Cap::Count(_) => DenialCode::Count,
        }
    }

    /// What the budget holds when nothing is used.
    pub fn cap(&self) -> Quantity {
        self.budget.quantity(self.budget.units())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    budget: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per: Option<Per>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rolling_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar: Option<CalendarUnit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<Zone>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asset: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decimals: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cap: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<u32>,
}

impl Serialize for Draw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let budget = &*self.budget;
        let (rolling_ms, calendar, zone) = match &budget.window {
            Window::Rolling(length) => (Some(length.millis()), None, None),
            Window::Calendar { unit, zone } => (None, Some(*unit), Some(zone.clone())),
        };
        let (asset, cap, max) = match &budget.cap {
            Cap::Amount(asset, cap) => (Some(asset), Some(*cap), None),
            Cap::Count(max) => (None, None, Some(*max)),
        };
        Written {
            budget: budget.name.clone(),
            per: budget.per,
            key: self.key.clone(),
            rolling_ms,
            calendar,
            zone,
            asset: asset.map(|asset| asset.name().clone()),
            decimals: asset.map(Asset::decimals),
            amount: asset.map(|_| self.units),
            cap,
            max,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Draw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let window = match (written.rolling_ms, written.calendar, written.zone) {
            (Some(millis), None, None) => {
                Window::Rolling(Rolling::from_millis(millis).map_err(D::Error::custom)?)
            }
            (None, Some(unit), Some(zone)) => Window::Calendar { unit, zone },
            _ => return Err(D::Error::custom("a draw has either rolling_ms, or calendar and zone")),
        };
        let (cap, units) = match (written.asset, written.decimals, written.amount, written.cap, written.max) {
            (Some(name), Some(decimals), Some(units), Some(cap), None) => {
                let asset = Asset::new(name, decimals).map_err(D::Error::custom)?;
                (Cap::Amount(asset, cap), units)
            }
            (None, None, None, None, Some(max)) => (Cap::Count(max), Amount::from(1)),
            _ => {
                return Err(D::Error::custom("a draw has either asset, decimals, amount and cap, or max"));
            }
        };
        let budget = Budget { name: written.budget, per: written.per, window, cap };
        Ok(Self { budget: Arc::new(budget), key: written.key, units })
    }
}
