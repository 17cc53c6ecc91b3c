//! Rules as people see them.

use serde::Serialize;

use super::rule::{Kind, Rule};
use crate::intent::{Action, Selector};
use crate::name::Name;
use crate::role::Role;

/// One rule with its conditions in words, as `policy show` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleView {
    /// Its name.
    pub name: Name,
    /// Allow, limit or forbid.
    pub kind: Kind,
    /// Its line in the text.
    pub line: usize,
    /// What it is about; everything where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<Action>>,
    /// The functions of contracts that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selectors: Option<Vec<Selector>>,
    /// The ledgers that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledgers: Option<Vec<Name>>,
    /// The accounts it is about; all where absent, and so on. Groups by their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<Name>>,
    /// Who pays, in what is endorsed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payers: Option<Vec<Name>>,
    /// Named, or implied by its amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets: Option<Vec<Name>>,
    /// By name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<Vec<Name>>,
    /// All of a recipient's categories for an allow, any of them otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<Name>>,
    /// Who may ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callers: Option<Vec<Name>>,
    /// What they are there for; one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<Role>>,
    /// Like `50.00 EUR a payment at most` or `Monday to Friday 08:00-18:00 Europe/Berlin`.
    pub conditions: Vec<String>,
}

impl RuleView {
    pub(super) fn of(rule: &Rule) -> Self {
        let scope = rule.scope.clone();
        let mut conditions = Vec::new();
        conditions.extend(rule.lifetime.as_ref().map(ToString::to_string));
        conditions.extend(rule.hours.as_ref().map(ToString::to_string));
        conditions.extend(rule.per_payment.as_ref().map(ToString::to_string));
        conditions.extend(rule.fee_cap.as_ref().map(ToString::to_string));
        conditions.extend(rule.first_payment.as_ref().map(ToString::to_string));
        conditions.extend(rule.budgets.iter().filter(|budget| budget.denies()).map(ToString::to_string));
        conditions.extend(rule.quorums.iter().map(|quorum| match rule.watch() {
            Some(watch) => format!("approved by {quorum} (summed up {})", watch.window),
            None => format!("approved by {quorum}"),
        }));
        Self {
            name: rule.name.clone(),
            kind: rule.kind,
            line: rule.line,
            actions: scope.actions,
            selectors: scope.selectors,
            ledgers: scope.ledgers,
            accounts: scope.accounts,
            payers: scope.payers,
            assets: scope.assets,
            recipients: scope.recipients,
            categories: scope.categories,
            callers: scope.callers,
            roles: scope.roles.map(|roles| roles.iter().collect()),
            conditions,
        }
    }
}
