//! What is legal in a policy and surely not meant.

mod people;
mod purposes;
mod reach;

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use serde::Serialize;

use super::denial::list;
use super::rule::Rule;
use super::scope::Dimension;
use super::{Kind, Policy, Recipient};
use crate::intent::Action;
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
/// What it costs to look a name up, in these words.
const MEMBER: usize = 100;

pub(super) fn warnings(policy: &Policy) -> Vec<Warning> {
    let mut found = Vec::new();
    let plain = |message: String| Warning { rule: None, line: None, message };
    if policy.index.forbids == policy.index.allows {
        found.push(plain("it has no [[allow]] rule, so it denies every payment".to_owned()));
    }
    let carried: HashSet<&Name> =
        policy.recipients.iter().flat_map(|recipient| &recipient.categories).collect();
    let payers: HashSet<&Name> = policy.payers.values().collect();
    let mut work = WORK;
    let mut rules: Vec<(usize, Warning)> = Vec::new();
    // Of those about which nothing is said yet, the others may tell.
    let mut open: Vec<usize> = Vec::new();
    let about_rule = |rule: &Rule, message: String| {
        (rule.line, Warning { rule: Some(rule.name.clone()), line: Some(rule.line), message })
    };
    for (i, rule) in policy.rules.iter().enumerate() {
        let mut about = conditions(rule);
        about.extend(categories(policy, rule, &carried, &mut work));
        about.extend(scope(policy, rule, &payers, &mut work));
        about.extend(people::of_the_rule(policy, rule, &mut work));
        let reached = reach(policy, i, rule, &mut work);
        let never = about.iter().any(|message| message.starts_with("never "));
        if rule.kind == Kind::Allow && reached.is_none() && !never {
            open.push(i);
        }
        about.extend(reached);
        rules.extend(about.into_iter().map(|message| about_rule(rule, message)));
    }
    let together = reach::warnings(policy, &open);
    rules.extend(
        together.about.into_iter().filter_map(|(i, message)| Some(about_rule(policy.rules.get(i)?, message))),
    );
    rules.sort_by_key(|(line, _)| *line);
    found.extend(rules.into_iter().map(|(_, warning)| warning));
    if work == 0 {
        found.push(plain("it is too large to look at all of it: some warnings may be missing".to_owned()));
    }
    found.extend(reach::unknown(policy, &together.unknown).map(plain));
    // By class: recipients are many, and most are alike.
    let rows = policy.index.rows(Dimension::Recipient);
    let allows = policy.index.forbids..policy.index.allows;
    let payable: Vec<bool> =
        (0..rows.classes()).map(|class| bits(rows.row(class)).any(|rule| allows.contains(&rule))).collect();
    let can_be_paid = |recipient: &&Recipient| payable.get(recipient.class as usize) == Some(&true);
    let unused = policy.recipients.iter().filter(|recipient| !can_be_paid(recipient));
    let unused: Vec<&Name> = unused.map(|recipient| &recipient.name).collect();
    if !unused.is_empty() {
        found.push(plain(format!("no allow rule can ever pay {}", list(unused))));
    }
    let named: BTreeSet<&Name> = policy.rules.iter().flat_map(|rule| rule.scope.names()).collect();
    let asked = people::asked(policy);
    let idle: Vec<&Name> = policy
        .groups
        .keys()
        .filter(|group| !named.contains(group) && !asked.contains(group.as_str()))
        .collect();
    if !idle.is_empty() {
        found.push(plain(format!("no rule names the group {}", list(idle))));
    }
    found.extend(purposes::warnings(policy, &carried).into_iter().map(plain));
    found.extend(people::of_the_policy(policy).into_iter().map(plain));
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
    for budget in rule.budgets.iter().filter(|budget| budget.denies() && budget.units().is_zero()) {
        found.push(format!("{effect}: {budget} is zero"));
    }
    if let (Some(first), Some(cap)) = (&rule.first_payment, &rule.per_payment)
        && first.0.cap >= cap.cap
    {
        found.push("first_payment never comes to bear: per_payment is no more than that".to_owned());
    }
    found
}

/// Lists that contradict what the rule is about.
fn scope(policy: &Policy, rule: &Rule, known: &HashSet<&Name>, work: &mut usize) -> Vec<String> {
    let mut found = Vec::new();
    let scope = &rule.scope;
    let actions = scope.actions.as_deref().unwrap_or(&Action::ALL);
    let listed = scope.actions.iter().flatten().filter(|action| **action != Action::Call);
    let listed: Vec<_> = listed.map(|action| action.as_str()).collect();
    if scope.selectors.is_some() && !listed.is_empty() {
        found.push(format!(
            "it is never about {}: only calls have selectors; make a rule of its own for calls",
            listed.join(", ")
        ));
    }
    if let Some(payers) = members(policy, scope.payers.as_ref(), work) {
        let strangers: Vec<&Name> = payers.iter().copied().filter(|payer| !known.contains(payer)).collect();
        let accounts = members(policy, scope.accounts.as_ref(), work);
        if actions == [Action::Endorse] && !strangers.is_empty() {
            found.push(format!("no payer of the policy is called {}", list(strangers)));
        } else if !actions.contains(&Action::Endorse)
            && accounts.is_some_and(|accounts| accounts.is_disjoint(&payers))
        {
            found.push(
                "never matches: its payers are none of its accounts, and only what is endorsed has other payers; write action = \"endorse\""
                    .to_owned(),
            );
        }
    }
    if let Some(cap) = rule.fee_cap.as_ref().filter(|cap| policy.is_bound(cap.asset.name())) {
        found.push(format!(
            "its fee_cap is in {}, which is bound to a purpose; no ledger takes that",
            cap.asset.name()
        ));
    }
    found
}

/// Categories that nobody has.
fn categories(policy: &Policy, rule: &Rule, carried: &HashSet<&Name>, work: &mut usize) -> Option<String> {
    let listed = members(policy, rule.scope.categories.as_ref(), work)?;
    let missing: Vec<&Name> = listed.into_iter().filter(|category| !carried.contains(category)).collect();
    (!missing.is_empty()).then(|| format!("no recipient carries the category {}", list(missing)))
}

/// The names of a list with its groups opened, if there is one, and time to look at it.
fn members<'a>(
    policy: &'a Policy,
    names: Option<&'a Vec<Name>>,
    work: &mut usize,
) -> Option<BTreeSet<&'a Name>> {
    let of = |name| policy.groups.get(name).map_or(std::slice::from_ref(name), Vec::as_slice);
    let count: usize = names?.iter().map(|name| of(name).len()).sum();
    *work = work.saturating_sub(count * MEMBER);
    (*work > 0).then(|| names.into_iter().flatten().flat_map(of).collect())
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
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| at * 64 + left.trailing_zeros() as usize);
            left &= left.wrapping_sub(1);
            bit
        })
    })
}
