//! Whole policies, one scenario each: `policies/NAME.toml` with `policies/NAME.cases.toml`, and
//! faulty ones in `policies/bad/` whose first line says where the fault is and what is expected.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};

use bursar_core::amount::Asset;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{Counters, MAX_RULES, MAX_TEXT, Policy, Question, Span, Verdict, explain, judge};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    pay: String,
    account: Name,
    to: String,
    caller: Option<Name>,
    now: toml::value::Datetime,
    expect: String,
    rule: Option<String>,
    message: Option<String>,
    then: Option<String>,
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

fn intent(policy: &Policy, case: &Case, now: Timestamp) -> Intent {
    let (number, name) = case.pay.split_once(' ').unwrap();
    let unknown = Asset::new(name.parse().unwrap(), 2).unwrap();
    let asset = policy.asset(name).unwrap_or(&unknown);
    let to = match policy.recipient(&case.to) {
        Some(recipient) => recipient.address,
        None => case.to.parse().unwrap(),
    };
    Intent {
        action: Action::Pay,
        ledger: LedgerId([7; 32]),
        from: PublicKey::P256([2; 33]),
        to: Some(to),
        value: Some(Value { asset: asset.name().clone(), amount: asset.parse(number).unwrap() }),
        fee: None,
        selector: None,
        created: now,
        valid_until: now.plus_millis(60_000),
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
            let at = format!("{} case {} ({} to {})", path.display(), number + 1, case.pay, case.to);
            let now: Timestamp = case.now.to_string().parse().unwrap();
            let intent = intent(&policy, case, now);
            let caller = case.caller.clone().unwrap_or_else(|| "anna".parse().unwrap());
            let question = Question {
                intent: &intent,
                account: &case.account,
                caller: &caller,
                roles: Roles::NONE,
                now,
            };
            let explained = explain(&policy, &question, &counters, &Default::default());
            let denial = match judge(&policy, &question) {
                Verdict::Deny(denial) => Some(denial),
                Verdict::Allow(permit) => match counters.reserve(&permit, &Default::default(), now) {
                    Err(unmet) => unmet.denial(),
                    Ok(()) => {
                        // What is recorded is what a replay counts.
                        let text = serde_json::to_string(permit.draws()).unwrap();
                        let draws: Vec<_> = serde_json::from_str(&text).unwrap();
                        assert_eq!(draws, permit.draws(), "{at}");
                        match case.then.as_deref() {
                            None => counters.settle(&draws, Span { earliest: now, latest: now }),
                            Some("held") => {}
                            Some("released") => counters.release(&draws),
                            Some(other) => panic!("{at}: {other}"),
                        }
                        assert!(
                            case.rule.as_deref().is_none_or(|rule| rule == permit.rule().as_str()),
                            "{at}"
                        );
                        None
                    }
                },
            };
            let found = denial.as_ref().map_or("allow", |denial| denial.code.as_str());
            assert_eq!(found, case.expect, "{at}: {denial:?}");
            assert_eq!(explained.denial, denial, "{at}");
            assert_eq!(explained.allowed, denial.is_none(), "{at}");
            if let Some(denial) = denial {
                assert!(
                    case.message.as_ref().is_none_or(|message| *message == denial.message),
                    "{at}: {denial}"
                );
                if let Some(rule) = &case.rule {
                    assert_eq!(denial.rule.unwrap().as_str(), rule, "{at}");
                }
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
