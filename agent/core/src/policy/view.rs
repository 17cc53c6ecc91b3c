//! Rules as people see them.

use serde::Serialize;

use super::rule::{Kind, Rule};
use crate::intent::Action;
use crate::name::Name;

/// One rule with its conditions in words, as `policy show` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleView {
    /// Its name.
    pub name: Name,
    /// Allow, limit or forbid.
    pub kind: Kind,
    /// Its line in the text.
    pub line: usize,
    /// What it is about.
    pub action: Action,
    /// The accounts it is about; all where absent, and so on. Groups by their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<Name>>,
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
        conditions.extend(rule.budgets.iter().map(ToString::to_string));
        Self {
            name: rule.name.clone(),
            kind: rule.kind,
            line: rule.line,
            action: rule.action,
            accounts: scope.accounts,
            assets: scope.assets,
            recipients: scope.recipients,
            categories: scope.categories,
            callers: scope.callers,
            conditions,
        }
    }
}
