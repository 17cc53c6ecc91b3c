//! What would be allowed instead, for denials that no condition explains.

use super::denial::{Denial, DenialCode};
use super::index::Lookup;
use super::judge::Facts;
use super::rule::Rule;
use super::scope::Dimension;
use super::{Kind, Policy};
use crate::intent::Action;

/// Most rules that a denial names.
const NAMED: usize = 3;

/// A forbid rule matches.
pub(super) fn forbidden(rule: &Rule, facts: &Facts<'_>) -> Denial {
    let action = facts.question.intent.action;
    let what = match (&rule.scope.categories, facts.recipient) {
        (Some(_), Some(recipient)) if !recipient.categories.is_empty() => {
            format!("{} is {}", recipient.name, super::denial::list(&recipient.categories))
        }
        _ => match facts.asset {
            Some(asset) => format!("{} from {}", asset.name(), facts.question.account),
            None => format!("from {}", facts.question.account),
        },
    };
    let verb = match (action, facts.recipient) {
        (Action::Pay, Some(recipient)) => format!("paying {}", recipient.name),
        (action, Some(recipient)) => format!("the action {action} to {}", recipient.name),
        (action, None) => format!("the action {action}"),
    };
    let mut when = Vec::new();
    when.extend(rule.lifetime.as_ref().map(ToString::to_string));
    when.extend(rule.hours.as_ref().map(ToString::to_string));
    let now = if when.is_empty() { String::new() } else { format!(" at this time ({})", when.join(", ")) };
    Denial::by(DenialCode::Forbidden, &rule.name, format_args!("forbids {verb}{now}; {what}"))
}

/// No allow rule matches: says which list of the nearest rules fails.
pub(super) fn no_rule(policy: &Policy, facts: &Facts<'_>, lookup: Lookup<'_>) -> Denial {
    let question = facts.question;
    let allows = policy.index.forbids..policy.index.allows;
    // Rules of the same account say more than the same payment from elsewhere.
    let nearest = [
        Dimension::Recipient,
        Dimension::Caller,
        Dimension::Role,
        Dimension::Selector,
        Dimension::Asset,
        Dimension::Account,
        Dimension::Payer,
        Dimension::Ledger,
        Dimension::Action,
    ]
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
            .map(|dimension| missing(dimension, facts))
            .collect::<Vec<_>>();
        if missing.is_empty() {
            let asset = facts.asset.map_or("a transaction", |asset| asset.name().as_str());
            let to = facts.recipient.map(|to| format!(" to {}", to.name)).unwrap_or_default();
            format!(
                "no single allow rule is for {asset} from the account {}{to} asked by {}",
                question.account, question.caller
            )
        } else {
            missing.join(", and ")
        }
    };
    let this = match question.intent.action {
        Action::Pay => "this payment".to_owned(),
        action => format!("this action, {action}"),
    };
    Denial::plain(DenialCode::NoRule, format!("no rule allows {this}: {why}"))
}

/// No allow rule at all has this in its list.
fn missing(dimension: Dimension, facts: &Facts<'_>) -> String {
    let question = facts.question;
    let asset = facts.asset.map_or("transactions that move nothing", |asset| asset.name().as_str());
    let to = facts.recipient.map_or("nobody", |recipient| recipient.name.as_str());
    match dimension {
        Dimension::Action => format!("no allow rule is for the action {}", question.intent.action),
        Dimension::Selector => match question.intent.selector {
            Some(selector) => format!("no allow rule may call {selector}"),
            None => "no allow rule is for what calls nothing".to_owned(),
        },
        Dimension::Ledger => format!("no allow rule is for the ledger {}", question.intent.ledger),
        Dimension::Account => format!("no allow rule is for the account {}", question.account),
        Dimension::Payer => format!("no allow rule is for the payer {}", facts.payer),
        Dimension::Asset => format!("no allow rule is for {asset}"),
        Dimension::Caller => format!("no allow rule is for the caller {}", question.caller),
        Dimension::Role => format!("no allow rule is for callers with {}", question.roles),
        Dimension::Recipient => format!("no allow rule may pay {to}"),
    }
}
