//! Which payments a rule is about.

use toml::Spanned;

use super::denial::list;
use super::judge::Facts;
use super::{Kind, Policy, raw};
use crate::name::Name;

/// Lists as written; one that is absent takes everything, an empty one nothing. A name that is a
/// group's stands for its members.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub accounts: Option<Vec<Name>>,
    pub assets: Option<Vec<Name>>,
    pub recipients: Option<Vec<Name>>,
    pub categories: Option<Vec<Name>>,
    pub callers: Option<Vec<Name>>,
}

/// A list in which something of a payment is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    Account,
    Asset,
    Caller,
    Recipient,
}

impl Dimension {
    pub(super) const ALL: [Dimension; 4] = [Self::Account, Self::Asset, Self::Caller, Self::Recipient];

    /// What a scope that never matches asks for.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Account => "one of its accounts",
            Self::Asset => "one of its assets",
            Self::Caller => "one of its callers",
            Self::Recipient => "one of its recipients and categories",
        }
    }
}

/// The names of a list without their places.
pub(super) fn plain(names: raw::Names) -> Vec<Name> {
    names.into_iter().map(Spanned::into_inner).collect()
}

impl Scope {
    /// Does this list, with its groups opened, hold the name? Slow: for explanations only.
    fn holds(policy: &Policy, names: Option<&Vec<Name>>, name: &Name) -> bool {
        names.is_none_or(|names| {
            names
                .iter()
                .any(|entry| policy.groups.get(entry).map_or(entry == name, |group| group.contains(name)))
        })
    }

    /// All names in all lists that may hold groups.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        [&self.accounts, &self.recipients, &self.categories, &self.callers].into_iter().flatten().flatten()
    }

    /// Why a rule of this scope is not about this payment, one sentence for each list that fails.
    pub(super) fn mismatches(&self, kind: Kind, policy: &Policy, facts: &Facts<'_>) -> Vec<String> {
        let question = facts.question;
        let mut why = Vec::new();
        if !Self::holds(policy, self.accounts.as_ref(), question.account) {
            why.push(format!(
                "is for the accounts {}; this one is {}",
                list(self.accounts.iter().flatten()),
                question.account
            ));
        }
        if !Self::holds(policy, self.assets.as_ref(), &question.intent.asset) {
            why.push(format!(
                "is for {}; asked {}",
                list(self.assets.iter().flatten()),
                question.intent.asset
            ));
        }
        if !Self::holds(policy, self.callers.as_ref(), question.caller) {
            why.push(format!(
                "is for the callers {}; this one is {}",
                list(self.callers.iter().flatten()),
                question.caller
            ));
        }
        let recipient = facts.recipient;
        let verb = if kind == Kind::Allow { "may pay" } else { "is about payments to" };
        if !Self::holds(policy, self.recipients.as_ref(), &recipient.name) {
            why.push(format!("{verb} {}, not {}", list(self.recipients.iter().flatten()), recipient.name));
        }
        let holds = |category: &Name| Self::holds(policy, self.categories.as_ref(), category);
        let mut categories = recipient.categories.iter();
        let fits = self.categories.is_none()
            || match kind {
                Kind::Allow => !recipient.categories.is_empty() && categories.all(holds),
                Kind::Limit | Kind::Forbid => categories.any(holds),
            };
        if !fits {
            let carried = match recipient.categories.as_slice() {
                [] => "has no category".to_owned(),
                [one] => format!("is {one}"),
                all if kind == Kind::Allow => format!("is {}, and all of them have to be listed", list(all)),
                all => format!("is {}", list(all)),
            };
            why.push(format!(
                "{verb} {}; {} {carried}",
                list(self.categories.iter().flatten()),
                recipient.name
            ));
        }
        why
    }
}
