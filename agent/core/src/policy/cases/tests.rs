#![allow(clippy::unwrap_used)]
use super::*;
use crate::policy::Policy;

const POLICY: &str = r#"
    version = 1
    [approvers.ben]
    key = "ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"
    [ledgers]
    town = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
    [payers.card]
    address = "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e"
    [assets.EUR]
    decimals = 2
    [recipients.Shop]
    address = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    [[allow]]
    name = "small"
    accounts = ["a"]
    per_payment = "50.00 EUR"
    budget = { amount = "80.00 EUR", rolling = "24h" }
    fee_cap = "0.10 EUR"
    first_payment = "20.00 EUR"
    [[allow]]
    name = "big"
    accounts = ["b"]
    assets = ["EUR"]
    approvals = [{ need = 1, from = "ben" }]
    [[allow]]
    name = "nodes"
    action = "endorse"
    ledger = "town"
    roles = ["node"]
    payers = ["card"]
    [[allow]]
    name = "books"
    action = ["record", "call"]
    selectors = ["0xa9059cbb"]
    accounts = ["c"]
"#;

fn run(cases: &str) -> Vec<Tried> {
    Cases::parse(cases).unwrap().run(&Policy::parse(POLICY).unwrap()).unwrap()
}

#[test]
fn every_field_has_its_meaning() {
    let cases = r#"
        caller = "anna"
        [[case]]
        pay = "20.01 EUR"
        account = "a"
        to = "Shop"
        now = 2026-11-22T09:30:00Z
        expect = "first-payment"
        [[case]]
        pay = "20.00 EUR"
        account = "a"
        to = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        fee = "0.10 EUR"
        now = 2026-11-22T10:30:00+01:00
        expect = "allow"
        rule = "small"
        [[case]]
        pay = "50.00 EUR"
        account = "a"
        to = "Shop"
        now = 2026-11-22T09:31:00Z
        expect = "allow"
        then = "released"
        [[case]]
        pay = "50.00 EUR"
        account = "a"
        to = "Shop"
        now = 2026-11-22T09:32:00Z
        expect = "allow"
        then = "held"
        # 20 are spent and 50 held; the 50 that were given back do not count.
        [[case]]
        pay = "10.01 EUR"
        account = "a"
        to = "Shop"
        now = 2026-11-22T09:33:00Z
        expect = "budget"
        rule = "small"
        message = 'rule "small": 80.00 EUR in any 24 hours; 70.00 EUR are used, 10.00 EUR are left, asked 10.01 EUR'
        [[case]]
        pay = "10.00 EUR"
        fee = "0.11 EUR"
        account = "a"
        to = "Shop"
        now = 2026-11-22T09:33:00Z
        expect = "fee"
        [[case]]
        pay = "1.00 EUR"
        account = "b"
        to = "Shop"
        now = 2026-11-22T09:33:00Z
        expect = "wait"
        rule = "big"
        message = 'rule "big" needs 1 of ben (ben can)'
        [[case]]
        pay = "1.00 EUR"
        account = "b"
        to = "Shop"
        approved_by = ["ben"]
        now = 2026-11-22T09:33:00Z
        expect = "allow"
        # Who asks does not approve.
        [[case]]
        pay = "1.00 EUR"
        account = "b"
        to = "Shop"
        caller = "ben"
        approved_by = ["ben"]
        now = 2026-11-22T09:33:00Z
        expect = "approval"
        [[case]]
        endorse = "1.00 EUR"
        account = "node"
        roles = ["node"]
        ledger = "town"
        payer = "card"
        to = "Shop"
        now = 2026-11-22T09:33:00Z
        expect = "allow"
        rule = "nodes"
        [[case]]
        endorse = "1.00 EUR"
        account = "node"
        roles = ["node"]
        ledger = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
        to = "Shop"
        now = 2026-11-22T09:33:00Z
        expect = "unknown-payer"
        [[case]]
        call = true
        selector = "0xa9059cbb"
        account = "c"
        now = 2026-11-22T09:33:00Z
        expect = "allow"
        [[case]]
        record = true
        account = "c"
        now = 2026-11-22T09:33:00Z
        expect = "no-rule"
        [[case]]
        pay = "1.00 USD"
        account = "a"
        to = "Shop"
        now = 2026-11-22T09:33:00Z
        expect = "unknown-asset"
        [[case]]
        pay = "1.00 EUR"
        account = "a"
        to = "shop"
        now = 2026-11-22T09:33:00Z
        expect = "unknown-recipient"
    "#;
    let wrong: Vec<Tried> = run(cases).into_iter().filter(|tried| !tried.passed).collect();
    assert_eq!(wrong, []);
}

#[test]
fn differences_are_told_one_by_one() {
    let tried = run(r#"
        [[case]]
        pay = "50.01 EUR"
        account = "a"
        to = "Shop"
        now = 2026-11-22T09:33:00Z
        expect = "allow"
        rule = "big"
        message = "no"
        [[case]]
        pay = "1.00 EUR"
        account = "a"
        to = "Shop"
        now = 2026-11-22T09:33:00Z
        expect = "allow"
        message = "no"
    "#);
    assert_eq!((tried[0].line, tried[1].line), (2, 10));
    assert_eq!(tried[0].payment, "50.01 EUR from a to Shop, asked by anybody");
    let words = |tried: &Tried| tried.differences.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        words(&tried[0]),
        [
            "expect: expected allow, got per-payment",
            "rule: expected big, got small",
            "message: expected no, got rule \"small\": 50.00 EUR a payment at most; asked 50.01 EUR",
        ]
    );
    assert_eq!(words(&tried[1]), ["message: expected no, got none"]);
}

#[test]
fn faults_are_found_at_their_place() {
    let case = "[[case]]\npay = \"1.00 EUR\"\naccount = \"a\"\nto = \"Shop\"\nnow = 2026-11-22T09:33:00Z\nexpect = \"allow\"\n";
    let with = |from: &str, to: &str| case.replace(from, to);
    let policy = Policy::parse(POLICY).unwrap();
    for (text, place, what) in [
        (String::new(), (1, 1), "there is no case"),
        (with("pay =", "pays ="), (2, 1), "unknown field `pays`"),
        (with("pay = \"1.00 EUR\"\n", ""), (1, 1), "this case does nothing"),
        (with("account = \"a\"", "record = true\naccount = \"a\""), (3, 10), "a case does one thing"),
        (with("account = \"a\"\n", ""), (1, 1), "no account"),
        (with("T09:33:00Z", ""), (5, 7), "2026-11-22 is no moment"),
        (with("\"allow\"", "\"alow\""), (6, 10), "unknown variant `alow`"),
        (with("pay = \"1.00 EUR\"", "record = false"), (2, 10), "write true"),
        (with("pay = \"1.00 EUR\"", "pay = 1"), (2, 7), "expected an amount like"),
        (with("1.00 EUR", "1.001 EUR"), (2, 7), "is not an amount of EUR"),
        (with("1.00 EUR", "1.00"), (2, 7), "expected an amount with its asset"),
        (with("Shop", "ed25519:00"), (4, 6), "is not a public key"),
        (with("to =", "ledger = \"city\"\nto ="), (4, 10), "the policy has no ledger \"city\""),
        (with("to =", "payer = \"dog\"\nto ="), (4, 9), "no payer or recipient \"dog\""),
    ] {
        let error = Cases::parse(&text).and_then(|cases| cases.run(&policy)).unwrap_err();
        assert_eq!((error.line, error.column), place, "{error}\n{text}");
        assert!(error.message.contains(what), "{error}");
    }
}
