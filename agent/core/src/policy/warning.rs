//! What is legal in a policy and surely not meant.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use serde::Serialize;

use super::denial::list;
use super::rule::Rule;
use super::scope::Dimension;
use super::{Kind, Policy};
use crate::name::Name;

/// Something about a policy that people should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The rule it is about, if about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Name>,
    /// That rule's line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What is strange about it.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.rule, self.line) {
            (Some(rule), Some(line)) => write!(f, "policy line {line}, rule \"{rule}\": {}", self.message),
            _ => write!(f, "policy: {}", self.message),
        }
    }
}

/// Words of rows that looking for shadowed rules may read: a second, not a minute.
const WORK: usize = 500_000_000;

pub(super) fn warnings(policy: &Policy) -> Vec<Warning> {
    let mut found = Vec::new();
    let plain = |message: String| Warning { rule: None, line: None, message };
    if policy.index.forbids == policy.index.allows {
        found.push(plain("it has no [[allow]] rule, so it denies every payment".to_owned()));
    }
    let carried: HashSet<&Name> =
        policy.recipients.iter().flat_map(|recipient| &recipient.categories).collect();
    let mut work = WORK;
    let mut rules: Vec<(usize, Warning)> = Vec::new();
    for (i, rule) in policy.rules.iter().enumerate() {
        let mut about = conditions(rule);
        about.extend(categories(policy, rule, &carried));
        about.extend(reach(policy, i, rule, &mut work));
        rules.extend(about.into_iter().map(|message| {
            (rule.line, Warning { rule: Some(rule.name.clone()), line: Some(rule.line), message })
        }));
    }
    rules.sort_by_key(|(line, _)| *line);
    found.extend(rules.into_iter().map(|(_, warning)| warning));
    if work == 0 {
        found.push(plain("it is too large to look for shadowed rules in all of it".to_owned()));
    }
    let unused: Vec<&Name> = policy
        .recipients
        .iter()
        .filter(|recipient| {
            let row = policy.index.rows(Dimension::Recipient).row(recipient.class);
            !bits(row).any(|rule| (policy.index.forbids..policy.index.allows).contains(&rule))
        })
        .map(|recipient| &recipient.name)
        .collect();
    if !unused.is_empty() {
        found.push(plain(format!("no allow rule can ever pay {}", list(unused))));
    }
    let named: BTreeSet<&Name> = policy.rules.iter().flat_map(|rule| rule.scope.names()).collect();
    // Quorums keep the groups that they name in words.
    let quorums = policy.rules.iter().flat_map(|rule| &rule.quorums).map(|quorum| &quorum.need);
    let lift = policy.freeze().map(|freeze| &freeze.lift);
    let needs: BTreeSet<&str> =
        quorums.chain(policy.break_glass()).chain(lift).flat_map(|need| need.label.split(", ")).collect();
    let used = |group: &&Name| named.contains(group) || needs.contains(group.as_str());
    let idle: Vec<&Name> = policy.groups.keys().filter(|group| !used(group)).collect();
    if !idle.is_empty() {
        found.push(plain(format!("no rule names the group {}", list(idle))));
    }
    found
}

/// Conditions that no payment meets.
fn conditions(rule: &Rule) -> Vec<String> {
    let mut found = Vec::new();
    let effect = match rule.kind {
        Kind::Allow => "never allows anything",
        Kind::Limit => "denies every payment in its scope",
        Kind::Forbid => "never forbids anything",
    };
    if let Some(lifetime) = rule.lifetime.as_ref().filter(|lifetime| lifetime.never()) {
        found.push(format!("{effect}: its lifetime, {lifetime}, is over before it begins"));
    }
    if rule.hours.as_ref().is_some_and(super::hours::Hours::never) {
        found.push(format!("{effect}: its hours name no day"));
    }
    if rule.per_payment.as_ref().is_some_and(|cap| cap.cap.is_zero()) {
        found.push(format!("{effect}: per_payment is zero"));
    }
    for budget in rule.budgets.iter().filter(|budget| budget.units().is_zero()) {
        found.push(format!("{effect}: {budget} is zero"));
    }
    found
}

/// Categories that nobody has.
fn categories(policy: &Policy, rule: &Rule, carried: &HashSet<&Name>) -> Option<String> {
    let missing: Vec<&Name> = rule
        .scope
        .categories
        .iter()
        .flatten()
        .flat_map(|name| policy.groups.get(name).map_or(std::slice::from_ref(name), Vec::as_slice))
        .filter(|category| !carried.contains(category))
        .collect();
    (!missing.is_empty()).then(|| format!("no recipient carries the category {}", list(missing)))
}

/// Is there a payment that this rule is about and that no earlier one decides?
///
/// Exact over single earlier rules: a rule covers another if in every dimension it has the bit of
/// each class that the other has. Names that no rule mentions are a class, too.
fn reach(policy: &Policy, i: usize, rule: &Rule, work: &mut usize) -> Option<String> {
    let index = &policy.index;
    let mut covers = vec![!0_u64; policy.rules.len().div_ceil(64)];
    for dimension in Dimension::ALL {
        let rows = index.rows(dimension);
        let mut reached = false;
        for row in (0..rows.classes()).map(|class| rows.row(class)) {
            *work = work.saturating_sub(1);
            if row[i / 64] >> (i % 64) & 1 == 0 {
                continue;
            }
            reached = true;
            *work = work.saturating_sub(row.len());
            covers.iter_mut().zip(row).for_each(|(all, bits)| *all &= bits);
        }
        if *work == 0 {
            return None;
        }
        if !reached {
            return Some(format!("never matches: no payment can have {}", dimension.noun()));
        }
    }
    if rule.kind != Kind::Allow {
        return None;
    }
    let shadow = bits(&covers).take_while(|&earlier| earlier < i).find_map(|earlier| {
        let other = policy.rules.get(earlier)?;
        match other.kind {
            Kind::Forbid if other.is_timeless() => Some(("forbids", other)),
            Kind::Allow => Some(("already decides", other)),
            _ => None,
        }
    });
    shadow.map(|(verb, other)| {
        format!("never decides: rule \"{}\" (line {}) {verb} everything in its scope", other.name, other.line)
    })
}

fn bits(row: &[u64]) -> impl Iterator<Item = usize> {
    row.iter().enumerate().flat_map(|(at, word)| {
        let word = *word;
        (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)
    })
}
