//! Does the policy allow this payment?

use super::budget::Per;
use super::denial::{Denial, DenialCode, list};
use super::draw::Draw;
use super::hours::WallClock;
use super::index::Lookup;
use super::rule::Rule;
use super::zone::Zone;
use super::{Policy, Recipient, nearest};
use crate::amount::Asset;
use crate::intent::Intent;
use crate::name::Name;
use crate::time::Timestamp;

/// What is asked: may this caller make this payment from this account now?
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the bytes to be signed do.
    pub intent: &'a Intent,
    /// The name of the account that pays.
    pub account: &'a Name,
    /// Who asks.
    pub caller: &'a Name,
    /// The book's time.
    pub now: Timestamp,
}

/// The answer of [`judge`]. Whatever is not an allow is a denial.
#[must_use]
#[derive(Debug)]
pub enum Verdict {
    /// Refused, and why.
    Deny(Denial),
    /// Allowed, if the [budgets](super::Counters::reserve) have room for its draws.
    Allow(Permit),
}

/// Proof that [`judge`] allowed a payment; nothing else makes one, and it cannot be copied.
#[derive(Debug)]
pub struct Permit {
    rule: Name,
    policy: [u8; 32],
    draws: Vec<Draw>,
}

impl Permit {
    /// The allow rule that decided.
    pub fn rule(&self) -> &Name {
        &self.rule
    }

    /// [Hash](Policy::hash) of the policy that was asked.
    pub fn policy(&self) -> [u8; 32] {
        self.policy
    }

    /// What it takes from which budgets.
    pub fn draws(&self) -> &[Draw] {
        &self.draws
    }
}

/// A question whose names the policy knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub question: &'a Question<'a>,
    pub asset: &'a Asset,
    pub recipient: &'a Recipient,
}

/// The clock on the wall of the zone that was asked last: rules in a row mostly share one.
pub(super) struct Clock<'a> {
    now: Timestamp,
    last: Option<(&'a Zone, WallClock)>,
}

impl<'a> Clock<'a> {
    pub(super) fn at(now: Timestamp) -> Self {
        Self { now, last: None }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn local(&mut self, zone: &'a Zone) -> WallClock {
        match self.last {
            Some((last, local)) if last == zone => local,
            _ => self.last.insert((zone, WallClock::of(zone.local(self.now)))).1,
        }
    }
}

/// Judges a payment; pure, and the only way to a [`Permit`].
///
/// Asset and recipient have to be known, the recipient by the bytes of its address alone. Then
/// come the forbids, then the first allow in the order of the file whose scope matches, then all
/// limits that match. What has been spent is not looked at here: the permit's draws are for
/// [`Counters::reserve`](super::Counters::reserve).
pub fn judge(policy: &Policy, question: &Question<'_>) -> Verdict {
    match decide(policy, question) {
        Ok(permit) => Verdict::Allow(permit),
        Err(denial) => Verdict::Deny(denial),
    }
}

/// Finds asset and recipient, and the rows of the rules that could be about the payment.
pub(super) fn facts<'a>(
    policy: &'a Policy,
    question: &'a Question<'a>,
) -> Result<(Facts<'a>, Lookup<'a>), Denial> {
    let intent = question.intent;
    let (Some(value), Some(to)) = (&intent.value, &intent.to) else {
        let message = format!("this is a {}, which moves nothing; only payments are judged", intent.action);
        return Err(Denial::plain(DenialCode::NoRule, message));
    };
    let Some((asset, class)) = policy.asset_and_class(&value.asset) else {
        let known = list(policy.assets().map(Asset::name));
        let message = format!("the policy knows no asset \"{}\"; it knows {known}", value.asset);
        return Err(Denial::plain(DenialCode::UnknownAsset, message));
    };
    let Some((recipient, row)) = policy.recipient_and_row(to) else {
        let message = format!(
            "no recipient of the policy has the address {}; only its recipients can be paid, see `bursar policy show`",
            to
        );
        return Err(Denial::plain(DenialCode::UnknownRecipient, message));
    };
    let lookup = policy.index.lookup(question.account, class, question.caller, row);
    Ok((Facts { question, asset, recipient }, lookup))
}

fn decide(policy: &Policy, question: &Question<'_>) -> Result<Permit, Denial> {
    let (facts, lookup) = facts(policy, question)?;
    let index = &policy.index;
    let mut clock = Clock::at(question.now);
    // The index sets bits of existing rules only; should that ever fail, a panic denies.
    for rule in lookup.matching(0..index.forbids).map(|i| &policy.rules[i]) {
        if rule.is_on(&mut clock) {
            return Err(nearest::forbidden(rule, &facts));
        }
    }
    let Some(first) = lookup.matching(index.forbids..index.allows).next() else {
        return Err(nearest::no_rule(policy, &facts, lookup));
    };
    let decides = &policy.rules[first];
    let mut draws = Vec::new();
    let limits = index.limits(lookup, question.intent.amount()).map(|i| &policy.rules[i]);
    for rule in std::iter::once(decides).chain(limits) {
        rule.check(&facts, &mut clock)?;
        draws_of(rule, &facts, &mut draws);
    }
    Ok(Permit { rule: decides.name.clone(), policy: policy.hash, draws })
}

/// What a rule's budgets take for this payment.
pub(super) fn draws_of(rule: &Rule, facts: &Facts<'_>, draws: &mut Vec<Draw>) {
    for budget in &rule.budgets {
        let units = budget.drawn_by(facts.question.intent.amount());
        let mut push =
            |key: Option<&Name>| draws.push(Draw { budget: budget.clone(), key: key.cloned(), units });
        match budget.per {
            None => push(None),
            Some(Per::Account) => push(Some(facts.question.account)),
            Some(Per::Recipient) => push(Some(&facts.recipient.name)),
            Some(Per::Requester) => push(Some(facts.question.caller)),
            // Recipients without a category share one budget.
            Some(Per::Category) if facts.recipient.categories.is_empty() => push(None),
            Some(Per::Category) => facts.recipient.categories.iter().for_each(|name| push(Some(name))),
        }
    }
}
