//! What would be allowed instead, for denials that no condition explains.

use super::denial::{Denial, DenialCode};
use super::index::Lookup;
use super::judge::Facts;
use super::rule::Rule;
use super::scope::Dimension;
use super::{Kind, Policy};

/// Most rules that a denial names.
const NAMED: usize = 3;

/// A forbid rule matches.
pub(super) fn forbidden(rule: &Rule, facts: &Facts<'_>) -> Denial {
    let recipient = facts.recipient;
    let what = match (&rule.scope.categories, recipient.categories.as_slice()) {
        (Some(_), [_, ..]) => {
            format!("{} is {}", recipient.name, super::denial::list(&recipient.categories))
        }
        _ => format!("{} from {}", facts.asset.name(), facts.question.account),
    };
    let mut when = Vec::new();
    when.extend(rule.lifetime.as_ref().map(ToString::to_string));
    when.extend(rule.hours.as_ref().map(ToString::to_string));
    let now = if when.is_empty() { String::new() } else { format!(" at this time ({})", when.join(", ")) };
    Denial::by(
        DenialCode::Forbidden,
        &rule.name,
        format_args!("forbids paying {}{now}; {what}", recipient.name),
    )
}

/// No allow rule matches: says which list of the nearest rules fails.
pub(super) fn no_rule(policy: &Policy, facts: &Facts<'_>, lookup: Lookup<'_>) -> Denial {
    let question = facts.question;
    let allows = policy.index.forbids..policy.index.allows;
    // Rules of the same account say more than the same payment from elsewhere.
    let nearest = [Dimension::Recipient, Dimension::Caller, Dimension::Asset, Dimension::Account]
        .into_iter()
        .find(|dimension| lookup.nearly(allows.clone(), *dimension).next().is_some());
    let mut sentences = String::with_capacity(256);
    if let Some(dimension) = nearest {
        for rule in lookup.nearly(allows.clone(), dimension).take(NAMED).map(|i| &policy.rules[i]) {
            if !sentences.is_empty() {
                sentences.push_str("; ");
            }
            let why = rule.scope.mismatch(dimension, Kind::Allow, policy, facts).unwrap_or_default();
            sentences.extend(["rule \"", rule.name.as_str(), "\" ", &why]);
        }
    }
    let why = if !sentences.is_empty() {
        sentences
    } else if allows.is_empty() {
        "the policy has no allow rule at all".to_owned()
    } else {
        let missing = Dimension::ALL
            .into_iter()
            .filter(|dimension| lookup.single(allows.clone(), *dimension).next().is_none())
            .map(|dimension| match dimension {
                Dimension::Account => format!("no allow rule is for the account {}", question.account),
                Dimension::Asset => format!("no allow rule is for {}", facts.asset.name()),
                Dimension::Caller => format!("no allow rule is for the caller {}", question.caller),
                Dimension::Recipient => format!("no allow rule may pay {}", facts.recipient.name),
            })
            .collect::<Vec<_>>();
        if missing.is_empty() {
            format!(
                "no single allow rule is for {} from the account {} to {} asked by {}",
                facts.asset.name(),
                question.account,
                facts.recipient.name,
                question.caller
            )
        } else {
            missing.join(", and ")
        }
    };
    Denial::plain(DenialCode::NoRule, format!("no rule allows this payment: {why}"))
}
