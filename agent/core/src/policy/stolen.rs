//! The most that a thief could do with one person's keys and PIN.

mod ceiling;
mod power;
mod reach;
mod total;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

use super::Policy;
use super::budget::Quantity;
use super::window::Window;
use crate::intent::Action;
use crate::name::Name;
use crate::role::Roles;

pub use power::{Capacity, Power};
pub use total::Stretch;

/// Whose keys and PIN somebody else has.
#[derive(Clone, Copy, Debug)]
pub struct Victim<'a> {
    /// The name of a caller, an approver, an administrator, an account or a payer; of all of them
    /// that bear it.
    pub name: &'a Name,
    /// What the caller of this name is there for; where nobody knows, whatever allows most.
    pub roles: Option<Roles>,
    /// The accounts that there are; where nobody knows, any.
    pub accounts: Option<&'a BTreeSet<Name>>,
}

/// The most that a thief could do.
///
/// Claimed is this, as long as nobody else approves anything, the bundle stays in force, and the
/// agent is not gone round. A payment that the thief gets allowed is in one of the reaches (its
/// rule, action, account and asset), goes to one of its recipients, and moves no more than its
/// `single`. The payments in all reaches of a ceiling together never come to more than its `most`
/// in any one of its windows. All payments of a total together never come to more in any stretch of
/// that length. All of it by the time at which payments are recorded, and whatever was spent
/// before. Fees come on top, and whatever a contract does that is called.
///
/// Of a payer it is claimed for endorsements that this person does not approve themselves: there, a node
/// asks, and a payer who is an approver as well has a vote, too. No ledger has endorsements yet; whoever
/// adds them counts that vote here.
///
/// These are upper bounds, which are not always reached: a limit counts against a reach only where
/// it is about every payment in it, and a stretch of 24 hours may lie across several calendar days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stolen {
    /// Whose keys and PIN.
    pub name: Name,
    /// What they could ask for, by rule, action, account and asset.
    pub reaches: Vec<Reach>,
    /// What bounds it over time.
    pub ceilings: Vec<Ceiling>,
    /// All of it added up, by action and asset.
    pub totals: Vec<Total>,
    /// What else they could do.
    pub powers: Vec<Power>,
}

/// Payments by one rule from one account in one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The allow rule that decides.
    pub rule: Name,
    /// What the thief would do.
    pub action: Action,
    /// From which account; absent: from any that no rule names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Name>,
    /// In what; absent: what moves nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<Name>,
    /// The most that one payment moves; absent where nothing is moved, or where nothing is allowed
    /// without somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub single: Option<Most>,
    /// To whom.
    pub to: Recipients,
    /// Only then: lifetimes and hours, each of which has to hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<String>,
    /// Who has to approve every one of them, so that a thief alone gets none; then nothing else
    /// about it counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Only to recipients that were paid before: first payments have to be approved.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub known_only: bool,
    /// The fee that each may cost, which counts nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<String>,
    /// The ceilings over it, by their positions.
    pub ceilings: Vec<usize>,
}

/// Whom a thief could pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recipients {
    /// How many.
    pub count: u64,
    /// The first few of them.
    pub names: Vec<Name>,
    /// All that they are.
    pub categories: Vec<Name>,
}

/// What bounds payments over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ceiling {
    /// The rule whose condition it is.
    pub rule: Name,
    /// The condition in words, and how it comes to that much.
    pub how: String,
    /// In any of these windows.
    #[serde(serialize_with = "in_words")]
    pub window: Window,
    /// An amount, or a number of payments.
    pub most: Quantity,
    /// So much from each account, and nobody knows how many there are.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub each_account: bool,
    /// The reaches below it, by their positions.
    pub reaches: Vec<usize>,
}

/// What all reaches of one action in one asset come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    /// What the thief would do.
    pub action: Action,
    /// In what.
    pub asset: Name,
    /// In any 24 hours, 7 days and 31 days.
    pub most: Vec<(Stretch, Most)>,
}

/// An amount, or no bound at all; in JSON `"50.00 EUR"` or `"unlimited"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Most {
    /// At most this.
    Of(Quantity),
    /// As much as the account has.
    Unlimited,
}

/// The bundle would take too long to look through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the bundle has too many rules, accounts and recipients to add them all up; ask about an account of your own bundle, or split it"
)]
pub struct TooLarge;

/// The most that a thief with these keys could do under this bundle.
pub fn stolen(policy: &Policy, victim: &Victim<'_>) -> Result<Stolen, TooLarge> {
    let rows = reach::rows(policy, victim)?;
    let ceilings = ceiling::ceilings(policy, victim, &rows);
    let totals = total::totals(&rows, &ceilings);
    let mut reaches: Vec<Reach> = rows.rows.iter().map(|row| rows.reach(policy, row)).collect();
    for (at, ceiling) in ceilings.iter().enumerate() {
        for row in &ceiling.reaches {
            if let Some(reach) = reaches.get_mut(*row) {
                reach.ceilings.push(at);
            }
        }
    }
    let powers = power::powers(policy, victim, !reaches.is_empty());
    Ok(Stolen { name: victim.name.clone(), reaches, ceilings, totals, powers })
}

impl Stolen {
    /// Does the bundle know this name at all?
    pub fn is_nobody(&self) -> bool {
        self.reaches.is_empty() && self.powers.is_empty()
    }
}

fn in_words<S: Serializer>(window: &Window, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(window)
}

impl fmt::Display for Most {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(quantity) => quantity.fmt(f),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl Serialize for Most {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Of(quantity) => quantity.serialize(serializer),
            Self::Unlimited => serializer.collect_str(self),
        }
    }
}

#[cfg(test)]
mod tests;
