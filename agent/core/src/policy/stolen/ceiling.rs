//! What bounds a thief's payments over time: budgets, counts, spacings, and sums above which
//! somebody has to approve.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::reach::{Row, Rows, bits_of};
use super::{Ceiling, Victim};
use crate::amount::{Amount, Asset};
use crate::intent::Action;
use crate::name::Name;
use crate::policy::budget::{Budget, Cap, Per, Quantity};
use crate::policy::{Kind, Policy};

/// Rows that draw from budgets of one rule, and how many budgets those are together.
struct Share {
    rows: Vec<usize>,
    budgets: u64,
    /// What there is one of for each, in words.
    of: Option<String>,
    /// From each account, and nobody knows how many there are.
    each_account: bool,
}

/// Every ceiling over these rows.
pub(super) fn ceilings(policy: &Policy, victim: &Victim<'_>, rows: &Rows<'_>) -> Vec<Ceiling> {
    let mut below: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let own: BTreeMap<&Name, usize> =
        policy.rules.iter().enumerate().map(|(i, rule)| (&rule.name, i)).collect();
    for (at, row) in rows.rows.iter().enumerate().filter(|(_, row)| row.needs.is_empty()) {
        for rule in own.get(&row.rule.name).copied().into_iter().chain(bits_of(&row.limits)) {
            below.entry(rule).or_default().push(at);
        }
    }
    let mut found = Vec::new();
    for (rule, below) in below {
        let Some(rule) = policy.rules.get(rule) else { continue };
        for budget in &rule.budgets {
            let counted: Vec<usize> = below
                .iter()
                .copied()
                .filter(|at| rows.rows.get(*at).is_some_and(|row| counts(budget, row)))
                .collect();
            let name =
                if rule.kind == Kind::Limit { format!("limit \"{}\": ", rule.name) } else { String::new() };
            for share in shares(policy, victim, budget, &counted, rows) {
                found.extend(ceiling(&name, budget, share, rows));
            }
        }
    }
    found
}

/// Does a payment of this row draw from the budget?
fn counts(budget: &Budget, row: &Row<'_>) -> bool {
    match &budget.cap {
        Cap::Amount(asset, _) | Cap::Above(asset, _) => row.asset.is_some_and(|other| other == asset),
        Cap::Count(_) | Cap::Spacing => true,
    }
}

/// Which rows share a budget, or so many of its kind.
fn shares(
    policy: &Policy,
    victim: &Victim<'_>,
    budget: &Budget,
    below: &[usize],
    rows: &Rows<'_>,
) -> Vec<Share> {
    let row = |at: &usize| rows.rows.get(*at);
    let together =
        |budgets: u64, of: Option<String>| Share { rows: below.to_vec(), budgets, of, each_account: false };
    let asked_by_one = below.iter().filter_map(row).all(|row| row.hand.caller.is_some());
    let (recipients, categories) = rows.keys(below);
    let of = |number: u64, one: &str, more: &str| {
        Some(if number == 1 { format!("1 {one}") } else { format!("{number} {more}") })
    };
    match budget.per {
        _ if below.is_empty() => Vec::new(),
        // Sums are kept by requester and recipient.
        _ if !budget.denies() && !asked_by_one => Vec::new(),
        _ if !budget.denies() => vec![together(recipients, of(recipients, "recipient", "recipients"))],
        None => vec![together(1, None)],
        Some(Per::Requester) if asked_by_one => vec![together(1, Some(victim.name.to_string()))],
        // Anybody may ask, and nobody knows how many there are.
        Some(Per::Requester) => Vec::new(),
        Some(Per::Recipient) => vec![together(recipients, of(recipients, "recipient", "recipients"))],
        Some(Per::Category) => vec![together(categories, of(categories, "category", "categories"))],
        Some(Per::Account | Per::Payer) => {
            let mut by_account: BTreeMap<Option<&Name>, Vec<usize>> = BTreeMap::new();
            let mut endorsed = Vec::new();
            for at in below {
                match row(at) {
                    Some(row) if row.action == Action::Endorse && budget.per == Some(Per::Payer) => {
                        endorsed.push(*at)
                    }
                    Some(row) => by_account.entry(row.account.as_ref()).or_default().push(*at),
                    None => {}
                }
            }
            let by_account = by_account.into_iter().map(|(account, rows)| Share {
                rows,
                budgets: 1,
                of: account.map(|account| format!("the account {account}")),
                each_account: account.is_none(),
            });
            let payers = match endorsed.iter().filter_map(row).all(|row| row.hand.payer.is_some()) {
                true => 1,
                false => policy.payers.values().collect::<BTreeSet<_>>().len() as u64,
            };
            let of = of(payers, "payer", "payers");
            let endorsed = Share { rows: endorsed, budgets: payers, of, each_account: false };
            by_account.chain((!endorsed.rows.is_empty()).then_some(endorsed)).collect()
        }
    }
}

/// One share's ceiling; of a number of payments, also what these can come to in each asset.
fn ceiling(name: &str, budget: &Arc<Budget>, share: Share, rows: &Rows<'_>) -> Vec<Ceiling> {
    let Share { rows: below, budgets, of, each_account } = share;
    let to = if budget.denies() { "for" } else { "to" };
    let times = match (&of, each_account, budgets) {
        (_, true, _) => format!(" {to} each account"),
        (None, ..) => String::new(),
        (Some(of), _, 1) => format!(" {to} {of}"),
        (Some(of), ..) => format!(" {to} each of {of}"),
    };
    let condition = match &budget.cap {
        Cap::Spacing => format!("{name}1 payment {}", budget.window),
        Cap::Above(..) => {
            format!("{name}unapproved {} {}", budget.quantity(budget.units()), budget.window)
        }
        _ => format!("{name}{} {}", budget.quantity(budget.units()), budget.window),
    };
    let make = |how: String, most: Quantity, reaches: Vec<usize>| Ceiling {
        rule: budget.name.clone(),
        how,
        window: budget.window.clone(),
        most,
        each_account,
        reaches,
    };
    let Some(all) = budget.units().checked_mul(budgets) else { return Vec::new() };
    let how = |all: &Quantity| {
        let sum = if budgets > 1 { format!(", together {all}") } else { String::new() };
        format!("{condition}{times}{sum}")
    };
    let most = budget.quantity(all);
    let first = make(how(&most), most.clone(), below.clone());
    if matches!(budget.cap, Cap::Amount(..) | Cap::Above(..)) {
        return vec![first];
    }
    let mut found = vec![first];
    let mut assets: BTreeMap<&Name, (&Asset, Amount, Vec<usize>)> = BTreeMap::new();
    for at in &below {
        if let Some((row, asset)) = rows.rows.get(*at).and_then(|row| Some((row, row.asset?))) {
            let entry = assets.entry(asset.name()).or_insert_with(|| (asset, Amount::ZERO, Vec::new()));
            entry.1 = entry.1.max(row.single);
            entry.2.push(*at);
        }
    }
    let count = all.to_string().parse::<u64>().unwrap_or(u64::MAX);
    for (asset, single, below) in assets.into_values().filter(|(_, single, _)| *single != Amount::MAX) {
        if let Some(sum) = single.checked_mul(count) {
            let sum = Quantity::Amount(sum, asset.clone());
            let how = format!("{condition}{times} of at most {}, together {sum}", asset.format(single));
            found.push(make(how, sum, below));
        }
    }
    found
}
