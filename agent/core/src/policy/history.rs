//! What past payments draw from the budgets of another bundle than the one that judged them.
//!
//! A change of the policy resets nothing: what was spent follows a budget's name, and a budget that
//! is new, or has another window, is filled from history as if it had always been there.

use super::budget::Budget;
use super::denial::Denial;
use super::draw::Draw;
use super::judge::{Question, draws_of, facts};
use super::{Per, Policy};
use crate::intent::Intent;
use crate::name::Name;
use crate::role::{Role, Roles};

/// A payment that was allowed at some time.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// What it did.
    pub intent: &'a Intent,
    /// The name of the account that paid.
    pub account: &'a Name,
    /// Who asked.
    pub caller: &'a Name,
    /// What it drew when it was allowed.
    pub drew: &'a [Draw],
}

impl Policy {
    /// What a past payment draws from this bundle's budgets: by the rules that would be about it
    /// now, and from each budget of a name that it drew from then. Never less than either.
    pub fn draws_of_past(&self, past: &Past<'_>) -> Vec<Draw> {
        let mut draws = self.draws_by_rules(past).unwrap_or_default();
        let named = self.rules.iter().flat_map(|rule| &rule.budgets);
        for budget in named.filter(|budget| past.drew.iter().any(|draw| draw.budget.name == budget.name)) {
            for drew in past.drew.iter().filter(|drew| same(&drew.budget, budget)) {
                let again = Draw { budget: budget.clone(), ..rekeyed(drew, budget, past) };
                if !draws.iter().any(|draw| is_same(draw, &again)) {
                    draws.push(again);
                }
            }
        }
        draws
    }

    /// By the first allow that is about it, and the limits; their conditions do not matter any more.
    fn draws_by_rules(&self, past: &Past<'_>) -> Result<Vec<Draw>, Denial> {
        let question = Question {
            intent: past.intent,
            account: past.account,
            caller: past.caller,
            // Nobody knows what they were there for then: it counts under every rule for a role.
            roles: Role::ALL.into_iter().collect::<Roles>(),
            now: past.intent.created,
        };
        let (facts, lookup) = facts(self, &question)?;
        let index = &self.index;
        let first = lookup.matching(index.forbids..index.allows).next();
        let limits = lookup.matching(index.allows..index.rules);
        let mut draws = Vec::new();
        for rule in first.into_iter().chain(limits).filter_map(|i| self.rules.get(i)) {
            draws_of(rule, &facts, &mut draws);
        }
        Ok(draws)
    }
}

/// Do both count the same thing under the same name? Window, cap and key may have changed.
fn same(drew: &Budget, budget: &Budget) -> bool {
    drew.name == budget.name && drew.counted() == budget.counted()
}

/// The draw with the key that the budget has now; where that cannot be known any more, the old one.
fn rekeyed(drew: &Draw, budget: &Budget, past: &Past<'_>) -> Draw {
    let key = match budget.per {
        _ if budget.per == drew.budget.per => drew.key.clone(),
        None => None,
        Some(Per::Account | Per::Payer) => Some(past.account.clone()),
        Some(Per::Requester) => Some(past.caller.clone()),
        Some(Per::Recipient | Per::Category) => drew.key.clone(),
    };
    Draw { key, ..drew.clone() }
}

fn is_same(a: &Draw, b: &Draw) -> bool {
    a.budget == b.budget && a.key == b.key && a.also == b.also
}
