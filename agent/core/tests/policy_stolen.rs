//! No thief who was let play ever got more than the bounds that are stated.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fmt::Write;

use bursar_core::amount::Amount;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::name::Name;
use bursar_core::policy::{
    Counters, Most, Permit, Policy, Quantity, Question, Span, Stolen, Verdict, Victim, Window, judge, stolen,
};
use bursar_core::role::{Role, Roles};
use bursar_core::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// 2026-10-23T00:00:00Z, a Friday; Berlin's clocks fall back two days later.
const START: i64 = 1_792_713_600_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const ACCOUNTS: [&str; 3] = ["a0", "a1", "a2"];
const ASSETS: [&str; 2] = ["EUR", "GRANT"];
/// Points of Ed25519: public keys of RFC 8032, section 7.1.
const SHOPS: [(&str, &str, &[&str]); 4] = [
    ("s0", "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", &["c0"]),
    ("s1", "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", &["c0", "c1"]),
    ("s2", "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", &[]),
    ("s3", "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e", &["c1", "c2"]),
];
const PREAMBLE: &str = r#"version = 1
[groups]
ga = ["a0", "a1"]
gc = ["c0", "c2"]
gp = ["anna", "ben"]
[approvers.ben]
key = "ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"
[approvers.anna]
key = "p256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
"#;

/// One line of a rule, or none.
type Line = Option<String>;

fn list(field: &'static str, from: &'static [&'static str]) -> impl Strategy<Value = Line> {
    let some = subsequence(from, 1..=from.len()).prop_map(move |names| format!("{field} = {names:?}"));
    proptest::option::weighted(0.4, some)
}

fn window() -> impl Strategy<Value = String> {
    prop_oneof![
        (1..=60_i64).prop_map(|hours| format!("rolling = \"{hours}h\"")),
        (select(&["day", "week", "month"][..]), select(&["UTC", "Europe/Berlin"][..]))
            .prop_map(|(unit, zone)| format!("calendar = \"{unit}\", zone = \"{zone}\"")),
    ]
}

fn per() -> impl Strategy<Value = String> {
    let keys = select(&["account", "recipient", "category", "requester", "payer"][..]);
    proptest::option::of(keys).prop_map(|per| per.map(|per| format!("per = \"{per}\", ")).unwrap_or_default())
}

fn rule() -> impl Strategy<Value = (bool, Vec<Line>)> {
    let asset = select(&ASSETS[..]);
    asset.prop_flat_map(|asset| {
        let money = move |most: u64| (1..most).prop_map(move |units| format!("{units} {asset}"));
        let scope = (
            list("accounts", &["a0", "a2", "ga"]),
            list("recipients", &["s0", "s1", "s2", "s3"]),
            list("categories", &["c0", "c1", "gc"]),
            list("callers", &["anna", "gp"]),
            list("roles", &["requester", "node"]),
            proptest::option::weighted(0.3, Just(format!("assets = [\"{asset}\"]"))),
        );
        let conditions = (
            proptest::option::weighted(0.4, money(60)).prop_map(|m| m.map(|m| format!("per_payment = \"{m}\""))),
            proptest::option::weighted(0.5, (money(150), per(), window()))
                .prop_map(|b| b.map(|(m, per, w)| format!("budget = {{ amount = \"{m}\", {per}{w} }}"))),
            proptest::option::weighted(0.4, (0..5_u64, per(), window()))
                .prop_map(|c| c.map(|(max, per, w)| format!("count = {{ max = {max}, {per}{w} }}"))),
            proptest::option::weighted(0.2, (1..20_i64, per()))
                .prop_map(|s| s.map(|(h, per)| format!("spacing = {{ {per}at_least = \"{h}h\" }}"))),
            proptest::option::weighted(0.3, (proptest::option::weighted(0.8, money(80)), any::<bool>())).prop_map(
                |a| {
                    a.map(|(above, first)| {
                        let above = above.map(|m| format!(", above = \"{m}\"")).unwrap_or_default();
                        format!("approvals = [{{ need = 1, from = [\"ben\", \"anna\"]{above}, first_payment = {first} }}]")
                    })
                },
            ),
        );
        (any::<bool>(), scope, conditions).prop_map(|(allow, (a, b, c, d, e, f), (g, h, i, j, k))| {
            (allow, vec![a, b, c, d, e, f, g, h, i, j, k])
        })
    })
}

fn bundle() -> impl Strategy<Value = String> {
    let forbid = list("categories", &["c0", "c1"]);
    let bound = proptest::option::weighted(0.3, Just("only = [\"c0\", \"c1\"]\nredeemer = \"s2\"\n"));
    (proptest::collection::vec(rule(), 1..8), forbid, bound).prop_map(|(rules, forbid, bound)| {
        let mut text = PREAMBLE.to_owned();
        for (asset, bound) in ASSETS.into_iter().zip([None, bound]) {
            write!(text, "[assets.{asset}]\ndecimals = 0\n{}", bound.unwrap_or_default()).unwrap();
        }
        for (name, address, categories) in SHOPS {
            writeln!(text, "[recipients.{name}]\naddress = {address:?}\ncategories = {categories:?}")
                .unwrap();
        }
        if let Some(line) = forbid {
            writeln!(text, "[[forbid]]\nname = \"f\"\naccounts = [\"a1\"]\n{line}").unwrap();
        }
        for (i, (allow, lines)) in rules.into_iter().enumerate() {
            let kind = if allow { "allow" } else { "limit" };
            writeln!(text, "[[{kind}]]\nname = \"r{i}\"").unwrap();
            lines.into_iter().flatten().for_each(|line| writeln!(text, "{line}").unwrap());
        }
        text
    })
}

#[derive(Clone, Copy, Debug)]
struct Ask {
    account: usize,
    asset: usize,
    shop: usize,
    amount: u64,
    after: i64,
    /// Recorded so long after it was allowed; never is given back.
    recorded: Option<i64>,
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    // Greedy: amounts near caps, little time in between.
    let after = prop_oneof![3 => 0..HOUR, 2 => 0..9 * HOUR, 1 => 0..3 * DAY];
    let recorded = proptest::option::weighted(0.9, prop_oneof![2 => Just(0), 1 => 0..2 * HOUR]);
    let ask = (0..3_usize, 0..2_usize, 0..4_usize, 1..70_u64, after, recorded).prop_map(
        |(account, asset, shop, amount, after, recorded)| Ask {
            account,
            asset,
            shop,
            amount,
            after,
            recorded,
        },
    );
    proptest::collection::vec(ask, 1..120)
}

/// A payment that the thief got, by the time of its record.
struct Got {
    rule: Name,
    account: Name,
    asset: &'static str,
    shop: &'static str,
    amount: u64,
    at: i64,
}

fn play(policy: &Policy, roles: Roles, asks: &[Ask]) -> Vec<Got> {
    let time = |at: i64| Timestamp::from_millis(at).unwrap();
    let (caller, alone) = ("anna".parse().unwrap(), BTreeSet::from(["anna".parse().unwrap()]));
    let (mut counters, mut now, mut got) = (Counters::default(), START, Vec::new());
    let mut open: Vec<(Permit, Option<i64>, i64)> = Vec::new();
    for ask in asks {
        now += ask.after;
        let (due, later): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|(_, recorded, at)| recorded.unwrap_or(HOUR) + at <= now);
        open = later;
        for (permit, recorded, at) in due {
            match recorded.map(|after| time(at + after)) {
                Some(at) => counters.settle(permit.draws(), Span { earliest: at, latest: at }),
                None => counters.release(permit.draws()),
            }
        }
        let account: Name = ACCOUNTS[ask.account].parse().unwrap();
        let (shop, address, _) = SHOPS[ask.shop];
        let to = address.parse().unwrap();
        let value = Value { asset: ASSETS[ask.asset].parse().unwrap(), amount: Amount::from(ask.amount) };
        let intent = Intent {
            action: Action::Pay,
            ledger: LedgerId([1; 32]),
            from: bursar_core::key::PublicKey::P256([2; 33]),
            to: Some(to),
            value: Some(value),
            fee: None,
            selector: None,
            created: time(now),
            valid_until: time(now),
        };
        let question =
            Question { intent: &intent, account: &account, caller: &caller, roles, now: time(now) };
        let Verdict::Allow(permit) = judge(policy, &question) else { continue };
        // Whom the account has paid before, the thief did not decide: about half.
        if ask.amount % 2 == 0 {
            counters.learn(&account, to);
        }
        if counters.reserve(&permit, &alone, time(now)).is_err() {
            continue;
        }
        if let Some(after) = ask.recorded {
            let asset = ASSETS[ask.asset];
            got.push(Got {
                rule: permit.rule().clone(),
                account,
                asset,
                shop,
                amount: ask.amount,
                at: now + after,
            });
        }
        open.push((permit, ask.recorded, now));
    }
    got
}

/// The most in any window: those that begin with a payment, or the periods of the calendar.
fn fullest(got: &[&Got], window: &Window, units: fn(&Got) -> u64) -> u64 {
    let sum = |of: &dyn Fn(&Got) -> bool| got.iter().filter(|got| of(got)).map(|got| units(got)).sum::<u64>();
    let starts = got.iter().map(|first| match window {
        Window::Rolling(length) => sum(&|got| (first.at..first.at + length.millis()).contains(&got.at)),
        Window::Calendar { unit, zone } => {
            let period = |at: i64| {
                let zone = jiff::tz::TimeZone::get(zone.name()).unwrap();
                let date = zone.to_datetime(jiff::Timestamp::from_millisecond(at).unwrap()).date();
                match unit.to_string().as_str() {
                    "day" => (date.year(), date.day_of_year()),
                    "week" => (date.iso_week_date().year(), date.iso_week_date().week().into()),
                    _ => (date.year(), date.month().into()),
                }
            };
            sum(&|got| period(got.at) == period(first.at))
        }
    });
    starts.max().unwrap_or(0)
}

fn within(most: &Most, units: u64) -> bool {
    match most {
        Most::Unlimited => true,
        Most::Of(Quantity::Amount(most, _) | Quantity::Count(most)) => Amount::from(units) <= *most,
    }
}

/// Every claim of the module, one after the other.
fn check(found: &Stolen, got: &[Got]) -> Result<(), TestCaseError> {
    let row_of = |got: &Got| {
        found.reaches.iter().position(|reach| {
            reach.rule == got.rule
                && reach.asset.as_ref().is_some_and(|asset| asset.as_str() == got.asset)
                && reach.account.as_ref().is_none_or(|account| *account == got.account)
        })
    };
    let mut rows = Vec::new();
    for got in got {
        let row = row_of(got);
        prop_assert!(row.is_some(), "{} {} {} is in no reach", got.rule, got.account, got.asset);
        let reach = &found.reaches[row.unwrap()];
        prop_assert!(reach.needs.is_empty(), "{reach:?}");
        prop_assert!(within(reach.single.as_ref().unwrap(), got.amount), "{} in {reach:?}", got.amount);
        prop_assert!(
            reach.to.names.iter().any(|name| name.as_str() == got.shop),
            "{} in {reach:?}",
            got.shop
        );
        rows.push(row.unwrap());
    }
    for ceiling in &found.ceilings {
        let below =
            got.iter().zip(&rows).filter(|(_, row)| ceiling.reaches.contains(row)).map(|(got, _)| got);
        let below: Vec<&Got> = below.collect();
        let units: fn(&Got) -> u64 = match ceiling.most {
            Quantity::Amount(..) => |got| got.amount,
            Quantity::Count(_) => |_| 1,
        };
        let most = Most::Of(ceiling.most.clone());
        let accounts: BTreeSet<&Name> = below.iter().map(|got| &got.account).collect();
        let parts: Vec<Vec<&Got>> = match ceiling.each_account {
            false => vec![below],
            true => accounts
                .into_iter()
                .map(|account| below.iter().copied().filter(|got| got.account == *account).collect())
                .collect(),
        };
        for part in parts {
            let full = fullest(&part, &ceiling.window, units);
            prop_assert!(within(&most, full), "{full} over {ceiling:?}");
        }
    }
    for total in &found.totals {
        let of: Vec<&Got> = got.iter().filter(|got| got.asset == total.asset.as_str()).collect();
        for (stretch, most) in &total.most {
            let window =
                Window::Rolling(bursar_core::policy::Rolling::from_millis(stretch.millis()).unwrap());
            let full = fullest(&of, &window, |got| got.amount);
            prop_assert!(within(most, full), "{full} over {most} {stretch}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn no_thief_exceeds_the_bounds(
        text in bundle(),
        asks in asks(),
        roles in subsequence(&[Role::Requester, Role::Node][..], 0..=2),
        roles_known in any::<bool>(),
        accounts_known in any::<bool>(),
    ) {
        let policy = Policy::parse(&text).unwrap();
        let roles: Roles = roles.into_iter().collect();
        let name: Name = "anna".parse().unwrap();
        let accounts: BTreeSet<Name> = ACCOUNTS.iter().map(|account| account.parse().unwrap()).collect();
        let victim = Victim {
            name: &name,
            roles: roles_known.then_some(roles),
            accounts: accounts_known.then_some(&accounts),
        };
        let found = stolen(&policy, &victim).unwrap();
        if let Err(error) = check(&found, &play(&policy, roles, &asks)) {
            return Err(TestCaseError::fail(format!("{error}\n{text}")));
        }
    }
}

/// A bound that is always "unlimited" would hold, too.
#[test]
fn a_greedy_thief_reaches_the_bounds() {
    let text = format!(
        "{PREAMBLE}[assets.EUR]\ndecimals = 0\n[assets.GRANT]\ndecimals = 0\n[recipients.s0]\naddress = \"{}\"\n\
         [[allow]]\nname = \"r0\"\naccounts = [\"a0\"]\nper_payment = \"50 EUR\"\nbudget = {{ amount = \"120 EUR\", rolling = \"24h\" }}\n\
         [[allow]]\nname = \"r1\"\naccounts = [\"a1\"]\nassets = [\"EUR\"]\ncount = {{ max = 2, rolling = \"24h\" }}\n\
         approvals = [{{ need = 1, from = [\"ben\"], above = \"30 EUR\" }}]\n\
         [[limit]]\nname = \"r2\"\nbudget = {{ amount = \"900 EUR\", rolling = \"7d\" }}\n",
        SHOPS[0].1
    );
    let policy = Policy::parse(&text).unwrap();
    let name: Name = "anna".parse().unwrap();
    let found = stolen(&policy, &Victim { name: &name, roles: None, accounts: None }).unwrap();
    // Every cent that is left, every half hour, for three weeks.
    let steps = (0..21 * 48).flat_map(|_| [(0, 50), (0, 20), (0, 10), (1, 30), (1, 15), (1, 1)]);
    let asks: Vec<Ask> = steps
        .map(|(account, amount)| Ask {
            account,
            asset: 0,
            shop: 0,
            amount,
            after: HOUR / 12,
            recorded: Some(0),
        })
        .collect();
    let got = play(&policy, Roles::NONE, &asks);
    let all: Vec<&Got> = got.iter().collect();
    let week = |days: i64| Window::Rolling(bursar_core::policy::Rolling::from_millis(days * DAY).unwrap());
    let told = |at: usize| found.totals[0].most[at].1.to_string();
    // 120 and, sum above 30 to the one recipient being approved, 30.
    assert_eq!((told(0).as_str(), fullest(&all, &week(1), |got| got.amount)), ("150 EUR", 150));
    assert_eq!((told(1).as_str(), fullest(&all, &week(7), |got| got.amount)), ("900 EUR", 900));
    check(&found, &got).unwrap();
}
