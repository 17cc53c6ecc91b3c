//! The difference of two bundles: scenarios, one file each, and bundles that mean the same.
//!
//! A file holds both bundles, the regions as far as they matter (each field as in the JSON that the
//! command prints), and the changes beside the rules.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::path::Path;

use bursar_core::policy::Policy;
use bursar_core::policy::diff::{Way, diff, never};
use bursar_core::time::Timestamp;
use serde_json::Value;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    since: Timestamp,
    old: String,
    new: String,
    #[serde(default)]
    region: Vec<Value>,
    #[serde(default)]
    change: Vec<Value>,
    /// Why they are not compared.
    refused: Option<String>,
}

/// Is all of this in the other? Lists are whole.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| holds(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| holds(whole, part))
        }
        _ => whole == part,
    }
}

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

fn check(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let scenario: Scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let [old, new] = [&scenario.old, &scenario.new]
        .map(|text| Policy::parse(text).unwrap_or_else(|error| panic!("{path:?}: {error}")));
    let difference = match diff(&old, &new, scenario.since) {
        Ok(difference) => difference,
        Err(error) => return assert_eq!(Some(error.to_string()), scenario.refused, "{path:?}"),
    };
    assert_eq!(scenario.refused, None, "{path:?}");
    let printed = serde_json::to_value(&difference).unwrap();
    let regions = printed["regions"].as_array().unwrap();
    assert_eq!(regions.len(), scenario.region.len(), "{path:?}: {printed:#}");
    for expected in &scenario.region {
        let found = regions.iter().filter(|region| holds(region, expected)).count();
        assert_eq!(found, 1, "{path:?}: {expected}\nis not one of\n{}", lines(regions));
    }
    let changes = printed["changes"].as_array().unwrap();
    assert_eq!(changes, &scenario.change, "{path:?}: {}", lines(changes));
    assert_eq!(difference.is_none(), scenario.region.is_empty() && scenario.change.is_empty());
    for region in &difference.regions {
        let [old, new] = [&old, &new].map(|policy| never(policy, &region.witness.question()).is_none());
        let verdicts = match region.way {
            Way::NewlyAllowed => [false, true],
            Way::NewlyDenied => [true, false],
            Way::OtherTerms => [true, true],
        };
        assert_eq!([old, new], verdicts, "{path:?}: {region:?}");
    }
}

#[test]
fn scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/diff");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 8, "{files:?}");
    files.iter().for_each(|path| check(path));
}
