//! The text of cases, before a policy gives names and amounts their meaning.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::value::Datetime;

use super::{At, Case, Expected, Then};
use crate::intent::{Action, Selector};
use crate::name::Name;
use crate::policy::MAX_TEXT;
use crate::policy::denial::DenialCode;
use crate::policy::error::{Fault, Lines};
use crate::role::Role;
use crate::time::Timestamp;

/// Who asks where neither a case nor the head of the file says it.
const ANYBODY: &str = "anybody";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    caller: Option<Name>,
    account: Option<Name>,
    #[serde(default)]
    case: Vec<Spanned<Raw>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    pay: Option<Spanned<Moves>>,
    record: Option<Spanned<Moves>>,
    issue: Option<Spanned<Moves>>,
    rotate: Option<Spanned<Moves>>,
    endorse: Option<Spanned<Moves>>,
    call: Option<Spanned<Moves>>,
    account: Option<Name>,
    to: Option<Spanned<String>>,
    caller: Option<Name>,
    #[serde(default)]
    roles: Vec<Role>,
    ledger: Option<Spanned<String>>,
    payer: Option<Spanned<String>>,
    fee: Option<Spanned<String>>,
    selector: Option<Selector>,
    now: Spanned<Datetime>,
    #[serde(default)]
    approved_by: Vec<Name>,
    expect: Spanned<String>,
    rule: Option<Name>,
    message: Option<String>,
    #[serde(default)]
    then: Then,
}

/// An amount with its asset, or `true` for what moves nothing.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected an amount like \"50.00 EUR\", or true for what moves nothing")]
enum Moves {
    Amount(String),
    Nothing(bool),
}

pub(super) fn cases(text: &str) -> Result<Vec<Case>, Fault> {
    if text.len() > MAX_TEXT {
        let what = format_args!("the cases have {} bytes; they may have at most {MAX_TEXT}", text.len());
        return Err(Fault::new(&(0..0), what));
    }
    let lines = Lines::of(text);
    let File { caller, account, case } = toml::from_str(text)?;
    if case.is_empty() {
        return Err(Fault::new(
            &(0..0),
            "there is no case; write [[case]] with pay, account, to, now and expect",
        ));
    }
    let caller = match caller {
        Some(caller) => caller,
        None => ANYBODY.parse().map_err(|error| Fault::new(&(0..0), error))?,
    };
    case.into_iter().map(|raw| one(raw, &lines, &caller, account.as_ref())).collect()
}

fn one(raw: Spanned<Raw>, lines: &Lines, caller: &Name, account: Option<&Name>) -> Result<Case, Fault> {
    let at = raw.span();
    let raw = raw.into_inner();
    let mut actions = [
        (Action::Pay, raw.pay),
        (Action::Record, raw.record),
        (Action::Issue, raw.issue),
        (Action::Rotate, raw.rotate),
        (Action::Endorse, raw.endorse),
        (Action::Call, raw.call),
    ]
    .into_iter()
    .filter_map(|(action, moves)| Some((action, moves?)));
    let (action, moves) = actions.next().ok_or_else(|| {
        Fault::new(&at, "this case does nothing; write one of pay, record, issue, rotate, endorse and call")
    })?;
    if let Some((other, second)) = actions.next() {
        return Err(Fault::new(
            &second.span(),
            format_args!("a case does one thing; this one does {action} as well as {other}"),
        ));
    }
    let moves_at = moves.span();
    let moves = match moves.into_inner() {
        Moves::Amount(value) => Some(At { value, at: moves_at }),
        Moves::Nothing(true) => None,
        Moves::Nothing(false) => {
            return Err(Fault::new(&moves_at, "write true for what moves nothing, or leave it out"));
        }
    };
    let expect = expected(&raw.expect)?;
    let account = raw.account.as_ref().or(account);
    Ok(Case {
        line: lines.line(at.start),
        action,
        moves,
        account: account
            .cloned()
            .ok_or_else(|| Fault::new(&at, "this case has no account; write account = \"NAME\""))?,
        to: raw.to.map(placed),
        caller: raw.caller.unwrap_or_else(|| caller.clone()),
        roles: raw.roles.into_iter().collect(),
        ledger: raw.ledger.map(placed),
        payer: raw.payer.map(placed),
        fee: raw.fee.map(placed),
        selector: raw.selector,
        now: moment(&raw.now)?,
        approved_by: raw.approved_by,
        expect,
        rule: raw.rule,
        message: raw.message,
        then: raw.then,
    })
}

fn placed(text: Spanned<String>) -> At<String> {
    let at = text.span();
    At { value: text.into_inner(), at }
}

fn moment(raw: &Spanned<Datetime>) -> Result<Timestamp, Fault> {
    let written = raw.get_ref().to_string();
    let parsed = written.parse::<jiff::Timestamp>().ok().and_then(Timestamp::of_jiff);
    parsed.ok_or_else(|| {
        Fault::new(
            &raw.span(),
            format_args!("{written} is no moment; write it with its offset, like 2026-11-22T09:30:00Z"),
        )
    })
}

fn expected(raw: &Spanned<String>) -> Result<Expected, Fault> {
    let text = raw.get_ref().as_str();
    let code: Result<DenialCode, serde::de::value::Error> = DenialCode::deserialize(text.into_deserializer());
    match (text, code) {
        ("allow", _) => Ok(Expected::Allow),
        ("wait", _) => Ok(Expected::Wait),
        (_, Ok(code)) => Ok(Expected::Deny(code)),
        (_, Err(error)) => Err(Fault::new(
            &raw.span(),
            format_args!("expected \"allow\", \"wait\" or the code of a denial: {error}"),
        )),
    }
}
