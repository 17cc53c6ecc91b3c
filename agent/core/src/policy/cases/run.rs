//! Judging cases.

use std::collections::BTreeSet;

use super::{At, Case, Cases, CasesError, Difference, Expected, Then, Tried, located};
use crate::amount::Asset;
use crate::intent::{Intent, LedgerId, Value};
use crate::key::PublicKey;
use crate::policy::counters::{Counters, Span, Unmet};
use crate::policy::denial::{Denial, DenialCode, list};
use crate::policy::error::Fault;
use crate::policy::judge::{Permit, Question, Verdict, judge};
use crate::policy::{Policy, Recipient};

/// Where a policy has no such asset, its amounts have so many decimals.
const DECIMALS: u8 = 2;
/// Where a case names no ledger, and the payer's address where it names nobody: no policy knows them.
const LEDGER: LedgerId = LedgerId([0; 32]);
const PAYER: PublicKey = PublicKey::P256([0; 33]);
/// How long a payment of a case may be recorded, in milliseconds.
const LIFE: i64 = 60_000;

/// What the policy says.
struct Word {
    verdict: Expected,
    rule: Option<crate::name::Name>,
    message: Option<String>,
}

impl Cases {
    /// Judges every case in turn, with budgets that are empty at the beginning.
    ///
    /// # Errors
    /// A text that this policy cannot read: an amount with too many decimals, an unknown ledger.
    pub fn run(&self, policy: &Policy) -> Result<Vec<Tried>, CasesError> {
        let mut counters = Counters::default();
        let tried = |case| try_one(policy, &mut counters, case);
        self.cases.iter().map(tried).collect::<Result<_, _>>().map_err(|fault| located(fault, &self.text))
    }
}

fn try_one(policy: &Policy, counters: &mut Counters, case: &Case) -> Result<Tried, Fault> {
    let word = match intent(policy, case)? {
        Err(denial) => Word::denied(denial),
        Ok(intent) => word(policy, counters, case, &intent),
    };
    let mut differences = Vec::new();
    let mut compare = |field, expected: Option<String>, got: Option<String>| {
        if let Some(expected) = expected.filter(|expected| got.as_ref() != Some(expected)) {
            differences.push(Difference { field, expected, got: got.unwrap_or_else(|| "none".to_owned()) });
        }
    };
    compare("expect", Some(case.expect.to_string()), Some(word.verdict.to_string()));
    compare("rule", case.rule.as_ref().map(ToString::to_string), word.rule.as_ref().map(ToString::to_string));
    compare("message", case.message.clone(), word.message.clone());
    Ok(Tried {
        line: case.line,
        payment: case.words(),
        now: case.now,
        passed: differences.is_empty(),
        verdict: word.verdict.to_string(),
        rule: word.rule,
        message: word.message,
        differences,
    })
}

/// What the case's transaction does; or why there can be none, because the policy lacks a name.
fn intent(policy: &Policy, case: &Case) -> Result<Result<Intent, Denial>, Fault> {
    let to = match case.to.as_ref().map(|to| address(policy, to)).transpose()? {
        Some(Err(denial)) => return Ok(Err(denial)),
        Some(Ok(address)) => Some(address),
        None => None,
    };
    let ledger = match &case.ledger {
        None => LEDGER,
        Some(At { value, at }) => match policy.ledgers.get(value.as_str()) {
            Some(id) => *id,
            None => value.parse().map_err(|error| {
                Fault::new(at, format_args!("the policy has no ledger \"{value}\", and as an id: {error}"))
            })?,
        },
    };
    let from = match &case.payer {
        None => PAYER,
        Some(At { value, at }) => {
            let payer = policy.payers.iter().find(|(_, name)| name.as_str() == value).map(|(key, _)| *key);
            match payer.or_else(|| policy.recipient(value).map(|recipient| recipient.address)) {
                Some(key) => key,
                None => value.parse().map_err(|error| {
                    Fault::new(
                        at,
                        format_args!(
                            "the policy has no payer or recipient \"{value}\", and as an address: {error}"
                        ),
                    )
                })?,
            }
        }
    };
    Ok(Ok(Intent {
        action: case.action,
        ledger,
        from,
        to,
        value: case.moves.as_ref().map(|text| value(policy, text)).transpose()?,
        fee: case.fee.as_ref().map(|text| value(policy, text)).transpose()?,
        selector: case.selector,
        created: case.now,
        valid_until: case.now.plus_millis(LIFE),
    }))
}

/// The address behind a name of the policy, or an address as it is. A name that the policy does not
/// know is denied, as the agent denies it.
fn address(policy: &Policy, At { value, at }: &At<String>) -> Result<Result<PublicKey, Denial>, Fault> {
    if let Some(Recipient { address, .. }) = policy.recipient(value) {
        return Ok(Ok(*address));
    }
    if value.contains(':') || value.starts_with(crate::key::ADDRESS_PREFIX) {
        return value.parse().map(Ok).map_err(|error| Fault::new(at, error));
    }
    let message = format!("the policy has no recipient {value:?}; names are compared byte by byte");
    Ok(Err(Denial::plain(DenialCode::UnknownRecipient, message)))
}

fn value(policy: &Policy, At { value, at }: &At<String>) -> Result<Value, Fault> {
    let (_, name) = value
        .split_once(' ')
        .ok_or_else(|| Fault::new(at, "expected an amount with its asset, like \"50.00 EUR\""))?;
    let unknown = name
        .parse()
        .map_err(|error| Fault::new(at, error))
        .and_then(|name| Asset::new(name, DECIMALS).map_err(|error| Fault::new(at, error)))?;
    let asset = policy.asset(name).unwrap_or(&unknown);
    let amount = asset.parse(value).map_err(|error| Fault::new(at, error))?;
    Ok(Value { asset: asset.name().clone(), amount })
}

fn word(policy: &Policy, counters: &mut Counters, case: &Case, intent: &Intent) -> Word {
    let question =
        Question { intent, account: &case.account, caller: &case.caller, roles: case.roles, now: case.now };
    let permit = match judge(policy, &question) {
        Verdict::Deny(denial) => return Word::denied(denial),
        Verdict::Allow(permit) => permit,
    };
    let voters: BTreeSet<_> = case.approved_by.iter().cloned().collect();
    match counters.reserve(&permit, &voters, case.now) {
        Ok(()) => {
            happen(counters, case, intent, &permit);
            Word { verdict: Expected::Allow, rule: Some(permit.rule().clone()), message: None }
        }
        Err(Unmet::Denied(denial)) => Word::denied(denial),
        Err(Unmet::Waiting(wanted)) => Word {
            verdict: Expected::Wait,
            rule: wanted.first().map(|wanted| wanted.rule.clone()),
            message: Some(wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        },
    }
}

/// What becomes of an allowed payment.
fn happen(counters: &mut Counters, case: &Case, intent: &Intent, permit: &Permit) {
    match case.then {
        Then::Held => {}
        Then::Released => counters.release(permit.draws()),
        Then::Recorded => {
            counters.settle(permit.draws(), Span { earliest: case.now, latest: case.now });
            if let Some(to) = intent.to {
                counters.learn(&case.account, to);
            }
        }
    }
}

impl Word {
    fn denied(denial: Denial) -> Self {
        Self { verdict: Expected::Deny(denial.code), rule: denial.rule, message: Some(denial.message) }
    }
}

impl Case {
    /// The payment as a person would say it.
    fn words(&self) -> String {
        let mut words = match (&self.moves, self.action.as_str()) {
            (Some(moves), "pay") => moves.value.clone(),
            (Some(moves), action) => format!("{action} {}", moves.value),
            (None, action) => action.to_owned(),
        };
        words.push_str(&format!(" from {}", self.account));
        if let Some(to) = &self.to {
            words.push_str(&format!(" to {}", to.value));
        }
        words.push_str(&format!(", asked by {}", self.caller));
        if !self.approved_by.is_empty() {
            words.push_str(&format!(", approved by {}", list(&self.approved_by)));
        }
        words
    }
}
