//! What past payments draw from the budgets of another bundle than the one that judged them.
//!
//! A change of the policy resets nothing: what was spent follows a budget's name, and a budget that
//! is new, or has another window, is filled from history as if it had always been there.

use std::sync::Arc;

use super::budget::Budget;
use super::draw::Draw;
use super::index::Lookup;
use super::judge::{Facts, Question, draws_of, draws_of_budget, past_facts};
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
        let question = Question {
            intent: past.intent,
            account: past.account,
            caller: past.caller,
            // Nobody knows what they were there for then: it counts under every rule for a role.
            roles: Role::ALL.into_iter().collect::<Roles>(),
            now: past.intent.created,
        };
        let (facts, lookup) = past_facts(self, &question);
        let mut draws = self.draws_by_rules(&facts, lookup);
        let named = self.rules.iter().flat_map(|rule| &rule.budgets);
        for budget in named.filter(|budget| past.drew.iter().any(|draw| draw.budget.name == budget.name)) {
            for drew in past.drew.iter().filter(|drew| same(&drew.budget, budget)) {
                for again in drawn_again(drew, budget, &facts) {
                    if !draws.iter().any(|draw| is_same(draw, &again)) {
                        draws.push(again);
                    }
                }
            }
        }
        draws
    }

    /// By the first allow that is about it, and the limits; their conditions do not matter any more.
    fn draws_by_rules(&self, facts: &Facts<'_>, lookup: Lookup<'_>) -> Vec<Draw> {
        let index = &self.index;
        let matching = |range| lookup.matching(range).filter_map(|i| self.rules.get(i));
        let mut draws = Vec::new();
        for rule in matching(index.forbids..index.allows) {
            draws_of(rule, facts, &mut draws);
            // Without the role that it is for, the next one would decide.
            if rule.scope.roles.is_none() {
                break;
            }
        }
        for rule in matching(index.allows..index.rules) {
            draws_of(rule, facts, &mut draws);
        }
        draws
    }
}

/// Do both count the same thing under the same name? Window, cap and key may have changed.
fn same(drew: &Budget, budget: &Budget) -> bool {
    drew.name == budget.name && drew.counted() == budget.counted()
}

/// The draw with the keys that the budget has now; where they cannot be known any more, the old one.
fn drawn_again(drew: &Draw, budget: &Arc<Budget>, facts: &Facts<'_>) -> Vec<Draw> {
    let forgotten = matches!(budget.per, Some(Per::Recipient | Per::Category)) && facts.recipient.is_none();
    if budget.per == drew.budget.per || forgotten {
        return vec![Draw { budget: budget.clone(), ..drew.clone() }];
    }
    let mut again = Vec::new();
    draws_of_budget(budget, facts, &mut again);
    again
}

fn is_same(a: &Draw, b: &Draw) -> bool {
    a.budget == b.budget && a.key == b.key && a.also == b.also
}
