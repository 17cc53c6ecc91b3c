//! How long it takes to compare two bundles.
//!
//! `cargo bench -p bursar-core --bench diff`
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a benchmark may stop")]

#[path = "support/key.rs"]
mod key;

use std::fmt::Write;

use bursar_core::policy::Policy;
use bursar_core::policy::diff::{DiffError, diff};
use bursar_core::time::Timestamp;
use divan::Bencher;
use key::key;

fn main() {
    divan::main();
}

fn since() -> Timestamp {
    "2026-11-22T09:30:00Z".parse().unwrap()
}

/// How the rules lie to each other.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Each for an account of its own.
    Apart,
    /// Each for some of 50 accounts, 40 categories and 20 callers, over and over each other.
    Overlapping,
    /// As overlapping, with hours in three zones.
    Hours,
}

/// What the new bundle has changed.
#[derive(Clone, Copy, Debug)]
enum Changed {
    Nothing,
    /// The amount of three allows, far from each other.
    Three,
    /// A limit on every payment.
    Everywhere,
    /// The order of all rules.
    Order,
}

/// Numbers that look random and are always the same.
fn some(seed: usize, of: usize, count: usize) -> Vec<usize> {
    let mut state = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % of
        })
        .collect()
}

fn names(prefix: &str, numbers: &[usize]) -> String {
    numbers.iter().map(|number| format!("\"{prefix}{number}\"")).collect::<Vec<_>>().join(", ")
}

fn text(rules: usize, recipients: usize, shape: Shape, changed: Changed) -> String {
    let mut text = "version = 1\n[assets.EUR]\ndecimals = 2\n[assets.USD]\ndecimals = 2\n".to_owned();
    for i in 0..recipients {
        writeln!(text, "[recipients.shop-{i}]\naddress = \"{}\"\ncategories = [\"c{}\"]", key(i), i % 40)
            .unwrap();
    }
    let everywhere = if matches!(changed, Changed::Everywhere) { "52.00" } else { "400.00" };
    writeln!(text, "[[limit]]\nname = \"all\"\nper_payment = \"{everywhere} EUR\"").unwrap();
    let mut order: Vec<usize> = (1..rules).collect();
    if matches!(changed, Changed::Order) {
        order.reverse();
    }
    for i in order {
        let kind = if i % 5 == 0 { "limit" } else { "allow" };
        let cap = match changed {
            Changed::Three if [101, 502, 903].contains(&i) => 77,
            _ => 50 + i % 7,
        };
        writeln!(text, "[[{kind}]]\nname = \"r{i}\"\nper_payment = \"{cap}.00 EUR\"").unwrap();
        match shape {
            Shape::Apart => {
                writeln!(text, "accounts = [\"a{i}\"]\ncategories = [{}]", names("c", &some(i, 40, 3)))
                    .unwrap();
            }
            Shape::Overlapping | Shape::Hours => {
                writeln!(text, "accounts = [{}]", names("a", &some(i, 50, 3))).unwrap();
                writeln!(text, "categories = [{}]", names("c", &some(i + 7, 40, 3))).unwrap();
                writeln!(text, "callers = [{}]", names("p", &some(i + 9, 20, 3))).unwrap();
            }
        }
        if matches!(shape, Shape::Hours) {
            let zone = ["Europe/Berlin", "America/New_York", "Asia/Gaza"][i % 3];
            writeln!(text, "hours = {{ from = \"0{}:30\", to = \"18:00\", zone = \"{zone}\" }}", i % 9)
                .unwrap();
        }
    }
    text
}

fn pair(rules: usize, recipients: usize, shape: Shape, changed: Changed) -> [Policy; 2] {
    [Changed::Nothing, changed]
        .map(|changed| Policy::parse(&text(rules, recipients, shape, changed)).unwrap())
}

#[divan::bench(args = [
    (1000, 100, Shape::Apart, Changed::Nothing), (1000, 100, Shape::Apart, Changed::Three),
    (1000, 100, Shape::Apart, Changed::Everywhere), (1000, 100, Shape::Apart, Changed::Order),
    (1000, 100, Shape::Overlapping, Changed::Nothing), (1000, 100, Shape::Overlapping, Changed::Three),
    (1000, 100, Shape::Overlapping, Changed::Everywhere), (1000, 100, Shape::Overlapping, Changed::Order),
    (1000, 100, Shape::Hours, Changed::Three), (1000, 100_000, Shape::Overlapping, Changed::Three),
    (10_000, 100, Shape::Apart, Changed::Three),
], sample_count = 5)]
fn diff_rules_recipients(
    bencher: Bencher,
    (rules, recipients, shape, changed): (usize, usize, Shape, Changed),
) {
    let [old, new] = pair(rules, recipients, shape, changed);
    let differ = diff(&old, &new, since()).map(|difference| !difference.is_none());
    // Rules that never meet mean the same in any order.
    let same = matches!((shape, changed), (_, Changed::Nothing) | (Shape::Apart, Changed::Order));
    assert_eq!(differ, Ok(!same));
    bencher.bench_local(|| diff(&old, &new, since()));
}

/// Limits over random halves of everything: every combination has others of them.
#[divan::bench(sample_count = 1)]
fn until_it_refuses(bencher: Bencher) {
    let halves = |cap: u32| {
        let mut text = "version = 1\n[assets.EUR]\ndecimals = 2\n".to_owned();
        for i in 0..200 {
            writeln!(text, "[recipients.shop{i}]\naddress = \"{}\"", key(i)).unwrap();
        }
        writeln!(text, "[[allow]]\nname = \"all\"").unwrap();
        for i in 0..400 {
            writeln!(text, "[[limit]]\nname = \"r{i}\"\nper_payment = \"{}.00 EUR\"", cap + i).unwrap();
            writeln!(text, "accounts = [{}]", names("a", &some(i as usize, 200, 100))).unwrap();
            writeln!(text, "callers = [{}]", names("p", &some(i as usize + 5, 200, 100))).unwrap();
            writeln!(text, "recipients = [{}]", names("shop", &some(i as usize + 9, 200, 100))).unwrap();
        }
        Policy::parse(&text).unwrap()
    };
    let (old, new) = (halves(50), halves(51));
    bencher.bench_local(|| assert_eq!(diff(&old, &new, since()).err(), Some(DiffError::TooMany)));
}
