//! One rule: its scope, and the conditions that have to hold.

use std::sync::Arc;

use serde::Serialize;

use super::amount_cap::AmountCap;
use super::budget::{Budget, Cap};
use super::denial::Denial;
use super::fee_cap::FeeCap;
use super::first_payment::FirstPayment;
use super::hours::Hours;
use super::judge::{Clock, Facts};
use super::lifetime::Lifetime;
use super::quorum::Quorum;
use super::scope::Scope;
use crate::amount::Amount;
use crate::name::Name;

/// What a rule does with the payments in its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The first that matches decides, and all its conditions must hold.
    Allow,
    /// Its conditions must hold, too.
    Limit,
    /// Denies.
    Forbid,
}

/// A rule as parsed.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub kind: Kind,
    pub name: Name,
    pub line: usize,
    pub scope: Scope,
    pub per_payment: Option<AmountCap>,
    pub fee_cap: Option<FeeCap>,
    pub first_payment: Option<FirstPayment>,
    /// At most one each of an amount, a number of payments, a spacing, and a sum above which people
    /// approve, in this order.
    pub budgets: Vec<Arc<Budget>>,
    pub quorums: Vec<Arc<Quorum>>,
    pub hours: Option<Hours>,
    pub lifetime: Option<Lifetime>,
}

impl Rule {
    /// The first condition that fails by itself; budgets are for the counters to check.
    pub(super) fn check<'a>(&'a self, facts: &Facts<'_>, clock: &mut Clock<'a>) -> Result<(), Denial> {
        if let Some(lifetime) = &self.lifetime
            && !lifetime.holds(clock.now())
        {
            return Err(lifetime.denial(&self.name, clock.now()));
        }
        if let Some(hours) = &self.hours
            && !hours.open(&clock.local(hours.zone()))
        {
            return Err(hours.denial(&self.name, clock.now()));
        }
        let intent = facts.question.intent;
        if let Some(cap) = &self.per_payment
            && !cap.holds(intent.amount())
        {
            return Err(cap.denial(&self.name, intent.amount()));
        }
        match &self.fee_cap {
            Some(cap) if !cap.holds(intent.fee.as_ref()) => Err(cap.denial(&self.name, intent.fee.as_ref())),
            _ => Ok(()),
        }
    }

    /// Is this the time at which a forbid rule forbids?
    pub(super) fn is_on<'a>(&'a self, clock: &mut Clock<'a>) -> bool {
        self.lifetime.as_ref().is_none_or(|lifetime| lifetime.holds(clock.now()))
            && self.hours.as_ref().is_none_or(|hours| hours.open(&clock.local(hours.zone())))
    }

    /// Does it do what it does at any time?
    pub(super) fn is_timeless(&self) -> bool {
        self.lifetime.is_none() && self.hours.is_none()
    }

    /// Is an amount per payment its only condition?
    pub(super) fn is_only_capped(&self) -> bool {
        self.is_timeless()
            && self.budgets.is_empty()
            && self.quorums.is_empty()
            && self.fee_cap.is_none()
            && self.first_payment.is_none()
    }

    /// The cap of its amount per window, if everybody shares it.
    pub(super) fn shared_cap(&self) -> Option<Amount> {
        self.budgets.iter().find_map(|budget| match (&budget.cap, budget.per) {
            (Cap::Amount(_, cap), None) => Some(*cap),
            _ => None,
        })
    }

    /// Has it a quorum for more than an amount, be it a sum?
    pub(super) fn watch(&self) -> Option<&Arc<Budget>> {
        self.budgets.iter().find(|budget| !budget.denies())
    }
}
