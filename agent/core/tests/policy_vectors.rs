//! Whole policies, one scenario each: `policies/NAME.toml` with `policies/NAME.cases.toml`, and
//! faulty ones in `policies/bad/` whose first line says where the fault is and what is expected.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bursar_core::amount::Asset;
use bursar_core::intent::{Action, Intent, LedgerId, Selector, Value};
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{
    Counters, MAX_RULES, MAX_TEXT, Permit, Policy, Question, Span, Unmet, Verdict, explain, judge,
};
use bursar_core::role::Role;
use bursar_core::time::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// The fields of `bursar policy test`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    pay: Option<Moves>,
    record: Option<Moves>,
    issue: Option<Moves>,
    rotate: Option<Moves>,
    endorse: Option<Moves>,
    call: Option<Moves>,
    account: Name,
    to: Option<String>,
    caller: Option<Name>,
    #[serde(default)]
    roles: Vec<Role>,
    ledger: Option<String>,
    payer: Option<String>,
    fee: Option<String>,
    selector: Option<Selector>,
    now: toml::value::Datetime,
    #[serde(default)]
    approved_by: BTreeSet<Name>,
    expect: String,
    rule: Option<String>,
    message: Option<String>,
    then: Option<String>,
}

/// An amount with its asset, or `true` for what moves nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Moves {
    Amount(String),
    Nothing(bool),
}

fn files(folder: &str, ends: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ends))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn action(case: &Case) -> (Action, Moves) {
    let actions = [
        (Action::Pay, &case.pay),
        (Action::Record, &case.record),
        (Action::Issue, &case.issue),
        (Action::Rotate, &case.rotate),
        (Action::Endorse, &case.endorse),
        (Action::Call, &case.call),
    ];
    let mut found = actions.into_iter().filter_map(|(action, moves)| Some((action, moves.clone()?)));
    let action = found.next().expect("a case does something");
    assert!(found.next().is_none(), "a case does one thing");
    action
}

fn value(policy: &Policy, text: &str) -> Value {
    let (number, name) = text.split_once(' ').unwrap();
    let unknown = Asset::new(name.parse().unwrap(), 2).unwrap();
    let asset = policy.asset(name).unwrap_or(&unknown);
    Value { asset: asset.name().clone(), amount: asset.parse(number).unwrap() }
}

/// The address of a recipient or payer of the policy, or one as it is written.
fn address(policy: &Policy, name: &str) -> PublicKey {
    let text: toml::Table = policy.text().parse().unwrap();
    let payer = text.get("payers").and_then(|payers| payers.get(name)?.get("address")?.as_str());
    match (payer, policy.recipient(name)) {
        (Some(payer), _) => payer.parse().unwrap(),
        (None, Some(recipient)) => recipient.address,
        (None, None) => name.parse().unwrap(),
    }
}

fn intent(policy: &Policy, case: &Case, now: Timestamp) -> Intent {
    let (action, moves) = action(case);
    let ledger = case.ledger.as_ref().map(|ledger| {
        let known = policy.ledgers().find(|(name, _)| name.as_str() == ledger);
        known.map_or_else(|| ledger.parse().unwrap(), |(_, id)| *id)
    });
    Intent {
        action,
        ledger: ledger.unwrap_or(LedgerId([7; 32])),
        from: case.payer.as_ref().map_or(PublicKey::P256([2; 33]), |payer| address(policy, payer)),
        to: case.to.as_ref().map(|to| address(policy, to)),
        value: match moves {
            Moves::Amount(text) => Some(value(policy, &text)),
            Moves::Nothing(nothing) => {
                assert!(nothing);
                None
            }
        },
        fee: case.fee.as_ref().map(|fee| value(policy, fee)),
        selector: case.selector,
        created: now,
        valid_until: now.plus_millis(60_000),
    }
}

/// Verdict, rule and message.
type Found = (String, Option<Name>, Option<String>);

fn found(policy: &Policy, counters: &mut Counters, case: &Case, at: &str) -> Found {
    let now: Timestamp = case.now.to_string().parse().unwrap();
    let intent = intent(policy, case, now);
    let caller = case.caller.clone().unwrap_or_else(|| "anna".parse().unwrap());
    let question = Question {
        intent: &intent,
        account: &case.account,
        caller: &caller,
        roles: case.roles.iter().copied().collect(),
        now,
    };
    let explained = explain(policy, &question, counters, &case.approved_by);
    let (denial, wanted) = match judge(policy, &question) {
        Verdict::Deny(denial) => (Some(denial), Vec::new()),
        Verdict::Allow(permit) => match counters.reserve(&permit, &case.approved_by, now) {
            Err(Unmet::Denied(denial)) => (Some(denial), Vec::new()),
            Err(Unmet::Waiting(wanted)) => (None, wanted),
            Ok(()) => {
                assert!(explained.allowed, "{at}: {explained:?}");
                happen(counters, case, &permit, &intent, now);
                return ("allow".to_owned(), Some(permit.rule().clone()), None);
            }
        },
    };
    assert_eq!(
        (&explained.denial, &explained.approvals, explained.allowed),
        (&denial, &wanted, false),
        "{at}"
    );
    match denial {
        Some(denial) => (denial.code.to_string(), denial.rule, Some(denial.message)),
        None => {
            let message = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            ("wait".to_owned(), Some(wanted[0].rule.clone()), Some(message))
        }
    }
}

/// What becomes of an allowed payment.
fn happen(counters: &mut Counters, case: &Case, permit: &Permit, intent: &Intent, now: Timestamp) {
    // What is recorded is what a replay counts.
    let text = serde_json::to_string(permit.draws()).unwrap();
    let draws: Vec<_> = serde_json::from_str(&text).unwrap();
    assert_eq!(draws, permit.draws());
    match case.then.as_deref() {
        None => {
            counters.settle(&draws, Span { earliest: now, latest: now });
            intent.to.into_iter().for_each(|to| counters.learn(&case.account, to));
        }
        Some("held") => {}
        Some("released") => counters.release(&draws),
        Some(other) => panic!("{other}"),
    }
}

#[test]
fn every_case_has_the_expected_verdict() {
    for path in files("", ".cases.toml") {
        let policy_path = path.to_str().unwrap().replace(".cases.toml", ".toml");
        let policy = Policy::parse(&std::fs::read_to_string(policy_path).unwrap()).unwrap();
        let cases: Cases = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut counters = Counters::default();
        for (number, case) in cases.case.iter().enumerate() {
            let (action, moves) = action(case);
            let at = format!("{} case {} ({action} {moves:?} to {:?})", path.display(), number + 1, case.to);
            let (verdict, rule, message) = found(&policy, &mut counters, case, &at);
            assert_eq!(verdict, case.expect, "{at}: {rule:?} {message:?}");
            if let Some(expected) = &case.message {
                assert_eq!(message.as_ref(), Some(expected), "{at}");
            }
            if let Some(expected) = &case.rule {
                assert_eq!(rule.as_ref().map(Name::as_str), Some(expected.as_str()), "{at}");
            }
        }
    }
}

#[test]
fn every_fault_is_found_at_its_place() {
    let mut wrong = Vec::new();
    for path in files("bad", ".toml") {
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = text.lines().next().unwrap().strip_prefix("# ").unwrap();
        let found = Policy::parse(&text).err().map_or("it is read".to_owned(), |error| error.to_string());
        if found != expected {
            wrong.push(format!("{}:\n  {found}\nnot\n  {expected}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_hash_is_that_of_the_text() {
    // `printf 'version = 1\n' | sha256sum`
    let policy = Policy::parse("version = 1\n").unwrap();
    assert_eq!(
        data_encoding::HEXLOWER.encode(&policy.hash()),
        "dbab12665d98aef021ba64953c61b0ed8a908cfb56a1c01e2fcb4b052b71a2a1"
    );
    assert_eq!(policy.text(), "version = 1\n");
}

#[test]
fn too_much_is_refused_with_the_bound() {
    let rules: String = (0..=MAX_RULES).map(|i| format!("[[allow]]\nname = \"r{i}\"\n")).collect();
    assert_eq!(
        Policy::parse(&format!("version = 1\n{rules}")).unwrap_err().to_string(),
        "policy line 20003, column 8: the policy has 10001 rules; it may have at most 10000"
    );
    let one_less = rules.rfind("[[allow]]").unwrap();
    assert_eq!(
        Policy::parse(&format!("version = 1\n{}", &rules[..one_less])).unwrap().rules().count(),
        MAX_RULES
    );
    let error = Policy::parse(&" ".repeat(MAX_TEXT + 1)).unwrap_err().to_string();
    assert_eq!(error, "policy line 1, column 1: the policy has 16777217 bytes; it may have at most 16777216");
}

#[test]
fn names_of_groups_are_told_from_others() {
    let policy = Policy::parse("version = 1\n[groups]\nstaff = [\"anna\", \"ben\"]\n").unwrap();
    for (name, is_group) in [("staff", true), ("anna", false), ("Staff", false), ("", false)] {
        assert_eq!(policy.group_named(name), is_group, "{name}");
    }
}
