//! Which payments a rule is about.

use toml::Spanned;

use super::denial::list;
use super::judge::Facts;
use super::{Kind, Policy, Recipient, raw};
use crate::name::Name;

/// Lists as written; one that is absent takes everything, an empty one nothing. A name that is a
/// group's stands for its members, except among the assets.
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
        Dimension::ALL
            .into_iter()
            .filter_map(|dimension| self.mismatch(dimension, kind, policy, facts))
            .collect()
    }

    /// Why this list, or for recipients one of two, is not about this payment.
    pub(super) fn mismatch(
        &self,
        dimension: Dimension,
        kind: Kind,
        policy: &Policy,
        facts: &Facts<'_>,
    ) -> Option<String> {
        let question = facts.question;
        let (names, name, are) = match dimension {
            Dimension::Account => (self.accounts.as_ref(), question.account, "is for the accounts"),
            Dimension::Caller => (self.callers.as_ref(), question.caller, "is for the callers"),
            Dimension::Asset => (self.assets.as_ref(), facts.asset.name(), "is for"),
            Dimension::Recipient => return self.recipient_mismatch(kind, policy, facts.recipient),
        };
        let holds = match dimension {
            Dimension::Asset => names.is_none_or(|names| names.contains(name)),
            _ => Self::holds(policy, names, name),
        };
        if holds {
            return None;
        }
        let listed = list(names.into_iter().flatten());
        Some(match dimension {
            Dimension::Asset => format!("{are} {listed}; asked {name}"),
            _ => format!("{are} {listed}; this one is {name}"),
        })
    }

    fn recipient_mismatch(&self, kind: Kind, policy: &Policy, recipient: &Recipient) -> Option<String> {
        let verb = if kind == Kind::Allow { "may pay" } else { "is about payments to" };
        if !Self::holds(policy, self.recipients.as_ref(), &recipient.name) {
            let listed = list(self.recipients.iter().flatten());
            return Some(format!("{verb} {listed}, not {}", recipient.name));
        }
        let holds = |category: &Name| Self::holds(policy, self.categories.as_ref(), category);
        let mut categories = recipient.categories.iter();
        let fits = self.categories.is_none()
            || match kind {
                Kind::Allow => !recipient.categories.is_empty() && categories.all(holds),
                Kind::Limit | Kind::Forbid => categories.any(holds),
            };
        if fits {
            return None;
        }
        let carried = match recipient.categories.as_slice() {
            [] => "has no category".to_owned(),
            [one] => format!("is {one}"),
            all if kind == Kind::Allow => format!("is {}, and all of them have to be listed", list(all)),
            all => format!("is {}", list(all)),
        };
        let listed = list(self.categories.iter().flatten());
        Some(format!("{verb} {listed}; {} {carried}", recipient.name))
    }
}
