//! Whole policies, one scenario each: `policies/NAME.toml` with `policies/NAME.cases.toml`, and
//! faulty ones in `policies/bad/` whose first line says where the fault is and what is expected.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};

use bursar_core::policy::{Cases, MAX_RULES, MAX_TEXT, Policy};

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

#[test]
fn every_case_has_the_expected_verdict() {
    for path in files("", ".cases.toml") {
        let read = |path: &str| std::fs::read_to_string(path).unwrap();
        let path = path.to_str().unwrap();
        let policy = Policy::parse(&read(&path.replace(".cases.toml", ".toml"))).unwrap();
        let tried = Cases::parse(&read(path)).unwrap().run(&policy).unwrap();
        let wrong: Vec<_> = tried.iter().filter(|tried| !tried.passed).collect();
        assert!(wrong.is_empty() && !tried.is_empty(), "{path}: {wrong:#?}");
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
