//! Which payments a rule is about.

use toml::Spanned;

use super::denial::list;
use super::judge::Facts;
use super::{Kind, Policy, Recipient, raw};
use crate::intent::{Action, Selector};
use crate::name::Name;
use crate::role::{Role, Roles};

/// Lists as written; one that is absent takes everything, an empty one nothing. A name that is a
/// group's stands for its members, except among the assets and ledgers.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Absent from an allow rule it means payments only; see the parser.
    pub actions: Option<Vec<Action>>,
    pub selectors: Option<Vec<Selector>>,
    pub ledgers: Option<Vec<Name>>,
    pub accounts: Option<Vec<Name>>,
    pub payers: Option<Vec<Name>>,
    pub assets: Option<Vec<Name>>,
    pub recipients: Option<Vec<Name>>,
    pub categories: Option<Vec<Name>>,
    pub callers: Option<Vec<Name>>,
    pub roles: Option<Roles>,
}

/// A list in which something of a payment is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    Action,
    Selector,
    Ledger,
    Account,
    Payer,
    Asset,
    Caller,
    Role,
    Recipient,
}

impl Dimension {
    pub(super) const COUNT: usize = 9;
    /// In the order of a denial's words.
    pub(super) const ALL: [Dimension; Self::COUNT] = [
        Self::Action,
        Self::Selector,
        Self::Ledger,
        Self::Account,
        Self::Payer,
        Self::Asset,
        Self::Caller,
        Self::Role,
        Self::Recipient,
    ];

    /// What a scope that never matches asks for.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Action => "one of its actions",
            Self::Selector => "one of its selectors",
            Self::Ledger => "one of its ledgers",
            Self::Payer => "one of its payers",
            Self::Role => "one of its roles",
            Self::Account => "one of its accounts",
            Self::Asset => "one of its assets",
            Self::Caller => "one of its callers",
            Self::Recipient => "one of its recipients and categories",
        }
    }
}

fn words(values: &[impl ToString]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
        [&self.accounts, &self.payers, &self.recipients, &self.categories, &self.callers]
            .into_iter()
            .flatten()
            .flatten()
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
        let intent = question.intent;
        match dimension {
            Dimension::Action => {
                let actions = self.actions.as_ref().filter(|actions| !actions.contains(&intent.action))?;
                Some(format!("is for the action {}; this is {}", words(actions), intent.action))
            }
            Dimension::Selector => {
                let selectors = self.selectors.as_ref()?;
                if intent.selector.is_some_and(|selector| selectors.contains(&selector)) {
                    return None;
                }
                let asked = intent.selector.map_or_else(|| "nothing".to_owned(), |asked| asked.to_string());
                Some(format!("may call {}; this calls {asked}", words(selectors)))
            }
            Dimension::Ledger => {
                let ledgers = self.ledgers.as_ref()?;
                let held = ledgers.iter().any(|name| policy.ledgers.get(name) == Some(&intent.ledger));
                (!held).then(|| format!("is for the ledger {}; this is for {}", list(ledgers), intent.ledger))
            }
            Dimension::Role => {
                let roles = self.roles.filter(|roles| !roles.meets(question.roles))?;
                let own: Vec<_> = question.roles.iter().map(Role::as_str).collect();
                let own = if own.is_empty() { "no role".to_owned() } else { own.join(" and ") };
                Some(format!("is for callers with the role {roles}; this one has {own}"))
            }
            Dimension::Asset => {
                let assets = self.assets.as_ref()?;
                match facts.asset {
                    Some(asset) if assets.contains(asset.name()) => None,
                    Some(asset) => Some(format!("is for {}; asked {}", list(assets), asset.name())),
                    None => Some(format!("is for {}; this moves nothing", list(assets))),
                }
            }
            Dimension::Account => {
                Self::other(policy, self.accounts.as_ref(), question.account, "is for the accounts")
            }
            Dimension::Payer => Self::other(policy, self.payers.as_ref(), facts.payer, "is for the payers"),
            Dimension::Caller => {
                Self::other(policy, self.callers.as_ref(), question.caller, "is for the callers")
            }
            Dimension::Recipient => self.recipient_mismatch(kind, policy, facts.recipient),
        }
    }

    fn other(policy: &Policy, names: Option<&Vec<Name>>, name: &Name, are: &str) -> Option<String> {
        let listed = || list(names.into_iter().flatten());
        (!Self::holds(policy, names, name)).then(|| format!("{are} {}; this one is {name}", listed()))
    }

    fn recipient_mismatch(
        &self,
        kind: Kind,
        policy: &Policy,
        recipient: Option<&Recipient>,
    ) -> Option<String> {
        let verb = if kind == Kind::Allow { "may pay" } else { "is about payments to" };
        let Some(recipient) = recipient else {
            let lists = [&self.recipients, &self.categories].into_iter().flatten().flatten();
            let any = self.recipients.is_some() || self.categories.is_some();
            return any.then(|| format!("{verb} {}; this pays nobody", list(lists)));
        };
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

#[cfg(test)]
mod tests;
