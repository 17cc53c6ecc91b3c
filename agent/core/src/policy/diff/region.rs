//! What differs, in words.

use serde::Serialize;

use super::change::Change;
use super::leaf::Way;
use super::witness::Witness;
use crate::intent::Action;
use crate::name::Name;
use crate::policy::Denial;
use crate::time::Timestamp;

/// All that differs between two bundles.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Times from then on were compared.
    pub since: Timestamp,
    /// Payments on which the bundles do not agree, no payment in two regions.
    pub regions: Vec<Region>,
    /// What differs beside the rules.
    pub changes: Vec<Change>,
}

impl Difference {
    /// Do both mean the same?
    pub fn is_none(&self) -> bool {
        self.regions.is_empty() && self.changes.is_empty()
    }
}

/// Payments on which two bundles differ in the same way: every payment that has one thing of each
/// list is one of them, and the witness is, too.
#[derive(Debug, Serialize)]
pub struct Region {
    /// How they differ.
    pub way: Way,
    /// What is done.
    pub actions: Vec<Action>,
    /// From which accounts.
    pub accounts: Names,
    /// By whom, by address: of an endorsement the payer, else the account's own key.
    pub payers: Names,
    /// In which assets.
    pub assets: Names,
    /// To whom.
    pub recipients: Names,
    /// The category that these recipients, and no others, have in both bundles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Name>,
    /// Who asks.
    pub callers: Names,
    /// With one of which roles; with none of them, where they are left out.
    pub roles: Names,
    /// On which ledgers.
    pub ledgers: Names,
    /// Calling which functions.
    pub selectors: Names,
    /// Of which amounts; any where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amounts: Option<Range>,
    /// Without a fee.
    pub no_fee: bool,
    /// With these fees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<Range>,
    /// At which times; at any where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// What the old bundle says.
    pub old: Said,
    /// What the new bundle says.
    pub new: Said,
    /// One payment of the region; both verdicts on it are those above.
    pub witness: Witness,
}

/// Some of the things that a payment can have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// Whatever it is.
    Any,
    /// One of these.
    Only(Vec<String>),
    /// Whatever it is, if it is none of these.
    AllBut(Vec<String>),
}

/// From one amount to another, both included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The least, like `0.01 EUR`.
    pub least: String,
    /// The most; as much as there can be where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<String>,
}

/// At which times the bundles differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Times {
    /// When all of these hold.
    pub when: Vec<String>,
    /// And at least one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<String>,
}

/// What one bundle says of a region.
#[derive(Debug, Serialize)]
pub struct Said {
    /// Does it allow it, if budgets have room and people approve?
    pub allowed: bool,
    /// The allow rule that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Name>,
    /// Its line in the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Budgets, spacing, quorums and the like, each with its rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<String>,
    /// Why it denies the witness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial: Option<Denial>,
}
