//! One payment on which two bundles differ.

use serde::Serialize;

use super::Pair;
use super::leaf::{Fee, Leaf};
use super::product::Product;
use super::space::{Axis, Space};
use super::table::Shape;
use crate::amount::{Amount, Asset};
use crate::intent::{Action, Intent, LedgerId, Selector, Value};
use crate::key::PublicKey;
use crate::name::Name;
use crate::policy::Question;
use crate::role::{Role, Roles};
use crate::time::Timestamp;

/// A payment that shows a difference: what one would ask the judge.
#[derive(Clone, Debug, Serialize)]
pub struct Witness {
    /// What it does.
    pub action: Action,
    /// The account.
    pub account: Name,
    /// Who pays.
    pub payer: PublicKey,
    /// Who asks.
    pub caller: Name,
    /// What they are there for.
    pub roles: Vec<Role>,
    /// Who receives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<To>,
    /// How much of what, like `50.01 EUR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The fee, like `0.001 ETH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<String>,
    /// The ledger.
    pub ledger: LedgerId,
    /// The function that is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// When.
    pub time: Timestamp,
    #[serde(skip)]
    asked: Asked,
}

/// Who is paid.
#[derive(Clone, Debug, Serialize)]
pub struct To {
    /// What the new bundle calls it; the old one, if the new one does not know it.
    pub name: Name,
    /// Where.
    pub address: PublicKey,
}

#[derive(Clone, Debug)]
struct Asked {
    intent: Intent,
    roles: Roles,
}

impl std::fmt::Display for Witness {
    /// `pay 50.01 EUR from expenses to Shop, asked by anna (requester) at 2026-11-22T09:30:00Z`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.action)?;
        if let Some(amount) = &self.amount {
            write!(f, " {amount}")?;
        }
        write!(f, " from {}", self.account)?;
        if let Some(to) = &self.recipient {
            write!(f, " to {}", to.name)?;
        }
        if let Some(selector) = &self.selector {
            write!(f, " calling {selector}")?;
        }
        if let Some(fee) = &self.fee {
            write!(f, " with a fee of {fee}")?;
        }
        let roles: Vec<_> = self.roles.iter().map(|role| role.as_str()).collect();
        let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
        write!(f, ", asked by {} ({roles}) at {}", self.caller, self.time)
    }
}

impl Witness {
    /// The question that both bundles answer differently.
    pub fn question(&self) -> Question<'_> {
        Question {
            intent: &self.asked.intent,
            account: &self.account,
            caller: &self.caller,
            roles: self.asked.roles,
            now: self.time,
        }
    }

    pub(super) fn of(
        pair: Pair<'_>,
        space: &Space,
        product: &Product,
        leaf: &Leaf,
        now: Timestamp,
    ) -> Option<Self> {
        let action = *product.actions().first()?;
        let first = |axis: Axis| product.classes(axis).first().copied();
        let asset: Option<&Asset> = match space.assets.example(first(Axis::Asset)?) {
            Some(name) => Some(asset(pair, name)?),
            None => None,
        };
        let (least, most) = leaf.amounts;
        let amount = if most == Amount::MAX { least } else { most };
        let fee = match leaf.fees.first()? {
            Fee::None => None,
            Fee::Of(asset, _, most) => Some((asset, *most)),
        };
        let to = *space.recipients.example(first(Axis::Recipient)?);
        // Where it does not matter who pays, an address that means nothing says so.
        let all = Shape::of(action).classes(space, Axis::From);
        let from = match space.from.other() {
            Some(other) if all == product.classes(Axis::From) => other,
            _ => first(Axis::From)?,
        };
        let intent = Intent {
            action,
            ledger: *space.ledgers.example(first(Axis::Ledger)?),
            from: *space.from.example(from),
            to,
            value: asset.map(|asset| Value { asset: asset.name().clone(), amount }),
            fee: fee.map(|(asset, amount)| Value { asset: asset.name().clone(), amount }),
            selector: *space.selectors.example(first(Axis::Selector)?),
            created: now,
            valid_until: now.plus_millis(60_000),
        };
        let roles = *space.roles.example(first(Axis::Roles)?);
        Some(Self {
            action,
            account: space.accounts.example(first(Axis::Account)?).clone(),
            payer: intent.from,
            caller: space.callers.example(first(Axis::Caller)?).clone(),
            roles: roles.iter().collect(),
            recipient: to.and_then(|address| {
                let recipient = pair.iter().rev().find_map(|policy| policy.recipient_at(&address))?;
                Some(To { name: recipient.name.clone(), address })
            }),
            amount: asset.map(|asset| asset.format(amount)),
            fee: fee.map(|(asset, amount)| asset.format(amount)),
            ledger: intent.ledger,
            selector: intent.selector,
            time: now,
            asked: Asked { intent, roles },
        })
    }
}

/// The asset as the new bundle has it; as the old one, if the new one does not.
pub(super) fn asset<'a>(pair: Pair<'a>, name: &Name) -> Option<&'a Asset> {
    pair.iter().rev().find_map(|policy| policy.asset(name.as_str()))
}
