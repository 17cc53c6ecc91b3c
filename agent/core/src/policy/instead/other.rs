//! Another account, caller or recipient.

use std::collections::BTreeSet;

use super::{Asked, Change, Instead, Outcome};
use crate::intent::Intent;
use crate::name::Name;
use crate::policy::Recipient;
use crate::policy::judge::{Question, facts};
use crate::policy::quorum::Wanted;
use crate::policy::rule::Rule;
use crate::policy::scope::Dimension;
use crate::role::{Role, Roles};

/// Most names that one change offers.
const NAMED: usize = 5;
/// Most nearest rules that are looked at for each change.
const RULES: usize = 16;
/// Most names that are tried for each change.
const TRIED: usize = 10_000;

/// What the allow rules that fail in one list only would take instead.
pub(super) fn nearest(asked: &Asked<'_>, found: &mut Vec<Instead>) {
    let (policy, question) = (asked.policy, asked.question);
    let Ok((facts, lookup)) = facts(policy, question) else { return };
    let allows = policy.index.forbids..policy.index.allows;
    let near = |dimension| -> Vec<&Rule> {
        lookup.nearly(allows.clone(), dimension).take(RULES).filter_map(|i| policy.rules.get(i)).collect()
    };
    // Groups stand for their members.
    let names = |rules: &[&Rule], list: for<'r> fn(&'r Rule) -> Option<&'r Vec<Name>>| -> Vec<Name> {
        let opened = rules.iter().filter_map(|rule| list(rule)).flatten().flat_map(|name| {
            policy.groups.get(name).map_or(std::slice::from_ref(name), Vec::as_slice).to_vec()
        });
        let mut seen = BTreeSet::new();
        opened.filter(|name| seen.insert(name.clone())).take(TRIED).collect()
    };
    // An endorsement's payer is no account.
    let accounts = names(&near(Dimension::Account), |rule| rule.scope.accounts.as_ref());
    let tried = accounts.into_iter().map(|account| {
        let outcome = asked.outcome(&Question { account: &account, ..*question });
        (account, outcome)
    });
    if let Some((accounts, approvals)) = good(tried) {
        found.push(Instead { change: Change::Account { accounts }, approvals });
    }
    let callers = names(&near(Dimension::Caller), |rule| rule.scope.callers.as_ref());
    let tried = callers.into_iter().map(|caller| {
        let outcome = asked.outcome(&Question { caller: &caller, ..*question });
        (caller, outcome)
    });
    if let Some((callers, approvals)) = good(tried) {
        found.push(Instead { change: Change::Caller { callers }, approvals });
    }
    let wanted = near(Dimension::Role);
    let roles = Role::ALL
        .into_iter()
        .filter(|role| wanted.iter().any(|rule| rule.scope.roles.is_some_and(|roles| roles.has(*role))));
    let tried = roles.map(|role| {
        let roles: Roles = question.roles.iter().chain([role]).collect();
        (role, asked.outcome(&Question { roles, ..*question }))
    });
    if let Some((roles, approvals)) = good(tried) {
        found.push(Instead { change: Change::Role { roles }, approvals });
    }
    if facts.recipient.is_some() {
        let mut row: Vec<u64> = vec![0; policy.rules.len().div_ceil(64)];
        lookup.nearly(allows.clone(), Dimension::Recipient).for_each(|i| row[i / 64] |= 1 << (i % 64));
        let rows = policy.index.rows(Dimension::Recipient);
        let fits =
            |recipient: &Recipient| rows.row(recipient.class).iter().zip(&row).any(|(a, b)| a & b != 0);
        recipients(asked, fits, found);
    }
}

/// Recipients that could be paid instead.
pub(super) fn recipients(asked: &Asked<'_>, fits: impl Fn(&Recipient) -> bool, found: &mut Vec<Instead>) {
    let tried = asked.policy.recipients().filter(|recipient| fits(recipient)).take(TRIED).map(|recipient| {
        let intent = Intent { to: Some(recipient.address), ..asked.question.intent.clone() };
        (recipient, asked.outcome(&Question { intent: &intent, ..*asked.question }))
    });
    let Some((recipients, approvals)) = good(tried) else { return };
    // What none of those who may be paid is not, does not matter.
    let unwanted: BTreeSet<&Name> = asked
        .question
        .intent
        .to
        .and_then(|to| asked.policy.recipient_at(&to))
        .iter()
        .flat_map(|to| &to.categories)
        .collect();
    let categories: BTreeSet<&Name> = recipients
        .iter()
        .flat_map(|recipient| &recipient.categories)
        .filter(|category| !unwanted.contains(category))
        .collect();
    let categories = categories.into_iter().cloned().collect();
    let recipients = recipients.into_iter().map(|recipient| recipient.name.clone()).collect();
    found.push(Instead { change: Change::Recipient { recipients, categories }, approvals });
}

/// The first few that would be allowed; if none would, the first few that would wait for the same.
fn good<T>(tried: impl Iterator<Item = (T, Outcome)>) -> Option<(Vec<T>, Vec<Wanted>)> {
    let (mut allowed, mut waiting, mut wanted) = (Vec::new(), Vec::new(), None);
    for (name, outcome) in tried {
        match outcome {
            Outcome::Allowed => allowed.push(name),
            Outcome::Waiting(approvals) if *wanted.get_or_insert_with(|| approvals.clone()) == approvals => {
                waiting.push(name);
            }
            Outcome::Waiting(_) | Outcome::Denied(_) => {}
        }
        if allowed.len() == NAMED {
            break;
        }
    }
    match wanted {
        _ if !allowed.is_empty() => Some((allowed, Vec::new())),
        Some(wanted) => {
            waiting.truncate(NAMED);
            Some((waiting, wanted))
        }
        None => None,
    }
}
