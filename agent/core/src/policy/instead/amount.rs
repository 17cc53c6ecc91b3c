//! A smaller amount, or a smaller fee.

use super::{Asked, Change, Instead, Outcome};
use crate::amount::Amount;
use crate::intent::{Intent, Value};
use crate::policy::judge::{Question, facts};

/// The largest smaller amount with a good outcome.
///
/// Every condition on amounts is one of at most: what holds for an amount holds for a smaller one.
/// So halving finds it, in 256 steps at most.
pub(super) fn largest(asked: &Asked<'_>, good: impl Fn(&Outcome) -> bool) -> Option<Instead> {
    let question = asked.question;
    let value = question.intent.value.as_ref()?;
    let asset = asked.policy.asset(value.asset.as_str())?;
    let outcome = |amount| {
        let value = Some(Value { asset: value.asset.clone(), amount });
        let intent = Intent { value, ..question.intent.clone() };
        asked.outcome(&Question { intent: &intent, ..*question })
    };
    let (mut most, mut over) = (Amount::from(1), value.amount);
    let mut best = outcome(most);
    if most >= over || !good(&best) {
        return None;
    }
    loop {
        let between = most.half_way_to(over);
        if between == most {
            break;
        }
        match outcome(between) {
            better if good(&better) => (most, best) = (between, better),
            _ => over = between,
        }
    }
    let change = Change::Amount { at_most: asset.format(most) };
    Some(Instead { change, approvals: best.approvals() })
}

/// The largest smaller fee: the least of the caps that apply.
pub(super) fn largest_fee(asked: &Asked<'_>) -> Option<Instead> {
    let (policy, question) = (asked.policy, asked.question);
    let fee = question.intent.fee.as_ref()?;
    let (_, lookup) = facts(policy, question).ok()?;
    let index = &policy.index;
    let first = lookup.matching(index.forbids..index.allows).next();
    let rules = first.into_iter().chain(lookup.matching(index.allows..index.rules));
    let caps = rules.filter_map(|i| policy.rules.get(i)?.fee_cap.as_ref());
    let least = caps.min_by_key(|cap| cap.cap)?;
    if least.cap >= fee.amount && *least.asset.name() == fee.asset {
        return None;
    }
    let intent = Intent {
        fee: Some(Value { asset: least.asset.name().clone(), amount: least.cap }),
        ..question.intent.clone()
    };
    let outcome = asked.outcome(&Question { intent: &intent, ..*question });
    let change = Change::Fee { at_most: least.asset.format(least.cap) };
    (!outcome.is_denied()).then(|| Instead { change, approvals: outcome.approvals() })
}
