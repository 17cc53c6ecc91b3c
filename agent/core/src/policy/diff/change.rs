//! What differs between two bundles beside the rules.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;

use super::Pair;
use crate::approval::quorum::Need;
use crate::key::PublicKey;
use crate::name::Name;
use crate::policy::denial::every;
use crate::policy::lifetime::Lifetime;
use crate::policy::{Approver, Policy, Recipient};
use crate::time::Timestamp;

/// One thing that a bundle names beside its rules, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What kind of thing it is.
    pub about: About,
    /// Its name, if there can be more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// What it was, in words; it is new where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What it is now, in words; it is gone where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// What a bundle names beside its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum About {
    Administrators,
    BreakGlass,
    Freeze,
    Approver,
    Asset,
    Recipient,
    Ledger,
    Payer,
}

impl std::fmt::Display for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Administrators => "administrators",
            Self::BreakGlass => "break-glass",
            Self::Freeze => "freeze",
            Self::Approver => "approver",
            Self::Asset => "asset",
            Self::Recipient => "recipient",
            Self::Ledger => "ledger",
            Self::Payer => "payer",
        })
    }
}

impl std::fmt::Display for Change {
    /// `recipient Shop: was …, is …`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.about)?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, ": was {old}; is {new}"),
            (None, Some(new)) => write!(f, " is new: {new}"),
            (Some(old), None) => write!(f, " is gone: it was {old}"),
            (None, None) => Ok(()),
        }
    }
}

/// All changes.
pub(super) fn changes(pair: Pair<'_>) -> Vec<Change> {
    let mut found = Vec::new();
    let single = [
        (About::Administrators, pair.map(administrators)),
        (About::BreakGlass, pair.map(|policy| policy.break_glass().map(need))),
        (About::Freeze, pair.map(freeze)),
    ];
    for (about, [old, new]) in single {
        if old != new {
            found.push(Change { about, name: None, old, new });
        }
    }
    named(About::Approver, pair.map(approvers), &mut found);
    named(About::Asset, pair.map(assets), &mut found);
    recipients(pair, &mut found);
    named(About::Ledger, pair.map(ledgers), &mut found);
    named(About::Payer, pair.map(payers), &mut found);
    found
}

type Texts = BTreeMap<Name, String>;

fn named(about: About, [old, new]: [Texts; 2], found: &mut Vec<Change>) {
    let names: BTreeSet<&Name> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (old, new) = (old.get(name), new.get(name));
        if old != new {
            found.push(Change { about, name: Some(name.clone()), old: old.cloned(), new: new.cloned() });
        }
    }
}

fn need(need: &Need) -> String {
    format!("{} of {}", need.need, every(&need.from))
}

fn administrators(policy: &Policy) -> Option<String> {
    let administrators = policy.administrators()?;
    let keys: Vec<String> =
        administrators.keys.iter().map(|(name, key)| format!("\"{name}\" by {key}")).collect();
    Some(format!("{} of {}", administrators.need, keys.join(", ")))
}

fn freeze(policy: &Policy) -> Option<String> {
    let freeze = policy.freeze()?;
    Some(format!("any of {}; lifted by {}", every(&freeze.from), need(&freeze.lift)))
}

fn sorted(keys: &[PublicKey]) -> String {
    let keys: BTreeSet<String> = keys.iter().map(PublicKey::to_string).collect();
    keys.into_iter().collect::<Vec<_>>().join(", ")
}

fn approvers(policy: &Policy) -> Texts {
    let text = |approver: &Approver| {
        let revoked = if approver.revoked { "revoked, " } else { "" };
        let mut text = format!("{revoked}by {}", sorted(&approver.keys));
        // Their own name counts, written or not.
        let others: BTreeSet<&Name> =
            approver.callers.iter().filter(|name| **name != approver.name).collect();
        if !others.is_empty() {
            text.push_str(&format!(", approves nothing that {} asks for", every(others)));
        }
        text
    };
    policy.approvers().map(|approver| (approver.name.clone(), text(approver))).collect()
}

fn assets(policy: &Policy) -> Texts {
    policy
        .assets()
        .map(|asset| {
            let mut text = format!("{} decimals", asset.decimals());
            if let Some(purpose) = policy.purposes.get(asset.name()) {
                if let Some(only) = &purpose.only {
                    let only: BTreeSet<&Name> = only.iter().collect();
                    text.push_str(&format!(", only for {}", every(only)));
                }
                if let Some((name, address)) = &purpose.redeemer {
                    text.push_str(&format!(", redeemed by \"{name}\" at {address}"));
                }
                text.push_str(&purpose.lifetime.as_ref().map(lifetime).unwrap_or_default());
            }
            (asset.name().clone(), text)
        })
        .collect()
}

/// By its edges, so that two spellings of one lifetime are no change.
fn lifetime(lifetime: &Lifetime) -> String {
    let moment = |word: &str, at: Option<i64>| match at.map(Timestamp::from_millis) {
        None => String::new(),
        Some(Ok(at)) => format!(", {word} {at}"),
        Some(Err(_)) => format!(", {word} {} ms since 1970", at.unwrap_or_default()),
    };
    let (from, end) = lifetime.bounds();
    moment("from", from) + &moment("before", end)
}

fn recipient(recipient: &Recipient) -> String {
    let categories: BTreeSet<&Name> = recipient.categories.iter().collect();
    match categories.is_empty() {
        true => format!("at {}, without a category", recipient.address),
        false => format!("at {}, {}", recipient.address, every(categories)),
    }
}

/// By name; one that has another name for the same address was renamed.
fn recipients(pair: Pair<'_>, found: &mut Vec<Change>) {
    let [old, new] = pair;
    let mut renamed: HashSet<&Name> = HashSet::new();
    let push = |name: &Name, old: Option<String>, new: Option<String>, found: &mut Vec<Change>| {
        found.push(Change { about: About::Recipient, name: Some(name.clone()), old, new });
    };
    for before in old.recipients() {
        match new.recipient(before.name.as_str()) {
            Some(after) if recipient(after) == recipient(before) => {}
            Some(after) => push(&before.name, Some(recipient(before)), Some(recipient(after)), found),
            None => match new.recipient_at(&before.address) {
                Some(after) if old.recipient(after.name.as_str()).is_none() => {
                    renamed.insert(&after.name);
                    let now = format!("named \"{}\" {}", after.name, recipient(after));
                    push(&before.name, Some(recipient(before)), Some(now), found);
                }
                _ => push(&before.name, Some(recipient(before)), None, found),
            },
        }
    }
    for after in new.recipients() {
        if old.recipient(after.name.as_str()).is_none() && !renamed.contains(&after.name) {
            push(&after.name, None, Some(recipient(after)), found);
        }
    }
}

fn ledgers(policy: &Policy) -> Texts {
    policy.ledgers().map(|(name, id)| (name.clone(), id.to_string())).collect()
}

fn payers(policy: &Policy) -> Texts {
    let mut by_name: BTreeMap<Name, BTreeSet<String>> = BTreeMap::new();
    for (key, name) in &policy.payers {
        by_name.entry(name.clone()).or_default().insert(key.to_string());
    }
    by_name.into_iter().map(|(name, keys)| (name, keys.into_iter().collect::<Vec<_>>().join(", "))).collect()
}
