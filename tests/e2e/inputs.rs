//! Names that only look right (fault 27), and amounts that are none (faults 28 and 29).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bursar_tests::daemon::Daemon;
use bursar_tests::files;
use bursar_tests::policy::{GROCERIES, bundle, recipient};
use bursar_tests::programs;
use bursar_tests::world::World;
use serde_json::{Value, json};

/// Asks under a key of its own.
fn ask(agent: &Daemon, from: &str, to: &str, amount: &str) -> (u16, Value) {
    let key = format!("{:x}", md(&[from, to, amount]));
    agent.api().pay(&key, from, to, amount)
}

/// Tells requests apart.
fn md(parts: &[&str]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn a_recipient_that_only_looks_right_is_unknown() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    let address = recipient(1).address();
    let tagged = recipient(1).to_string();
    for to in [
        "Fresh Mark\u{435}t",           // Cyrillic е
        "Fr\u{435}sh Market",           // Cyrillic е
        "Fresh \u{39c}arket",           // Greek Μ
        "\u{202e}tekraM hserF",         // written backwards, shown forwards
        "Fresh\u{202d} Market",         // left-to-right override
        "Fresh\u{2066} Market\u{2069}", // isolates
        "Fresh\u{200b} Market",         // zero width space
        "Fresh\u{200d} Market",         // zero width joiner
        "\u{feff}Fresh Market",         // byte order mark
        "Fresh\u{a0}Market",            // no-break space
        "Fresh\u{2003}Market",          // em space
        "Fresh Market ",
        " Fresh Market",
        "Fresh  Market",
        "Fresh\tMarket",
        "Fresh Market\n",
        "Fresh Market\0",
        "fresh market",
        "FRESH MARKET",
        "Fresh market",
        "Ｆresh Market",       // full width
        "Fre\u{301}sh Market", // combining accent
        "\"Fresh Market\"",
        "Fresh+Market",
        "Fresh%20Market",
        "FreshMarket",
        &address.to_uppercase(),
        &format!("B{}", &address[1..]),
        &format!("{}q", &address[..address.len() - 1]),
        &format!(" {address}"),
        &format!("{address} "),
        &tagged.to_uppercase(),
        &tagged.replace("ed25519:", "ed25519: "),
        &tagged.replace("ed25519:", "p256:"),
        tagged.trim_start_matches("ed25519:"),
    ] {
        let (status, says) = ask(&agent, "expenses", to, "1.00 EUR");
        assert_eq!((status, says["code"].as_str()), (403, Some("unknown-recipient")), "{to:?}: {says}");
        let detail = says["detail"].as_str().unwrap();
        let shown =
            |c: char| !c.is_control() && !"\u{202d}\u{202e}\u{2066}\u{2069}\u{200b}\u{feff}".contains(c);
        assert!(detail.chars().all(shown), "{to:?} is repeated as it is: {detail:?}");
        assert!(detail.contains("bursar policy show"), "{detail}");
    }
    assert!(files::entries(&world.home()).is_empty());
    // The canonical spellings are all that match.
    for to in ["Fresh Market", &address, &tagged] {
        assert_eq!(ask(&agent, "expenses", to, "1.00 EUR").0, 201, "{to}");
    }
}

#[test]
fn an_account_or_asset_that_only_looks_right_is_none() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    for from in ["Expenses", "EXPENSES", "expense", "expensess", "audit", "node"] {
        let (status, says) = ask(&agent, from, "Fresh Market", "1.00 EUR");
        assert_eq!(
            (status, says["type"].as_str()),
            (422, Some("urn:bursar:problem:unknown-account")),
            "{says}"
        );
        assert!(says["detail"].as_str().unwrap().contains("this agent has expenses"), "{says}");
    }
    for from in ["exp\u{435}nses", "expenses ", " expenses", "expenses\u{200b}", "", "\u{202e}sesnepxe"] {
        let (status, says) = ask(&agent, from, "Fresh Market", "1.00 EUR");
        assert_eq!(
            (status, says["type"].as_str()),
            (400, Some("urn:bursar:problem:malformed")),
            "{from:?}: {says}"
        );
    }
    for amount in ["1.00 eur", "1.00 Eur", "1.00 EURO", "1.00 USD"] {
        let (status, says) = ask(&agent, "expenses", "Fresh Market", amount);
        assert_eq!((status, says["code"].as_str()), (403, Some("unknown-asset")), "{amount:?}: {says}");
        assert!(says["detail"].as_str().unwrap().contains("it has EUR"), "{says}");
    }
    for amount in ["1.00 \u{415}UR", "1.00 EUR\u{200b}", "1.00 \u{202e}RUE", "1.00 \u{20ac}"] {
        let (status, says) = ask(&agent, "expenses", "Fresh Market", amount);
        assert_eq!(
            (status, says["type"].as_str()),
            (400, Some("urn:bursar:problem:malformed")),
            "{amount:?}: {says}"
        );
    }
    assert!(files::entries(&world.home()).is_empty());
}

#[test]
fn what_is_no_amount_is_told_the_accepted_form() {
    let points = "[assets.POINT]\ndecimals = 0\n\n[[allow]]\nname = \"points\"\nassets = [\"POINT\"]\n";
    let world = World::new(programs!(), &bundle(&format!("{points}{GROCERIES}")));
    let agent = world.serve();
    let before = files::records(&world.home()).len();
    let euro = [
        "-1 EUR",
        "+1 EUR",
        "1e3 EUR",
        "1E3 EUR",
        "01 EUR",
        "00 EUR",
        "-0 EUR",
        "NaN EUR",
        "nan EUR",
        "inf EUR",
        "Infinity EUR",
        "0x10 EUR",
        "1. EUR",
        ".5 EUR",
        "1.005 EUR",
        "1.0000 EUR",
        "1,50 EUR",
        "1.000,00 EUR",
        "1_000 EUR",
        "1'000 EUR",
        "1.5.0 EUR",
        "\t1 EUR",
        "1\u{a0} EUR",
        "\u{661} EUR",
        "\u{ff11} EUR",
        "\u{2212}1 EUR",
        "1\u{200b} EUR",
        " EUR",
        "EUR EUR",
        "--1 EUR",
        "1/2 EUR",
        "50% EUR",
        "1.-5 EUR",
    ];
    for amount in euro {
        let (status, says) = ask(&agent, "expenses", "Fresh Market", amount);
        assert!([400, 422].contains(&status), "{amount:?}: {status} {says}");
        assert!(says["detail"].as_str().unwrap().contains("120.50 EUR"), "{amount:?}: {says}");
    }
    for amount in ["1.5 POINT", "1.0 POINT", "-1 POINT", "01 POINT", "1e3 POINT"] {
        let (status, says) = ask(&agent, "expenses", "Fresh Market", amount);
        assert_eq!(
            (status, says["type"].as_str()),
            (422, Some("urn:bursar:problem:amount")),
            "{amount:?}: {says}"
        );
        assert!(says["detail"].as_str().unwrap().contains("12050 POINT"), "{amount:?}: {says}");
    }
    for amount in [
        "",
        " ",
        "1",
        "1.00",
        "1.00EUR",
        "1.00  EUR",
        " 1.00 EUR",
        "1.00 EUR ",
        "1.00 EUR\n",
        "EUR 1.00",
        "1.00\tEUR",
    ] {
        let (status, says) = ask(&agent, "expenses", "Fresh Market", amount);
        assert!([400, 422].contains(&status), "{amount:?}: {status} {says}");
        assert!(says["detail"].as_str().unwrap().contains("120.50 EUR"), "{amount:?}: {says}");
    }
    assert_eq!(files::records(&world.home()).len(), before, "what is no amount is no decision");
    // Nothing at all is no payment.
    let (status, says) = ask(&agent, "expenses", "Fresh Market", "0.00 EUR");
    assert!([403, 422].contains(&status), "{says}");
    assert!(files::entries(&world.home()).is_empty());
    for amount in ["1 EUR", "1.5 EUR", "1.50 EUR", "0.01 EUR"] {
        assert_eq!(ask(&agent, "expenses", "Fresh Market", amount).0, 201, "{amount}");
    }
    let paid: Vec<_> = files::entries(&world.home()).iter().map(files::Entry::units).collect();
    assert_eq!(paid, [100, 150, 150, 1]);
}

/// 2^256 - 1 cents, as `python3 -c 'print((2**256-1)/100)'` would if it were exact.
const LARGEST: &str = "1157920892373161954235709850086879078532699846656405640394575840079131296399.35 EUR";

#[test]
fn sums_and_amounts_beyond_256_bits_are_denied() {
    let rule = format!(
        "[[allow]]\nname = \"all\"\naccounts = [\"expenses\"]\ncategories = [\"supermarket\"]\nbudget = {{ amount = \"{LARGEST}\", rolling = \"7d\" }}\n"
    );
    let world = World::new(programs!(), &bundle(&rule));
    let agent = world.serve();
    for amount in [
        &LARGEST.replace(".35", ".36"),
        &format!("{} EUR", "9".repeat(78)),
        &format!("{} EUR", "9".repeat(120)),
        &format!("1{} EUR", "0".repeat(76)),
    ] {
        let (status, says) = ask(&agent, "expenses", "Fresh Market", amount);
        assert_eq!((status, says["type"].as_str()), (422, Some("urn:bursar:problem:amount")), "{says}");
        assert!(says["detail"].as_str().unwrap().contains("2^256 - 1"), "{says}");
    }
    let (status, _) = ask(&agent, "expenses", "Fresh Market", &format!("{} EUR", "9".repeat(5000)));
    assert_eq!(status, 400);
    // The largest amount is held, and refused by the ledger for want of funds; no sum wraps round it.
    let (status, held) = ask(&agent, "expenses", "Fresh Market", LARGEST);
    assert_eq!((status, held["state"].as_str()), (202, Some("refused")), "{held}");
    assert!(held["reason"].as_str().unwrap().contains("1000.00 EUR"), "{held}");
    for amount in ["0.01 EUR", "1.00 EUR", LARGEST] {
        let (status, says) = agent.api().pay(&format!("again {amount}"), "expenses", "Fresh Market", amount);
        assert_eq!(status, 403, "{amount}: {says}");
        assert!(["budget", "overflow"].contains(&says["code"].as_str().unwrap()), "{says}");
    }
    agent.kill();
    let agent = world.serve();
    let (status, says) = ask(&agent, "expenses", "Fresh Market", "0.02 EUR");
    assert_eq!(status, 403, "{says}");
    assert!(files::entries(&world.home()).is_empty());
}

/// Explaining is not deciding, and takes the same inputs to be wrong.
#[test]
fn explaining_refuses_the_same_and_holds_nothing() {
    let world = World::new(programs!(), &bundle(GROCERIES));
    let agent = world.serve();
    let before = files::records(&world.home());
    for (to, amount, status) in [
        ("Fresh Market", "1.00 EUR", 200),
        ("Fresh Mark\u{435}t", "1.00 EUR", 200),
        ("Fresh Market", "-1 EUR", 422),
        ("Fresh Market", "1.00EUR", 400),
    ] {
        let body = json!({ "from": "expenses", "to": to, "amount": amount }).to_string();
        let answer = agent.api().send("POST", "/v1/policy/explain", "", body.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{to} {amount}: {answer:?}");
        if status == 200 {
            assert_eq!(answer.json()["allowed"], to.is_ascii(), "{answer:?}");
        }
    }
    assert_eq!(files::records(&world.home()), before);
}
