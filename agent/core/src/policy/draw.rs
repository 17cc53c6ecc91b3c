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
    /// The second half of a key: the recipient, of a sum that one requester sent to one recipient.
    pub(super) also: Option<Name>,
    pub(super) units: Amount,
}

impl Draw {
    pub(super) fn of(budget: &Arc<Budget>, key: Option<Name>, units: Amount) -> Self {
        Self { budget: budget.clone(), key, also: None, units }
    }

    /// Does its budget deny what goes beyond it?
    pub(super) fn denies(&self) -> bool {
        self.budget.denies()
    }

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
            Cap::Spacing => DenialCode::Spacing,
            Cap::Above(..) => DenialCode::Approval,
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
    also: Option<Name>,
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
    /// Approvals are needed above this sum; it denies nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    above: Option<Amount>,
    /// The window is the least time from one payment to the next.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    spacing: bool,
}

impl Serialize for Draw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let budget = &*self.budget;
        let (rolling_ms, calendar, zone) = match &budget.window {
            Window::Rolling(length) => (Some(length.millis()), None, None),
            Window::Calendar { unit, zone } => (None, Some(*unit), Some(zone.clone())),
        };
        let (mut cap, mut max, mut above) = (None, None, None);
        let asset = match &budget.cap {
            Cap::Amount(asset, most) => {
                cap = Some(*most);
                Some(asset)
            }
            Cap::Above(asset, most) => {
                above = Some(*most);
                Some(asset)
            }
            Cap::Count(most) => {
                max = Some(*most);
                None
            }
            Cap::Spacing => None,
        };
        Written {
            budget: budget.name.clone(),
            per: budget.per,
            key: self.key.clone(),
            also: self.also.clone(),
            rolling_ms,
            calendar,
            zone,
            asset: asset.map(|asset| asset.name().clone()),
            decimals: asset.map(Asset::decimals),
            amount: asset.map(|_| self.units),
            cap,
            max,
            above,
            spacing: matches!(budget.cap, Cap::Spacing),
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
        let asset = match (written.asset, written.decimals, written.amount) {
            (Some(name), Some(decimals), Some(units)) => {
                Some((Asset::new(name, decimals).map_err(D::Error::custom)?, units))
            }
            (None, None, None) => None,
            _ => return Err(D::Error::custom("asset, decimals and amount of a draw go together")),
        };
        let (cap, units) = match (asset, written.cap, written.above, written.max, written.spacing) {
            (Some((asset, units)), Some(cap), None, None, false) => (Cap::Amount(asset, cap), units),
            (Some((asset, units)), None, Some(above), None, false) => (Cap::Above(asset, above), units),
            (None, None, None, Some(max), false) => (Cap::Count(max), Amount::from(1)),
            (None, None, None, None, true) => (Cap::Spacing, Amount::from(1)),
            _ => {
                let what = "a draw has either an amount with cap or above, or max, or spacing";
                return Err(D::Error::custom(what));
            }
        };
        let budget = Budget { name: written.budget, per: written.per, window, cap };
        Ok(Self { budget: Arc::new(budget), key: written.key, also: written.also, units })
    }
}
