#![allow(clippy::unwrap_used)]
use super::*;
use crate::amount::Amount;
use crate::intent::{Action, Intent, LedgerId, Value};
use crate::policy::{Policy, Span};
use crate::role::Roles;

const POLICY: &str = r#"
    version = 1
    [groups]
    managers = ["ben", "chloe"]
    [approvers.ben]
    key = "ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"
    [approvers.chloe]
    key = "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e"
    [assets.EUR]
    decimals = 2
    [assets.GRANT]
    decimals = 2
    only = ["pharmacy"]
    valid = { from = 2026-12-01 }
    [recipients."Fresh Market"]
    address = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    categories = ["supermarket"]
    [recipients."Green Pharmacy"]
    address = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    categories = ["pharmacy"]
    [recipients."Grand Casino"]
    address = "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
    categories = ["casino"]
    [[forbid]]
    name = "audit day"
    accounts = ["office"]
    valid = { from = 2026-11-24, until = 2026-11-24 }
    [[allow]]
    name = "petty cash"
    accounts = ["petty"]
    assets = ["EUR"]
    categories = ["supermarket"]
    callers = ["anna", "dora"]
    per_payment = "50.00 EUR"
    budget = { amount = "200.00 EUR", rolling = "7d" }
    [[allow]]
    name = "office"
    accounts = ["office"]
    categories = ["supermarket", "pharmacy"]
    assets = ["EUR"]
    roles = ["requester"]
    hours = { from = "08:00", to = "18:00", days = ["mon", "tue", "wed", "thu", "fri"], zone = "Europe/Berlin" }
    [[allow]]
    name = "big"
    accounts = ["big"]
    categories = ["supermarket"]
    budget = { amount = "9000.00 EUR", rolling = "24h" }
    approvals = [{ need = 2, from = "managers", above = "5000.00 EUR" }]
    [[allow]]
    name = "grants"
    accounts = ["grants"]
    assets = ["GRANT"]
    [[allow]]
    name = "chain"
    accounts = ["chain"]
    assets = ["EUR"]
    categories = ["supermarket"]
    fee_cap = "0.20 EUR"
    spacing = { at_least = "1h" }
    [[limit]]
    name = "never on Saturdays"
    accounts = ["weekend"]
    hours = { days = ["sun"] }
    [[allow]]
    name = "weekend"
    accounts = ["weekend"]
    hours = { days = ["sat"] }
"#;

struct World {
    policy: Policy,
    counters: Counters,
}

#[derive(Clone, Copy)]
struct Payment {
    amount: &'static str,
    account: &'static str,
    to: &'static str,
    caller: &'static str,
    roles: Roles,
    fee: Option<u64>,
    now: &'static str,
}

/// 2026-11-23 is a Monday.
const PAYMENT: Payment = Payment {
    amount: "50.00 EUR",
    account: "petty",
    to: "Fresh Market",
    caller: "anna",
    roles: Roles::NONE,
    fee: None,
    now: "2026-11-23T10:00:00Z",
};

impl World {
    fn new() -> Self {
        Self { policy: Policy::parse(POLICY).unwrap(), counters: Counters::default() }
    }

    fn with<R>(&self, payment: Payment, then: impl FnOnce(&Question<'_>) -> R) -> R {
        let now = payment.now.parse().unwrap();
        let (_, name) = payment.amount.split_once(' ').unwrap();
        let asset = self.policy.asset(name).unwrap();
        let eur = |amount: u64| Value { asset: "EUR".parse().unwrap(), amount: amount.into() };
        let intent = Intent {
            action: Action::Pay,
            ledger: LedgerId([7; 32]),
            from: crate::key::PublicKey::P256([2; 33]),
            to: Some(self.policy.recipient(payment.to).unwrap().address),
            value: Some(Value { asset: asset.name().clone(), amount: asset.parse(payment.amount).unwrap() }),
            fee: payment.fee.map(eur),
            selector: None,
            created: now,
            valid_until: now.plus_millis(60_000),
        };
        let (account, caller) = (payment.account.parse().unwrap(), payment.caller.parse().unwrap());
        then(&Question { intent: &intent, account: &account, caller: &caller, roles: payment.roles, now })
    }

    fn instead(&self, payment: Payment) -> Vec<String> {
        let words = |question: &Question<'_>| {
            let found = instead(&self.policy, question, &self.counters, &BTreeSet::new());
            // The form on the wire is read by programs.
            let json = serde_json::to_string(&found).unwrap();
            assert_eq!(serde_json::from_str::<Vec<Instead>>(&json).unwrap(), found);
            found.iter().map(ToString::to_string).collect()
        };
        self.with(payment, words)
    }

    /// Paid and recorded at once, whatever the amount.
    fn pay(&mut self, payment: Payment) {
        let permit = self.with(payment, |question| match judge(&self.policy, question) {
            Verdict::Allow(permit) => permit,
            Verdict::Deny(denial) => panic!("{denial}"),
        });
        let now: Timestamp = payment.now.parse().unwrap();
        self.counters.reserve(&permit, &BTreeSet::new(), now).unwrap();
        self.counters.settle(permit.draws(), Span { earliest: now, latest: now });
    }
}

#[test]
fn one_change_for_each_thing_that_can_be_wrong() {
    let world = World::new();
    let requester: Roles = [Role::Requester].into_iter().collect();
    let office = Payment { account: "office", roles: requester, ..PAYMENT };
    for (payment, expected) in [
        (PAYMENT, &[][..]),
        (Payment { amount: "50.01 EUR", ..PAYMENT }, &["at most 50.00 EUR now"]),
        // Too much and at the wrong place: no single change.
        (Payment { amount: "50.01 EUR", to: "Grand Casino", ..PAYMENT }, &[]),
        (Payment { caller: "eve", ..PAYMENT }, &["from the account big, chain", "asked by anna, dora"]),
        (Payment { to: "Grand Casino", ..PAYMENT }, &["to somebody who is supermarket, like Fresh Market"]),
        (office, &[]),
        // Berlin is an hour ahead: the office closes at 17:00Z.
        (Payment { now: "2026-11-26T16:59:59Z", ..office }, &[]),
        (Payment { now: "2026-11-26T17:00:00Z", ..office }, &["from 2026-11-27T07:00:00Z on"]),
        (Payment { now: "2026-11-27T17:00:00Z", ..office }, &["from 2026-11-30T07:00:00Z on"]),
        // Closed, and then a day on which nothing may be paid.
        (Payment { now: "2026-11-23T20:00:00Z", ..office }, &["from 2026-11-25T07:00:00Z on"]),
        (Payment { now: "2026-11-24T12:00:00Z", ..office }, &["from 2026-11-25T07:00:00Z on"]),
        (
            Payment { roles: Roles::NONE, ..office },
            &["from the account petty, big, chain", "asked by a caller with the role requester"],
        ),
        (
            Payment { amount: "6000.00 EUR", account: "big", ..PAYMENT },
            &[
                "as it is, once approved: rule \"big\" needs 2 of managers (ben, chloe can)",
                "at most 5000.00 EUR now",
            ],
        ),
        (
            Payment { amount: "9000.01 EUR", account: "big", ..PAYMENT },
            &[
                "at most 5000.00 EUR now",
                "at most 9000.00 EUR now, once approved: rule \"big\" needs 2 of managers (ben, chloe can)",
            ],
        ),
        (
            Payment { amount: "1.00 GRANT", account: "grants", to: "Green Pharmacy", ..PAYMENT },
            &["from 2026-12-01T00:00:00Z on"],
        ),
        (
            Payment { amount: "1.00 GRANT", account: "grants", now: "2026-12-02T00:00:00Z", ..PAYMENT },
            &["to somebody who is pharmacy, like Green Pharmacy"],
        ),
        (Payment { account: "chain", fee: Some(21), ..PAYMENT }, &["with a fee of 0.20 EUR at most"]),
        // Saturday for the one, Sunday for the other: never, and it is found in bounded time.
        (Payment { account: "weekend", ..PAYMENT }, &[]),
    ] {
        let found = world.instead(payment);
        assert_eq!(found, expected, "{} from {} at {}", payment.amount, payment.account, payment.now);
    }
}

#[test]
fn budgets_and_spacings_say_when_they_are_free() {
    let mut world = World::new();
    for now in
        ["2026-11-16T10:00:00Z", "2026-11-17T10:00:00Z", "2026-11-18T10:00:00Z", "2026-11-19T10:00:00Z"]
    {
        world.pay(Payment { amount: "47.00 EUR", now, ..PAYMENT });
    }
    let now = "2026-11-19T11:00:00Z";
    // 12.00 are left; the payment of the 16th leaves on the 23rd, at most 7 d / 256 = 39 min 23 s late.
    let found = world.instead(Payment { amount: "50.00 EUR", now, ..PAYMENT });
    let [less, later] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(less, "at most 12.00 EUR now");
    let later = later.strip_prefix("from ").and_then(|later| later.strip_suffix(" on")).unwrap();
    let (from, to): (Timestamp, Timestamp) =
        ("2026-11-23T10:00:00Z".parse().unwrap(), "2026-11-23T10:39:24Z".parse().unwrap());
    let later: Timestamp = later.parse().unwrap();
    assert!((from..=to).contains(&later), "{later}");

    let chain = Payment { account: "chain", now: "2026-11-19T11:30:00Z", ..PAYMENT };
    world.pay(Payment { now, ..chain });
    let found = world.instead(chain);
    let [later] = found.as_slice() else { panic!("{found:?}") };
    // An hour after 11:00, at most 14 s late.
    assert!(later.starts_with("from 2026-11-19T12:00:"), "{later}");

    // 4,000.00 are gone: 1,000.00 need nobody, and tomorrow 4,500.00 do not, either.
    let big = Payment { account: "big", ..PAYMENT };
    world.pay(Payment { amount: "4000.00 EUR", now, ..big });
    let found = world.instead(Payment { amount: "4500.00 EUR", now: "2026-11-19T12:30:00Z", ..big });
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("as it is, once approved"), "{found:?}");
    assert_eq!(found[1], "at most 1000.00 EUR now");
    assert!(found[2].starts_with("from 2026-11-20T11:0"), "{found:?}");
}

#[test]
fn what_is_held_is_not_waited_for() {
    let mut world = World::new();
    let chain = Payment { account: "chain", ..PAYMENT };
    let permit = world.with(chain, |question| match judge(&world.policy, question) {
        Verdict::Allow(permit) => permit,
        Verdict::Deny(denial) => panic!("{denial}"),
    });
    world.counters.reserve(&permit, &BTreeSet::new(), chain.now.parse().unwrap()).unwrap();
    assert_eq!(world.instead(chain), [""; 0]);
}

#[test]
fn the_largest_amount_is_exact() {
    let world = World::new();
    for asked in [2, 5001, 5002, 20_000, 1 << 40] {
        world.with(PAYMENT, |question| {
            let value = Some(Value { asset: "EUR".parse().unwrap(), amount: Amount::from(asked) });
            let intent = Intent { value, ..question.intent.clone() };
            let question = Question { intent: &intent, ..*question };
            let found = instead(&world.policy, &question, &world.counters, &BTreeSet::new());
            let words: Vec<_> = found.iter().map(ToString::to_string).collect();
            let expected: &[&str] = if asked <= 5000 { &[] } else { &["at most 50.00 EUR now"] };
            assert_eq!(words, expected, "{asked}");
        });
    }
}
