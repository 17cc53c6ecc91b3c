//! Yubico's own test suite, from the source distribution of its Python client, unmodified.

#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use program::{Running, given};

/// Tests that the suite has.
const TESTS: usize = 348;
/// What does not pass, and why. Nothing may be added that the hardware passes.
const NOT_PASSED: &[(&str, &str)] = &[];

#[test]
fn the_suite_of_the_python_client_passes() {
    let device = Running::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.xml");
    let output = Command::new(given("BURSAR_TEST_PYTHON"))
        .current_dir(given("BURSAR_TEST_YUBICO_SUITE"))
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"])
        .args(["--backend", &device.url, "-o", "junit_family=xunit1", "--junit-xml"])
        .arg(&report)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let report = fs::read_to_string(&report).unwrap_or_else(|_| panic!("{said}"));
    let outcomes = outcomes(&report);
    let passed = outcomes.values().filter(|outcome| **outcome == "passed").count();
    println!("{passed} of {} passed", outcomes.len());
    let allowed: BTreeMap<_, _> = NOT_PASSED.iter().copied().collect();
    let others: Vec<_> = outcomes
        .iter()
        .filter(|(name, outcome)| **outcome != "passed" && !allowed.contains_key(name.as_str()))
        .collect();
    assert!(others.is_empty(), "{others:?}\n{said}");
    assert_eq!(outcomes.len(), TESTS, "{said}");
    for (name, reason) in allowed {
        assert!(outcomes.get(name).is_some_and(|outcome| *outcome != "passed"), "{name} passes ({reason})");
    }
}

/// Each test's name and what became of it, from a JUnit report.
fn outcomes(report: &str) -> BTreeMap<String, &str> {
    let mut outcomes = BTreeMap::new();
    for case in report.split("<testcase ").skip(1) {
        let attribute = |name: &str| {
            let start = case.find(&format!(" {name}=\"")).map(|at| at + name.len() + 3);
            let start =
                start.or_else(|| case.strip_prefix(&format!("{name}=\"")).map(|_| name.len() + 2)).unwrap();
            case[start..].split('"').next().unwrap()
        };
        let name = format!("{}::{}", attribute("classname"), attribute("name"));
        let marks = ["<failure", "<error", "<skipped"];
        let found = marks.into_iter().find(|mark| case.contains(mark));
        assert!(outcomes.insert(name, found.map_or("passed", |mark| &mark[1..])).is_none());
    }
    outcomes
}
