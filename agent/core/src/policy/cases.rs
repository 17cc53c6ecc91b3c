//! Cases that a policy is tested with: payments, each with the verdict that is expected.
//!
//! ```toml
//! caller = "anna"                # who asks where a case does not say; so also `account`
//!
//! [[case]]
//! pay = "50.00 EUR"              # or issue, endorse, call; what moves nothing: record = true
//! account = "petty-cash"
//! to = "Fresh Market"            # a recipient of the policy, or an address
//! now = 2026-11-01T10:00:00Z
//! expect = "allow"               # or "wait", or the code of the denial
//! rule = "petty cash"            # the rule that decides or denies
//! ```
//!
//! Cases are judged in turn on the same budgets, so that the earlier ones are the history of the
//! later ones. What becomes of an allowed payment says `then`: recorded at once (as if nothing is
//! said), `held`, or `released`.

mod run;
mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::Fault;
use super::{DenialCode, PolicyError};
use crate::intent::{Action, Selector};
use crate::name::Name;
use crate::role::Roles;
use crate::time::Timestamp;

/// Cases that were read whole.
#[derive(Clone, Debug)]
pub struct Cases {
    text: String,
    cases: Vec<Case>,
}

/// Where the text of cases is wrong, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct CasesError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what was expected or what to do.
    pub message: String,
}

/// One payment and its expected verdict. Texts that a policy gives their meaning keep their place.
#[derive(Clone, Debug)]
struct Case {
    line: usize,
    action: Action,
    moves: Option<At<String>>,
    account: Name,
    to: Option<At<String>>,
    caller: Name,
    roles: Roles,
    ledger: Option<At<String>>,
    payer: Option<At<String>>,
    fee: Option<At<String>>,
    selector: Option<Selector>,
    now: Timestamp,
    approved_by: Vec<Name>,
    expect: Expected,
    rule: Option<Name>,
    message: Option<String>,
    then: Then,
}

/// A value and where it begins in the text, in bytes.
#[derive(Clone, Debug)]
struct At<T> {
    value: T,
    at: std::ops::Range<usize>,
}

/// What a case expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Allow,
    Wait,
    Deny(DenialCode),
}

/// What becomes of an allowed payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Then {
    #[default]
    Recorded,
    Held,
    Released,
}

/// What became of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// The line on which it begins.
    pub line: usize,
    /// The payment in words, like `50.00 EUR from petty-cash to Fresh Market, asked by anna`.
    pub payment: String,
    /// When it was asked.
    pub now: Timestamp,
    /// Was everything as expected?
    pub passed: bool,
    /// `allow`, `wait`, or the code of the denial.
    pub verdict: String,
    /// The rule that decided or denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Name>,
    /// Why it was denied, or for whom it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What was not as expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// Something that a case expects and the policy does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `expect`, `rule` or `message`.
    pub field: &'static str,
    /// What the case says.
    pub expected: String,
    /// What the policy says.
    pub got: String,
}

impl Cases {
    /// Reads cases. Unknown fields and texts that mean nothing are refused.
    pub fn parse(text: &str) -> Result<Self, CasesError> {
        let cases = text::cases(text).map_err(|fault| located(fault, text))?;
        Ok(Self { text: text.to_owned(), cases })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }
}

fn located(fault: Fault, text: &str) -> CasesError {
    let PolicyError { line, column, message } = fault.locate(text);
    CasesError { line, column, message }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::Wait => f.write_str("wait"),
            Self::Deny(code) => code.fmt(f),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.field, self.expected, self.got)
    }
}

#[cfg(test)]
mod tests;
