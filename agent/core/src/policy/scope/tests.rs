//! One table for each list of a scope: what it takes, what it does not, groups, and an empty one.

#![allow(clippy::unwrap_used)]

use crate::intent::{Action, Intent, LedgerId, Selector, Value};
use crate::key::PublicKey;
use crate::policy::{DenialCode, Policy, Question, Verdict, judge};
use crate::role::{Role, Roles};
use crate::time::Timestamp;

const HEAD: &str = r#"
version = 1
[groups]
desks = ["cash", "card"]
staff = ["anna", "ben"]
cards = ["visa", "cash"]
shops = ["Market", "Pharmacy"]
everyday = ["food", "drugs"]
[ledgers]
town = "1111111111111111111111111111111111111111111111111111111111111111"
city = "2222222222222222222222222222222222222222222222222222222222222222"
[payers.visa]
address = "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e"
[assets.EUR]
decimals = 2
[assets.USD]
decimals = 2
[recipients.Market]
address = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
categories = ["food"]
[recipients.Pharmacy]
address = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
categories = ["drugs", "food"]
[recipients.Casino]
address = "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
categories = ["casino", "food"]
[recipients.Friend]
address = "ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"
"#;
/// The payer "visa", and nobody that the bundle knows: the base point of P-256.
const VISA: &str = "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e";
const STRANGER: &str = "p256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";

/// 5.00 EUR from cash to Market, asked by anna, on the ledger town.
#[derive(Clone)]
struct Pay {
    action: Action,
    ledger: u8,
    from: &'static str,
    account: &'static str,
    caller: &'static str,
    roles: Roles,
    to: Option<&'static str>,
    asset: Option<&'static str>,
    selector: Option<[u8; 4]>,
}

fn pay() -> Pay {
    Pay {
        action: Action::Pay,
        ledger: 0x11,
        from: STRANGER,
        account: "cash",
        caller: "anna",
        roles: Roles::of(&[Role::Requester]),
        to: Some("Market"),
        asset: Some("EUR"),
        selector: None,
    }
}

fn bare(action: Action) -> Pay {
    Pay { action, to: None, asset: None, ..pay() }
}

fn call(selector: Option<[u8; 4]>) -> Pay {
    Pay { selector, ..bare(Action::Call) }
}

fn endorse(from: &'static str) -> Pay {
    Pay { action: Action::Endorse, from, ..pay() }
}

fn denial(rules: &str, pay: &Pay) -> Option<DenialCode> {
    let policy = Policy::parse(&format!("{HEAD}{rules}")).unwrap_or_else(|error| panic!("{error}\n{rules}"));
    let now: Timestamp = "2026-11-22T09:30:00Z".parse().unwrap();
    let intent = Intent {
        action: pay.action,
        ledger: LedgerId([pay.ledger; 32]),
        from: pay.from.parse::<PublicKey>().unwrap(),
        to: pay.to.map(|name| policy.recipient(name).unwrap().address),
        value: pay.asset.map(|asset| Value { asset: asset.parse().unwrap(), amount: 500.into() }),
        fee: None,
        selector: pay.selector.map(Selector),
        created: now,
        valid_until: now,
    };
    let (account, caller) = (pay.account.parse().unwrap(), pay.caller.parse().unwrap());
    let question = Question { intent: &intent, account: &account, caller: &caller, roles: pay.roles, now };
    match judge(&policy, &question) {
        Verdict::Allow(_) => None,
        Verdict::Deny(denial) => Some(denial.code),
    }
}

/// Payments that an allow with these lines takes, and some that no rule allows then.
fn allows(lines: &str, taken: &[Pay], others: &[Pay]) {
    let rule = format!("[[allow]]\nname = \"a\"\n{lines}\n");
    for (pays, expected) in [(taken, None), (others, Some(DenialCode::NoRule))] {
        for (at, pay) in pays.iter().enumerate() {
            assert_eq!(denial(&rule, pay), expected, "{lines}: {at}");
        }
    }
}

#[test]
fn actions() {
    allows("", &[pay()], &[bare(Action::Record), bare(Action::Rotate), endorse(VISA)]);
    allows("action = \"pay\"", &[pay()], &[Pay { action: Action::Issue, ..pay() }]);
    allows("action = \"issue\"", &[Pay { action: Action::Issue, ..pay() }], &[pay()]);
    let some = "action = [\"record\", \"rotate\"]";
    allows(some, &[bare(Action::Record), bare(Action::Rotate)], &[pay(), call(Some([1; 4]))]);
    allows("action = \"endorse\"", &[endorse(VISA)], &[pay()]);
    allows("action = []", &[], &[pay(), bare(Action::Record)]);
    // A payment to nobody, or of nothing, is none.
    allows("", &[], &[Pay { to: None, ..pay() }, Pay { asset: None, ..pay() }]);
}

#[test]
fn selectors() {
    let lines = "action = \"call\"\nselectors = [\"0xa9059cbb\", \"0x01010101\"]";
    let known = [0xa9, 0x05, 0x9c, 0xbb];
    allows(lines, &[call(Some(known)), call(Some([1; 4]))], &[call(Some([2; 4])), call(None), pay()]);
    allows("action = \"call\"\nselectors = []", &[], &[call(Some(known)), call(None)]);
}

#[test]
fn ledgers() {
    let city = || Pay { ledger: 0x22, ..pay() };
    let other = || Pay { ledger: 0x33, ..pay() };
    allows("", &[pay(), city(), other()], &[]);
    allows("ledger = \"town\"", &[pay()], &[city(), other()]);
    allows("ledger = [\"city\", \"town\"]", &[pay(), city()], &[other()]);
    allows("ledger = []", &[], &[pay()]);
}

#[test]
fn accounts() {
    let from = |account| Pay { account, ..pay() };
    allows("", &[from("cash"), from("desks")], &[]);
    allows("accounts = [\"cash\"]", &[from("cash")], &[from("card"), from("Cash")]);
    // A group is its members, and nobody's name.
    allows("accounts = [\"desks\"]", &[from("cash"), from("card")], &[from("desks"), from("main")]);
    allows("accounts = []", &[], &[from("cash")]);
}

#[test]
fn payers() {
    let from = |account| Pay { account, ..pay() };
    // Who pays for itself is the account; in an endorsement, whoever has the key.
    allows("payers = [\"cash\"]", &[from("cash")], &[from("visa")]);
    allows("payers = [\"cards\"]", &[from("cash"), from("visa")], &[from("card")]);
    let endorsing = |account| Pay { account, ..endorse(VISA) };
    let lines = "action = \"endorse\"\npayers = [\"visa\"]";
    allows(lines, &[endorsing("cash"), endorsing("visa")], &[from("visa")]);
    allows("action = \"endorse\"\npayers = [\"cash\"]", &[], &[endorsing("cash")]);
    allows("payers = []", &[], &[from("cash")]);
    let rule = "[[allow]]\nname = \"a\"\naction = \"endorse\"\n";
    assert_eq!(denial(rule, &endorse(STRANGER)), Some(DenialCode::UnknownPayer));
}

#[test]
fn assets() {
    let of = |asset| Pay { asset: Some(asset), ..pay() };
    allows("", &[of("EUR"), of("USD")], &[]);
    allows("assets = [\"USD\"]", &[of("USD")], &[of("EUR")]);
    allows("assets = [\"USD\", \"EUR\"]", &[of("EUR"), of("USD")], &[]);
    // Amounts imply it; what moves nothing is in no asset.
    allows("per_payment = \"9.00 USD\"", &[of("USD")], &[of("EUR")]);
    allows("action = \"record\"\nassets = [\"EUR\"]", &[], &[bare(Action::Record)]);
    allows("assets = []", &[], &[of("EUR")]);
    let rule = "[[allow]]\nname = \"a\"\n";
    assert_eq!(denial(rule, &of("XXX")), Some(DenialCode::UnknownAsset));
}

#[test]
fn callers() {
    let by = |caller| Pay { caller, ..pay() };
    allows("", &[by("anna"), by("eve")], &[]);
    allows("callers = [\"anna\"]", &[by("anna")], &[by("ben"), by("Anna")]);
    allows("callers = [\"staff\"]", &[by("anna"), by("ben")], &[by("staff"), by("eve")]);
    allows("callers = []", &[], &[by("anna")]);
}

#[test]
fn roles() {
    let with = |roles: &[Role]| Pay { roles: Roles::of(roles), ..pay() };
    let both = with(&[Role::Requester, Role::Auditor]);
    allows("", &[with(&[]), both.clone()], &[]);
    allows("roles = [\"auditor\"]", std::slice::from_ref(&both), &[with(&[Role::Requester]), with(&[])]);
    // One of them is enough.
    let lines = "roles = [\"auditor\", \"node\"]";
    allows(lines, &[both.clone(), with(&[Role::Node])], &[with(&[Role::Approver])]);
    allows("roles = []", &[], &[both, with(&[])]);
}

#[test]
fn recipients() {
    let to = |to| Pay { to: Some(to), ..pay() };
    allows("", &[to("Market"), to("Friend")], &[]);
    allows("recipients = [\"Market\"]", &[to("Market")], &[to("Pharmacy")]);
    allows("recipients = [\"shops\"]", &[to("Market"), to("Pharmacy")], &[to("Casino")]);
    allows("action = \"record\"\nrecipients = [\"Market\"]", &[], &[bare(Action::Record)]);
    allows("recipients = []", &[], &[to("Market")]);
}

#[test]
fn categories() {
    let to = |to| Pay { to: Some(to), ..pay() };
    allows("categories = [\"food\"]", &[to("Market")], &[to("Pharmacy"), to("Casino"), to("Friend")]);
    // An allow takes a recipient all of whose categories are listed.
    let lines = "categories = [\"everyday\"]";
    allows(lines, &[to("Market"), to("Pharmacy")], &[to("Casino"), to("Friend")]);
    allows("categories = []", &[], &[to("Market"), to("Friend")]);
    allows("categories = [\"casino\"]", &[], &[to("Casino")]);
    allows("recipients = [\"Pharmacy\"]\ncategories = [\"food\"]", &[], &[to("Market"), to("Pharmacy")]);
    // A forbid and a limit take one that has any of those listed.
    let all = "[[allow]]\nname = \"a\"\n";
    let forbid = format!("{all}[[forbid]]\nname = \"f\"\ncategories = [\"casino\", \"drugs\"]\n");
    let limit =
        format!("{all}[[limit]]\nname = \"l\"\ncategories = [\"drugs\"]\nper_payment = \"1.00 EUR\"\n");
    for (rules, name, expected) in [
        (&forbid, "Market", None),
        (&forbid, "Pharmacy", Some(DenialCode::Forbidden)),
        (&forbid, "Casino", Some(DenialCode::Forbidden)),
        (&forbid, "Friend", None),
        (&limit, "Market", None),
        (&limit, "Pharmacy", Some(DenialCode::PerPayment)),
        (&limit, "Friend", None),
    ] {
        assert_eq!(denial(rules, &to(name)), expected, "{name}\n{rules}");
    }
}
