//! The past judged by another bundle.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use serde::Serialize;

use super::Policy;
use super::counters::{Counters, Span, Unmet};
use super::denial::{Denial, DenialCode};
use super::draw::Draw;
use super::judge::{Question, Verdict, judge};
use crate::key::PublicKey;
use crate::name::Name;

/// What was said of a payment, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Allowed, waiting or denied.
    pub verdict: Answer,
    /// The rule that decided or denied, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Name>,
    /// Why it was denied, or whom it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The kinds of verdicts. Only a change from one to another flips a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It could be paid.
    Allowed,
    /// Somebody had to approve it first.
    Waiting,
    /// It could not.
    Denied,
}

/// A payment of which the other bundle says something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flip {
    /// What was said then.
    pub then: Said,
    /// What the other bundle says.
    pub now: Said,
}

/// Judges a past from its beginning, payment by payment, as if this bundle had always been in force.
///
/// Budgets fill with what this bundle allows: a payment that it denies draws nothing, whatever
/// became of it, and one that was denied then and would be allowed counts as recorded when it was
/// asked. Memory grows with the payments under way and the budgets in use, not with the past.
#[derive(Debug)]
pub struct Replay<'a> {
    policy: &'a Policy,
    counters: Counters,
    /// What payments that are under way draw, and whom they pay.
    open: HashMap<u64, Open>,
    asked: u64,
    flips: u64,
}

#[derive(Debug)]
struct Open {
    /// Nothing where this bundle does not allow it.
    draws: Vec<Draw>,
    paid: Option<(Name, PublicKey)>,
}

/// Payments between two searches for budgets that are empty again.
const SWEEP: u64 = 65_536;

impl<'a> Replay<'a> {
    /// Before anything was asked.
    pub fn new(policy: &'a Policy) -> Self {
        Self { policy, counters: Counters::default(), open: HashMap::new(), asked: 0, flips: 0 }
    }

    /// A payment was asked for, approved by these people, and this was said. Answers the flip, if
    /// it is one. Payments come in the order of their times, each under an id of its own.
    pub fn asked(
        &mut self,
        id: u64,
        question: &Question<'_>,
        voters: &BTreeSet<Name>,
        then: Said,
    ) -> Option<Flip> {
        self.asked += 1;
        if self.asked.is_multiple_of(SWEEP) {
            self.counters.advance(question.now);
        }
        let (now, draws) = match judge(self.policy, question) {
            Verdict::Deny(denial) => (Said::denied(denial), Vec::new()),
            Verdict::Allow(permit) => match self.counters.reserve(&permit, voters, question.now) {
                Ok(()) => (Said::allowed(permit.rule().clone()), permit.draws().to_vec()),
                Err(Unmet::Denied(denial)) => (Said::denied(denial), Vec::new()),
                Err(unmet @ Unmet::Waiting(_)) => (Said::unmet(&unmet), Vec::new()),
            },
        };
        let paid = question.intent.to.filter(|_| now.verdict == Answer::Allowed);
        let paid = paid.map(|to| (question.account.clone(), to));
        match (then.verdict, now.verdict) {
            (Answer::Allowed, _) => drop(self.open.insert(id, Open { draws, paid })),
            // Nobody knows when it would have been recorded.
            (_, Answer::Allowed) => {
                self.counters.settle(&draws, Span { earliest: question.now, latest: question.now });
                paid.iter().for_each(|(account, to)| self.counters.learn(account, *to));
            }
            _ => {}
        }
        self.compare(then, now)
    }

    /// A payment was asked for that could not even be judged, because this bundle lacks a name that
    /// it uses; and this was said then.
    pub fn asked_in_vain(&mut self, denial: Denial, then: Said) -> Option<Flip> {
        self.asked += 1;
        self.compare(then, Said::denied(denial))
    }

    fn compare(&mut self, then: Said, now: Said) -> Option<Flip> {
        if then.verdict == now.verdict {
            return None;
        }
        self.flips += 1;
        Some(Flip { then, now })
    }

    /// A payment that was allowed then was recorded, or may have been: at some time in this span.
    pub fn settled(&mut self, id: u64, span: Span) {
        let Some(Open { draws, paid }) = self.open.remove(&id) else { return };
        self.counters.settle(&draws, span);
        if let Some((account, to)) = paid {
            self.counters.learn(&account, to);
        }
    }

    /// A payment that was allowed then provably was never recorded.
    pub fn released(&mut self, id: u64) {
        if let Some(open) = self.open.remove(&id) {
            self.counters.release(&open.draws);
        }
    }

    /// How many payments were judged.
    pub fn judged(&self) -> u64 {
        self.asked
    }

    /// How many of them flipped.
    pub fn flips(&self) -> u64 {
        self.flips
    }

    /// How full the budgets would be at the end.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Said {
    /// This rule allows it.
    pub fn allowed(rule: Name) -> Self {
        Self { verdict: Answer::Allowed, rule: Some(rule), why: None }
    }

    /// Denied. What nobody approved in time was waiting.
    pub fn denied(denial: Denial) -> Self {
        let verdict = if denial.code == DenialCode::Lapsed { Answer::Waiting } else { Answer::Denied };
        Self { verdict, rule: denial.rule, why: Some(denial.message) }
    }

    fn unmet(unmet: &Unmet) -> Self {
        match unmet {
            Unmet::Denied(denial) => Self::denied(denial.clone()),
            Unmet::Waiting(wanted) => Self {
                verdict: Answer::Waiting,
                rule: wanted.first().map(|wanted| wanted.rule.clone()),
                why: Some(wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
            },
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allowed => "allowed",
            Self::Waiting => "waiting",
            Self::Denied => "denied",
        })
    }
}

#[cfg(test)]
mod tests;
