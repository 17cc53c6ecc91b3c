//! Does the policy allow this payment?

use std::collections::BTreeSet;
use std::sync::Arc;

use super::budget::{Budget, Per};
use super::denial::{Denial, DenialCode, list};
use super::draw::Draw;
use super::first_payment::FirstPayment;
use super::hours::WallClock;
use super::index::{Key, Lookup};
use super::quorum::Ask;
use super::rule::Rule;
use super::zone::Zone;
use super::{Policy, Recipient, nearest};
use crate::amount::{Amount, Asset};
use crate::intent::{Action, Intent};
use crate::key::PublicKey;
use crate::name::Name;
use crate::role::Roles;
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
    /// What they are there for.
    pub roles: Roles,
    /// The book's time.
    pub now: Timestamp,
}

/// The answer of [`judge`]. Whatever is not an allow is a denial.
#[must_use]
#[derive(Debug)]
pub enum Verdict {
    /// Refused, and why.
    Deny(Denial),
    /// Allowed, if the [budgets](super::Counters::reserve) have room for its draws and those who
    /// have to approve do.
    Allow(Permit),
}

/// Proof that [`judge`] allowed a payment; nothing else makes one, and it cannot be copied.
#[derive(Debug)]
pub struct Permit {
    rule: Name,
    policy: [u8; 32],
    draws: Vec<Draw>,
    pub(super) terms: Terms,
}

/// What a permit rests on beside its draws.
#[derive(Debug)]
pub(super) struct Terms {
    /// Under which name it is asked for.
    pub requester: Name,
    pub account: Name,
    /// Only where a rule asks whether they are new: of many recipients, each is far away in memory.
    pub to: Option<(Name, PublicKey)>,
    pub amount: Amount,
    /// By rule.
    pub first: Vec<(Name, FirstPayment)>,
    pub asks: Vec<Ask>,
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
    pub asset: Option<&'a Asset>,
    pub recipient: Option<&'a Recipient>,
    /// The account; of an endorsement, who pays in what is endorsed.
    pub payer: &'a Name,
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
/// Asset and recipient have to be known, the recipient by the bytes of its address alone. What an
/// asset is bound to comes first. Then come the forbids, then the first allow in the order of the
/// file whose scope matches, then all limits that match. What has been spent is not looked at here,
/// nor who has approved: that is for [`Counters::reserve`](super::Counters::reserve).
pub fn judge(policy: &Policy, question: &Question<'_>) -> Verdict {
    match decide(policy, question) {
        Ok(permit) => Verdict::Allow(permit),
        Err(denial) => Verdict::Deny(denial),
    }
}

/// Finds asset, recipient and payer, and the rows of the rules that could be about the payment.
pub(super) fn facts<'a>(
    policy: &'a Policy,
    question: &'a Question<'a>,
) -> Result<(Facts<'a>, Lookup<'a>), Denial> {
    let intent = question.intent;
    let (asset, asset_class) = match &intent.value {
        None => (None, 0),
        Some(value) => policy
            .asset_and_class(&value.asset)
            .map(|(asset, class)| (Some(asset), class))
            .ok_or_else(|| unknown_asset(policy, &value.asset))?,
    };
    let (recipient, row) = match &intent.to {
        None => (None, policy.index.nobody),
        Some(to) => policy
            .recipient_and_row(to)
            .map(|(recipient, row)| (Some(recipient), row))
            .ok_or_else(|| unknown_recipient(to))?,
    };
    let moves = matches!(intent.action, Action::Pay | Action::Issue | Action::Endorse);
    if moves && (asset.is_none() || recipient.is_none()) {
        let message = format!("this is a {} without amount or recipient; no rule allows that", intent.action);
        return Err(Denial::plain(DenialCode::NoRule, message));
    }
    let payer = match intent.action {
        Action::Endorse => policy.payer(&intent.from).ok_or_else(|| unknown_payer(&intent.from))?,
        _ => question.account,
    };
    let facts = Facts { question, asset, recipient, payer };
    let lookup = lookup(policy, &facts, asset_class, row);
    Ok((facts, lookup))
}

/// The same of what was paid long ago: names that the policy has forgotten are those of nobody.
pub(super) fn past_facts<'a>(policy: &'a Policy, question: &'a Question<'a>) -> (Facts<'a>, Lookup<'a>) {
    let intent = question.intent;
    let asset = intent.value.as_ref().and_then(|value| policy.asset_and_class(&value.asset));
    let recipient = intent.to.as_ref().and_then(|to| policy.recipient_and_row(to));
    let payer = match intent.action {
        Action::Endorse => policy.payer(&intent.from),
        _ => None,
    };
    let facts = Facts {
        question,
        asset: asset.map(|(asset, _)| asset),
        recipient: recipient.map(|(recipient, _)| recipient),
        payer: payer.unwrap_or(question.account),
    };
    let row = recipient.map_or(policy.index.nobody, |(_, row)| row);
    let lookup = lookup(policy, &facts, asset.map_or(0, |(_, class)| class), row);
    (facts, lookup)
}

fn lookup<'a>(policy: &'a Policy, facts: &Facts<'_>, asset: u32, recipient: u32) -> Lookup<'a> {
    let Question { intent, account, caller, roles, .. } = *facts.question;
    policy.index.lookup(&Key {
        action: intent.action,
        selector: intent.selector,
        ledger: intent.ledger,
        account,
        payer: facts.payer,
        asset,
        caller,
        roles,
        recipient,
    })
}

fn unknown_asset(policy: &Policy, asset: &Name) -> Denial {
    let known = list(policy.assets().map(Asset::name));
    let message = format!("the policy knows no asset \"{asset}\"; it knows {known}");
    Denial::plain(DenialCode::UnknownAsset, message)
}

fn unknown_recipient(to: &PublicKey) -> Denial {
    let message = format!(
        "no recipient of the policy has the address {to}; only its recipients can be paid, see `bursar policy show`"
    );
    Denial::plain(DenialCode::UnknownRecipient, message)
}

fn unknown_payer(from: &PublicKey) -> Denial {
    let message = format!(
        "no payer of the policy has the address {from}; only what its payers pay is endorsed, see `bursar policy show`"
    );
    Denial::plain(DenialCode::UnknownPayer, message)
}

/// Refuses what the asset is not for.
pub(super) fn purpose(policy: &Policy, facts: &Facts<'_>) -> Result<(), Denial> {
    let Facts { question, asset: Some(asset), .. } = facts else { return Ok(()) };
    let Some(purpose) = policy.purposes.get(asset.name()) else { return Ok(()) };
    let Some(recipient) = facts.recipient else {
        let why =
            format!("{} is bound to a purpose; this moves it to nobody that the policy knows", asset.name());
        return Err(Denial::plain(DenialCode::Purpose, why));
    };
    let intent = question.intent;
    let payer = policy.recipient_at(&intent.from);
    purpose.check(intent.action, asset, &intent.from, payer, recipient, question.now)
}

fn decide(policy: &Policy, question: &Question<'_>) -> Result<Permit, Denial> {
    let (facts, lookup) = facts(policy, question)?;
    purpose(policy, &facts)?;
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
    if let (Some(fee), None) = (&question.intent.fee, &decides.fee_cap) {
        let asked = policy.asset(fee.asset.as_str()).map_or_else(
            || format!("{} minor units of {}", fee.amount, fee.asset),
            |asset| asset.format(fee.amount),
        );
        let why = format_args!("it has no fee_cap, so it allows no fee; asked {asked}");
        return Err(Denial::by(DenialCode::Fee, &decides.name, why));
    }
    let mut permit = Permit::new(policy, decides, &facts);
    let limits = index.limits(lookup, question.intent.amount()).map(|i| &policy.rules[i]);
    for rule in std::iter::once(decides).chain(limits) {
        rule.check(&facts, &mut clock)?;
        permit.take(rule, &facts);
    }
    for ask in &mut permit.terms.asks {
        ask.asking.clone_from(policy.roster().asking_as(question.caller));
    }
    Ok(permit)
}

impl Permit {
    fn new(policy: &Policy, decides: &Rule, facts: &Facts<'_>) -> Self {
        let question = facts.question;
        let terms = Terms {
            requester: question.caller.clone(),
            account: question.account.clone(),
            to: facts.recipient.map(|to| (to.name.clone(), to.address)),
            amount: question.intent.amount(),
            first: Vec::new(),
            asks: Vec::new(),
        };
        Self { rule: decides.name.clone(), policy: policy.hash, draws: Vec::new(), terms }
    }

    /// Adds what a rule asks of the payment.
    pub(super) fn take(&mut self, rule: &Rule, facts: &Facts<'_>) {
        let before = self.draws.len();
        draws_of(rule, facts, &mut self.draws);
        let by_recipient = rule.first_payment.is_some() || !rule.quorums.is_empty();
        if by_recipient && self.terms.to.is_none() {
            self.terms.to = facts.recipient.map(|recipient| (recipient.name.clone(), recipient.address));
        }
        self.terms.first.extend(rule.first_payment.iter().map(|first| (rule.name.clone(), first.clone())));
        if !rule.quorums.is_empty() {
            let watch = self.draws.iter().skip(before).position(|draw| !draw.denies());
            let watch = watch.map(|at| before + at);
            let (rule, quorums, asking) = (rule.name.clone(), rule.quorums.clone(), BTreeSet::new());
            self.terms.asks.push(Ask { rule, quorums, watch, asking });
        }
    }
}

/// What a rule's budgets take for this payment.
pub(super) fn draws_of(rule: &Rule, facts: &Facts<'_>, draws: &mut Vec<Draw>) {
    rule.budgets.iter().for_each(|budget| draws_of_budget(budget, facts, draws));
}

/// What one budget takes: once for each key.
pub(super) fn draws_of_budget(budget: &Arc<Budget>, facts: &Facts<'_>, draws: &mut Vec<Draw>) {
    let units = budget.drawn_by(facts.question.intent.amount());
    let recipient = facts.recipient.map(|recipient| &recipient.name);
    let mut push = |key: Option<&Name>| draws.push(Draw::of(budget, key.cloned(), units));
    match budget.per {
        _ if !budget.denies() => draws.push(Draw {
            also: recipient.cloned(),
            ..Draw::of(budget, Some(facts.question.caller.clone()), units)
        }),
        None => push(None),
        Some(Per::Account) => push(Some(facts.question.account)),
        Some(Per::Payer) => push(Some(facts.payer)),
        Some(Per::Recipient) => push(recipient),
        Some(Per::Requester) => push(Some(facts.question.caller)),
        // Recipients without a category share one budget.
        Some(Per::Category) => match facts.recipient.map(|recipient| recipient.categories.as_slice()) {
            None | Some([]) => push(None),
            Some(categories) => categories.iter().for_each(|name| push(Some(name))),
        },
    }
}
