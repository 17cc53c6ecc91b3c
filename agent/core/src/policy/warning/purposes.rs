//! Purposes that nothing can ever serve.

use std::collections::HashSet;

use super::super::Policy;
use super::super::denial::list;
use super::super::index::Rows;
use super::super::scope::Dimension;
use crate::amount::Asset;
use crate::intent::Action;
use crate::name::Name;

/// What is strange about what each asset is bound to.
pub(super) fn warnings(policy: &Policy, carried: &HashSet<&Name>) -> Vec<String> {
    policy.assets().flat_map(|asset| of(policy, asset, carried)).collect()
}

fn of(policy: &Policy, asset: &Asset, carried: &HashSet<&Name>) -> Vec<String> {
    let mut found = Vec::new();
    let Some(purpose) = policy.purposes.get(asset.name()) else { return found };
    let only = purpose.only.iter().flatten();
    let unknown: Vec<&Name> = only.filter(|category| !carried.contains(category)).collect();
    if !unknown.is_empty() {
        found.push(format!(
            "the asset {} is for {}, which no recipient carries; \"only\" lists categories, no groups",
            asset.name(),
            list(unknown)
        ));
    }
    if let Some((redeemer, _)) = &purpose.redeemer
        && !can_be_paid(policy, asset, redeemer)
    {
        found.push(format!(
            "no allow rule can ever pay {redeemer} with {}: what was received could not be redeemed",
            asset.name()
        ));
    }
    if purpose.lifetime.as_ref().is_some_and(|lifetime| lifetime.never()) {
        found.push(format!(
            "the asset {} can never be spent: its lifetime is over before it begins",
            asset.name()
        ));
    }
    found
}

/// Has an allow for payments both in its lists?
fn can_be_paid(policy: &Policy, asset: &Asset, recipient: &Name) -> bool {
    let index = &policy.index;
    let Some(recipient) = policy.recipient(recipient.as_str()) else { return false };
    let rows: [(&Rows, u32); 3] = [
        (index.rows(Dimension::Action), Action::Pay as u32),
        (index.rows(Dimension::Asset), index.asset_class(asset)),
        (index.rows(Dimension::Recipient), recipient.class),
    ];
    (index.forbids..index.allows)
        .any(|rule| rows.iter().all(|(rows, class)| rows.row(*class)[rule / 64] >> (rule % 64) & 1 == 1))
}
