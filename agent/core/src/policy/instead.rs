//! The smallest change to a payment that would be allowed.

mod amount;
mod later;
mod other;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::counters::{Counters, Unmet};
use super::denial::{Denial, DenialCode, list};
use super::judge::{Question, Verdict, judge};
use super::quorum::Wanted;
use super::{Permit, Policy};
use crate::name::Name;
use crate::role::Role;
use crate::time::Timestamp;

/// One change with which the same payment would be allowed: each was judged again.
///
/// It is true of the moment in which it was asked: a later time assumes that nothing else is spent
/// until then, and that what is held stays so. In JSON like
/// `{"change":"amount","at_most":"12.40 EUR"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instead {
    /// What to change.
    #[serde(flatten)]
    pub change: Change,
    /// Who would have to approve it even then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Wanted>,
}

/// What of a payment to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// Pay less: this is the largest amount.
    Amount {
        /// Like `12.40 EUR`.
        at_most: String,
    },
    /// Let the ledger take less for it.
    Fee {
        /// Like `0.020 ETH`.
        at_most: String,
    },
    /// Wait: this is the earliest time.
    Time {
        /// From then on.
        from: Timestamp,
    },
    /// Pay from another account: any of these.
    Account {
        /// At most five.
        accounts: Vec<Name>,
    },
    /// Have somebody else ask: any of these.
    Caller {
        /// At most five.
        callers: Vec<Name>,
    },
    /// Have a caller ask who is there for one of these.
    Role {
        /// Any of them.
        roles: Vec<Role>,
    },
    /// Pay somebody else: for example these.
    Recipient {
        /// At most five.
        recipients: Vec<Name>,
        /// What they are, as far as it matters.
        categories: Vec<Name>,
    },
    /// Change nothing, and have it approved.
    Approval,
}

/// A payment that was not allowed, and what it was judged by.
struct Asked<'a> {
    policy: &'a Policy,
    question: &'a Question<'a>,
    counters: &'a Counters,
    voters: &'a BTreeSet<Name>,
}

/// What would become of a payment.
enum Outcome {
    Allowed,
    Waiting(Vec<Wanted>),
    Denied(Denial),
}

impl Outcome {
    fn is_denied(&self) -> bool {
        matches!(self, Self::Denied(_))
    }

    fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }

    fn approvals(self) -> Vec<Wanted> {
        match self {
            Self::Waiting(wanted) => wanted,
            Self::Allowed | Self::Denied(_) => Vec::new(),
        }
    }
}

/// The smallest changes with which this payment would be allowed; none if it is, or if no single
/// change is enough.
///
/// Of a payment that waits: with which it would not have to; and who has to approve it.
pub fn instead(
    policy: &Policy,
    question: &Question<'_>,
    counters: &Counters,
    voters: &BTreeSet<Name>,
) -> Vec<Instead> {
    let asked = Asked { policy, question, counters, voters };
    let mut found = Vec::new();
    match asked.outcome(question) {
        Outcome::Allowed => return found,
        Outcome::Waiting(approvals) => {
            found.push(Instead { change: Change::Approval, approvals });
            found.extend(amount::largest(&asked, Outcome::is_allowed));
            found.extend(later::earliest(&asked, Outcome::is_allowed));
        }
        Outcome::Denied(denial) => {
            let less = amount::largest(&asked, |outcome| !outcome.is_denied());
            if less.as_ref().is_some_and(|less| !less.approvals.is_empty()) {
                found.extend(amount::largest(&asked, Outcome::is_allowed));
            }
            found.extend(less);
            found.extend(amount::largest_fee(&asked));
            found.extend(later::earliest(&asked, |outcome| !outcome.is_denied()));
            match denial.code {
                DenialCode::NoRule => other::nearest(&asked, &mut found),
                DenialCode::Purpose => other::recipients(&asked, |_| true, &mut found),
                _ => {}
            }
        }
    }
    found
}

impl Asked<'_> {
    fn outcome(&self, question: &Question<'_>) -> Outcome {
        let checked = |permit: &Permit| self.counters.check(permit, self.voters, question.now);
        match judge(self.policy, question) {
            Verdict::Deny(denial) => Outcome::Denied(denial),
            Verdict::Allow(permit) => match checked(&permit) {
                Ok(()) => Outcome::Allowed,
                Err(Unmet::Waiting(wanted)) => Outcome::Waiting(wanted),
                Err(Unmet::Denied(denial)) => Outcome::Denied(denial),
            },
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount { at_most } => write!(f, "at most {at_most} now"),
            Self::Fee { at_most } => write!(f, "with a fee of {at_most} at most"),
            Self::Time { from } => write!(f, "from {from} on"),
            Self::Account { accounts } => write!(f, "from the account {}", list(accounts)),
            Self::Caller { callers } => write!(f, "asked by {}", list(callers)),
            Self::Role { roles } => {
                let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
                write!(f, "asked by a caller with the role {}", roles.join(" or "))
            }
            Self::Recipient { recipients, categories } if categories.is_empty() => {
                write!(f, "to {}", list(recipients))
            }
            Self::Recipient { recipients, categories } => {
                write!(f, "to somebody who is {}, like {}", list(categories), list(recipients))
            }
            Self::Approval => f.write_str("as it is"),
        }
    }
}

impl fmt::Display for Instead {
    /// `at most 12.40 EUR now`, `as it is, once approved: rule "payroll" needs 2 of managers (…)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.change)?;
        for (i, wanted) in self.approvals.iter().enumerate() {
            write!(f, "{}{wanted}", if i == 0 { ", once approved: " } else { "; " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
