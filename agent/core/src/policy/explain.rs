//! Every rule's word on a payment, without spending.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Policy;
use super::counters::{Counters, Left, Unmet};
use super::denial::{Denial, DenialCode};
use super::draw::Draw;
use super::instead::{Instead, instead};
use super::judge::{Clock, Facts, Question, Verdict, draws_of, facts, judge};
use super::quorum::Wanted;
use super::rule::{Kind, Rule};
use crate::name::Name;

/// What [`judge`] and the budgets say of a payment, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Would it be allowed now?
    pub allowed: bool,
    /// The allow rule that decides, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Name>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial: Option<Denial>,
    /// Who has to approve it first; then it is neither allowed nor denied yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Wanted>,
    /// The smallest changes with which it would be allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instead: Vec<Instead>,
    /// Whom the policy takes the address for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Name>,
    /// What that recipient is.
    pub categories: Vec<Name>,
    /// Every rule in the order of the file; none where asset or recipient are unknown.
    pub rules: Vec<RuleFinding>,
}

/// One rule's word on a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleFinding {
    /// Its name.
    pub rule: Name,
    /// Allow, limit or forbid.
    pub kind: Kind,
    /// Does its word count? For an allow: is it the first that matches?
    pub applies: bool,
    /// Why it is not about this payment; empty if it applies.
    pub because: Vec<String>,
    /// Its conditions, where it applies.
    pub conditions: Vec<ConditionFinding>,
}

/// One condition's word on a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConditionFinding {
    /// What kind of condition.
    pub code: DenialCode,
    /// Does it hold? Of a forbid: does it forbid now?
    pub holds: bool,
    /// The condition in words.
    pub condition: String,
    /// Whose budget it is, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Name>,
    /// How full the budget is before this payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
}

/// Explains what [`judge`] and [`Counters::reserve`] would say, given who has approved; changes nothing.
pub fn explain(
    policy: &Policy,
    question: &Question<'_>,
    counters: &Counters,
    voters: &BTreeSet<Name>,
) -> Explanation {
    let (mut rule, mut denial, mut approvals) = (None, None, Vec::new());
    match judge(policy, question) {
        Verdict::Deny(why) => denial = Some(why),
        Verdict::Allow(permit) => {
            rule = Some(permit.rule().clone());
            match counters.check(&permit, voters, question.now) {
                Ok(()) => {}
                Err(Unmet::Denied(why)) => denial = Some(why),
                Err(Unmet::Waiting(wanted)) => approvals = wanted,
            }
        }
    }
    let mut explanation = Explanation {
        allowed: denial.is_none() && approvals.is_empty(),
        rule,
        denial,
        approvals,
        instead: instead(policy, question, counters, voters),
        recipient: None,
        categories: Vec::new(),
        rules: Vec::new(),
    };
    let Ok((facts, lookup)) = facts(policy, question) else { return explanation };
    let index = &policy.index;
    let first = lookup.matching(index.forbids..index.allows).next().map(|i| &policy.rules[i]);
    explanation.rule = first.map(|rule| rule.name.clone());
    explanation.recipient = facts.recipient.map(|recipient| recipient.name.clone());
    explanation.categories =
        facts.recipient.map(|recipient| recipient.categories.clone()).unwrap_or_default();
    explanation.rules =
        policy.rules_in_order().map(|rule| finding(policy, rule, first, &facts, counters)).collect();
    explanation
}

fn finding(
    policy: &Policy,
    rule: &Rule,
    first: Option<&Rule>,
    facts: &Facts<'_>,
    counters: &Counters,
) -> RuleFinding {
    let mut because = rule.scope.mismatches(rule.kind, policy, facts);
    if let Some(first) = first
        && because.is_empty()
        && rule.kind == Kind::Allow
        && rule.name != first.name
    {
        because.push(format!("rule \"{}\" comes first and decides", first.name));
    }
    let applies = because.is_empty();
    let conditions = if applies { conditions(rule, facts, counters) } else { Vec::new() };
    RuleFinding { rule: rule.name.clone(), kind: rule.kind, applies, because, conditions }
}

fn conditions(rule: &Rule, facts: &Facts<'_>, counters: &Counters) -> Vec<ConditionFinding> {
    let question = facts.question;
    let mut clock = Clock::at(question.now);
    let mut found = Vec::new();
    let mut plain = |code, holds, condition: String| {
        found.push(ConditionFinding { code, holds, condition, key: None, left: None });
    };
    if let Some(lifetime) = &rule.lifetime {
        plain(DenialCode::Lifetime, lifetime.holds(question.now), lifetime.to_string());
    }
    if let Some(hours) = &rule.hours {
        plain(DenialCode::Hours, hours.open(&clock.local(hours.zone())), hours.to_string());
    }
    if let Some(cap) = &rule.per_payment {
        plain(DenialCode::PerPayment, cap.holds(question.intent.amount()), cap.to_string());
    }
    let intent = question.intent;
    if let Some(cap) = &rule.fee_cap {
        plain(DenialCode::Fee, cap.holds(intent.fee.as_ref()), cap.to_string());
    }
    let new = intent.to.is_some_and(|to| !counters.knows(question.account, to));
    if let Some(first) = &rule.first_payment {
        plain(DenialCode::FirstPayment, !new || first.0.holds(intent.amount()), first.to_string());
    }
    let mut draws: Vec<Draw> = Vec::new();
    draws_of(rule, facts, &mut draws);
    let sum = match draws.iter().find(|draw| !draw.denies()) {
        Some(draw) => counters.sum_with(draw, question.now),
        None => Some(intent.amount()),
    };
    for quorum in &rule.quorums {
        plain(DenialCode::Approval, !quorum.applies(sum, new), format!("approved by {quorum}"));
    }
    found.extend(draws.iter().filter(|draw| draw.denies()).map(|draw| ConditionFinding {
        code: draw.code(),
        holds: counters.has_room(draw, question.now),
        condition: draw.budget.to_string(),
        key: draw.key.clone(),
        left: Some(counters.left(draw, question.now)),
    }));
    found
}
