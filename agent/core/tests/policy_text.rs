//! Any text is read or refused: nothing panics, nothing takes for ever, nothing fills the memory.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod reference;

use std::time::{Duration, Instant};

use bursar_core::key::PublicKey;
use bursar_core::policy::{MAX_TEXT, Policy};
use proptest::prelude::*;
use reference::spec::bundle;
use reference::text::text;
use reference::world::key;

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn reading_never_panics(
        bundle in bundle(0.2),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..4_u8), 0..6),
        noise in "\\PC{0,200}",
    ) {
        let mut bytes = text(&bundle).into_bytes();
        for (at, byte, edit) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b"[]{}=\"'.,#\n-019tTZ:"[usize::from(byte) % 19]),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        for text in [String::from_utf8_lossy(&bytes).as_ref(), &noise] {
            match Policy::parse(text) {
                Ok(policy) => drop((policy.warnings(), policy.rules().count())),
                Err(error) => prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1),
            }
        }
    }
}

#[test]
fn deep_nesting_is_refused_or_read_and_never_overflows_the_stack() {
    let depth = 200_000;
    for text in [
        format!("x = {}", "[".repeat(depth)),
        format!("x = {}1{}", "[".repeat(depth), "]".repeat(depth)),
        format!("x = {}", "{a=".repeat(depth)),
        format!("[{}a]", "a.".repeat(depth)),
        format!("{}a = 1", "a.".repeat(depth)),
        format!("x = {{ {}a = 1 }}", "a.".repeat(depth)),
        "[[allow]]\n".repeat(depth),
    ] {
        assert!(Policy::parse(&text).is_err());
    }
}

/// Longest that reading a bundle, or refusing it, may take here: without optimisation, on a machine
/// that does other things as well. What is not bounded takes hours.
const LONG: Duration = Duration::from_secs(60);

/// Reads a bundle and looks for what is strange about it. The answer is the error, or how many rules
/// there are.
fn read(what: &str, text: &str) -> Result<usize, String> {
    assert!(text.len() <= MAX_TEXT, "{what}: {}", text.len());
    let start = Instant::now();
    let answer = Policy::parse(text).map(|policy| {
        policy.warnings();
        policy.rules().count()
    });
    let took = start.elapsed();
    assert!(took < LONG, "{what} took {took:?}");
    answer.map_err(|error| error.message)
}

fn many(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// Names in quotes, with commas.
fn names(count: usize) -> String {
    many(count, |i| format!("\"n{i}\","))
}

const EUR: &str = "version = 1\n[assets.EUR]\ndecimals = 2\n";

#[test]
fn a_hundred_thousand_rules_are_refused_with_the_bound() {
    let rules = many(100_000, |i| format!("[[allow]]\nname = \"r{i}\"\naccounts = [\"a{i}\"]\n"));
    let error = read("rules", &format!("{EUR}{rules}")).unwrap_err();
    assert_eq!(error, "the policy has 100000 rules; it may have at most 10000");
}

#[test]
fn ten_megabytes_of_anything_are_read_or_refused_soon() {
    let rules = |count: usize, lines: &str| many(count, |i| format!("[[allow]]\nname = \"r{i}\"\n{lines}\n"));
    let shop = format!("[recipients.shop]\naddress = \"{}\"\n", key(0));
    let approvers = many(60, |i| format!("[approvers.n{i}]\nkey = \"{}\"\n", key(i)));
    for (what, text, expected) in [
        ("comments", format!("{EUR}{}", "# no\n".repeat(2 << 20)), Ok(0)),
        ("one name", format!("{EUR}{}", "n".repeat(10 << 20)), Err("key with no value, expected `=`")),
        ("assets", format!("{}{}", EUR, many(150_000, |i| format!("[assets.a{i}]\ndecimals = 2\n"))), Ok(0)),
        (
            "assets in a rule",
            format!(
                "version = 1\n{}{}",
                many(150_000, |i| format!("assets.n{i}.decimals=2\n")),
                rules(1, &format!("assets = [{}]", names(150_000)))
            ),
            Ok(1),
        ),
        (
            "ledgers",
            format!("{EUR}[ledgers]\n{}", many(150_000, |i| format!("l{i} = \"{i:064x}\"\n"))),
            Ok(0),
        ),
        (
            "categories",
            format!("{EUR}{shop}categories = [{}]\n", names(1_000_000)),
            Err("a recipient has at most 64 categories, not 1000000"),
        ),
        (
            "categories of an asset",
            format!("version = 1\n[assets.EUR]\ndecimals = 2\nonly = [{}]\n", names(1_000_000)),
            Err("an asset is for at most 1000 categories, not 1000000"),
        ),
        (
            "a group in every rule",
            format!(
                "version = 1\ngroups.g = [{}]\n{}",
                names(500_000),
                rules(4000, "accounts = [\"g\"]\ncategories = [\"g\"]\npayers = [\"g\"]")
            ),
            Ok(4000),
        ),
        (
            "groups in one rule",
            format!(
                "version = 1\n{}{}",
                many(100_000, |i| format!("groups.n{i} = [\"m{i}\"]\n")),
                rules(1, &format!("accounts = [{}]", names(100_000)))
            ),
            Ok(1),
        ),
        (
            "different lists",
            format!(
                "version = 1\n{}",
                many(4000, |i| format!(
                    "[[allow]]\nname = \"r{i}\"\naccounts = [\"a{i}\", \"b{}\", \"c{}\"]\ncallers = [\"a{i}\", \"b{}\"]\n",
                    i % 97,
                    i % 101,
                    i % 89
                ))
            ),
            Ok(4000),
        ),
        (
            "quorums of one rule",
            format!(
                "version = 1\n{approvers}{}",
                rules(1, &format!("approvals = [{}]", "{need=1,from=\"n0\"},".repeat(400_000)))
            ),
            Err("a rule has at most 16 quorums, not 400000"),
        ),
        (
            "names in one quorum",
            format!(
                "version = 1\n{approvers}{}",
                rules(1, &format!("approvals = [{{need=1,from=[{}]}}]", "\"n1\",".repeat(1_500_000)))
            ),
            Err("from lists at most 32 names, not 1500000; make a group of them"),
        ),
        (
            "people of one quorum",
            format!(
                "version = 1\ngroups.all = [{}]\n{approvers}{}",
                names(1001),
                rules(1, "approvals = [{need=1,from=\"all\"}]")
            ),
            Err("a quorum is asked of at most 1000 people, not 1001"),
        ),
        (
            "quorums of all rules",
            format!(
                "version = 1\ngroups.all = [{}]\n{approvers}{}",
                names(60),
                rules(9000, &format!("approvals = [{}]", "{need=1,from=\"all\"},".repeat(16)))
            ),
            Err(
                "the quorums of all rules together name more than 250000 people; ask fewer, or in fewer rules",
            ),
        ),
    ] {
        let found = read(what, &text);
        assert_eq!(found.as_ref().map_err(String::as_str), expected.as_ref().map_err(|e| *e), "{what}");
    }
}

#[test]
fn a_hundred_thousand_recipients_and_ten_thousand_rules_are_read() {
    // Every second number is a point of the curve.
    let keys = (2_u64..).filter_map(|number| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        PublicKey::ed25519(bytes).ok()
    });
    let recipient = |(i, key)| format!("[recipients.n{i}]\naddress = \"{key}\"\n");
    let recipients: String = (0..100_000).zip(keys).map(recipient).collect();
    let rules = many(10_000, |i| format!("[[allow]]\nname = \"r{i}\"\nrecipients = [\"n{}\"]\n", i % 1000));
    assert_eq!(read("recipients", &format!("{EUR}{recipients}{rules}")), Ok(10_000));
}
