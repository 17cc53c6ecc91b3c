//! The policy against a slow evaluator that is obviously right, and the promises of its windows.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use bursar_core::amount::Amount;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::name::Name;
use bursar_core::policy::{Counters, DenialCode, Kind, Permit, Policy, Question, Span, Verdict, judge};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use proptest::prelude::*;

/// 2026-10-23T00:00:00Z, a Friday; Berlin's clocks fall back two days later.
const START: i64 = 1_792_713_600_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

const ACCOUNTS: [&str; 3] = ["a0", "a1", "a2"];
const CALLERS: [&str; 2] = ["anna", "ben"];
const ASSETS: [&str; 2] = ["EUR", "GRANT"];
/// Points of Ed25519: public keys of RFC 8032, section 7.1.
const SHOPS: [(&str, &str, &[&str]); 4] = [
    ("s0", "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", &["c0"]),
    ("s1", "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", &["c0", "c1"]),
    ("s2", "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", &[]),
    ("s3", "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e", &["c1", "c2"]),
];
const GROUPS: [(&str, [&str; 2]); 4] =
    [("ga", ["a0", "a1"]), ("gs", ["s0", "s3"]), ("gc", ["c0", "c2"]), ("gp", ["anna", "ben"])];

/// A rule as the generator made it; its text is what the policy reads.
#[derive(Clone, Debug)]
struct Spec {
    kind: Kind,
    accounts: Option<Vec<&'static str>>,
    asset: Option<&'static str>,
    recipients: Option<Vec<&'static str>>,
    categories: Option<Vec<&'static str>>,
    callers: Option<Vec<&'static str>>,
    cap: Option<u64>,
    budget: Option<(u64, Option<&'static str>, Over)>,
    count: Option<(u64, Option<&'static str>, Over)>,
    /// From and to in hours of the day, UTC.
    hours: Option<(i64, i64)>,
    /// Days from the start, first and last.
    valid: Option<(i64, i64)>,
}

#[derive(Clone, Copy, Debug)]
enum Over {
    Rolling(i64),
    /// A day in UTC.
    Day,
}

fn some_of(from: &'static [&'static str]) -> impl Strategy<Value = Option<Vec<&'static str>>> {
    proptest::option::weighted(0.4, proptest::sample::subsequence(from, 0..=from.len()))
}

fn over() -> impl Strategy<Value = Over> {
    prop_oneof![(1..=48_i64).prop_map(|hours| Over::Rolling(hours * HOUR)), Just(Over::Day)]
}

fn per() -> impl Strategy<Value = Option<&'static str>> {
    proptest::option::of(proptest::sample::select(&["account", "recipient", "category", "requester"][..]))
}

fn spec() -> impl Strategy<Value = Spec> {
    let scope = (
        some_of(&["a0", "a2", "ga"]),
        proptest::option::weighted(0.3, proptest::sample::select(&ASSETS[..])),
        some_of(&["s1", "s2", "gs"]),
        some_of(&["c0", "c1", "gc"]),
        some_of(&["anna", "gp"]),
    );
    let conditions = (
        proptest::option::weighted(0.3, 1..60_u64),
        proptest::option::weighted(0.5, (1..150_u64, per(), over())),
        proptest::option::weighted(0.3, (1..5_u64, per(), over())),
        proptest::option::weighted(0.15, (0..23_i64, 0..24_i64)),
        proptest::option::weighted(0.15, (0..4_i64, 0..5_i64)),
    );
    let kind = prop_oneof![1 => Just(Kind::Forbid), 4 => Just(Kind::Allow), 3 => Just(Kind::Limit)];
    (kind, scope, conditions).prop_map(
        |(kind, (accounts, asset, recipients, categories, callers), (cap, budget, count, hours, valid))| {
            let plain = kind == Kind::Forbid;
            let asset = if cap.is_some() || budget.is_some() { asset.or(Some("EUR")) } else { asset };
            Spec {
                kind,
                accounts,
                asset,
                recipients,
                categories,
                callers,
                cap: cap.filter(|_| !plain),
                budget: budget.filter(|_| !plain),
                count: count.filter(|_| !plain),
                hours: hours.filter(|(from, to)| from != to),
                valid,
            }
        },
    )
}

fn write(specs: &[Spec]) -> String {
    use std::fmt::Write;
    let mut text = "version = 1\n[groups]\n".to_owned();
    for (name, members) in GROUPS {
        writeln!(text, "{name} = {members:?}").unwrap();
    }
    for asset in ASSETS {
        writeln!(text, "[assets.{asset}]\ndecimals = 0").unwrap();
    }
    for (name, address, categories) in SHOPS {
        writeln!(text, "[recipients.{name}]\naddress = {address:?}\ncategories = {categories:?}").unwrap();
    }
    for (i, spec) in specs.iter().enumerate() {
        let kind = serde_json::to_string(&spec.kind).unwrap();
        writeln!(text, "[[{}]]\nname = \"r{i}\"", kind.trim_matches('"')).unwrap();
        let lists = [
            ("accounts", &spec.accounts),
            ("recipients", &spec.recipients),
            ("categories", &spec.categories),
            ("callers", &spec.callers),
        ];
        for (field, list) in lists {
            if let Some(list) = list {
                writeln!(text, "{field} = {list:?}").unwrap();
            }
        }
        if let Some(asset) = spec.asset {
            writeln!(text, "assets = [{asset:?}]").unwrap();
        }
        let asset = spec.asset.unwrap_or_default();
        if let Some(cap) = spec.cap {
            writeln!(text, "per_payment = \"{cap} {asset}\"").unwrap();
        }
        let window = |per: Option<&str>, over| {
            let per = per.map(|per| format!("per = {per:?}, ")).unwrap_or_default();
            match over {
                Over::Rolling(ms) => format!("{per}rolling = \"{}m\"", ms / MINUTE),
                Over::Day => format!("{per}calendar = \"day\""),
            }
        };
        if let Some((cap, per, over)) = spec.budget {
            writeln!(text, "budget = {{ amount = \"{cap} {asset}\", {} }}", window(per, over)).unwrap();
        }
        if let Some((max, per, over)) = spec.count {
            writeln!(text, "count = {{ max = {max}, {} }}", window(per, over)).unwrap();
        }
        if let Some((from, to)) = spec.hours {
            writeln!(text, "hours = {{ from = \"{from:02}:00\", to = \"{to:02}:00\" }}").unwrap();
        }
        if let Some((from, until)) = spec.valid {
            writeln!(
                text,
                "valid = {{ from = 2026-10-{:02}, until = 2026-10-{:02} }}",
                23 + from,
                23 + until
            )
            .unwrap();
        }
    }
    text
}

#[derive(Clone, Copy, Debug)]
struct Ask {
    account: usize,
    caller: usize,
    asset: usize,
    shop: usize,
    amount: u64,
    /// Time since the ask before.
    after: i64,
    /// Recorded so long after it was asked, kept held, or released before the next.
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Recorded,
    Held,
    Released,
}

fn ask() -> impl Strategy<Value = Ask> {
    let fate = prop_oneof![6 => Just(Fate::Recorded), 1 => Just(Fate::Held), 1 => Just(Fate::Released)];
    (0..3_usize, 0..2_usize, 0..2_usize, 0..4_usize, 1..60_u64, 0..9 * HOUR, fate).prop_map(
        |(account, caller, asset, shop, amount, after, fate)| Ask {
            account,
            caller,
            asset,
            shop,
            amount,
            after,
            fate,
        },
    )
}

/// A payment that went through: what it was, when, and whether it still is held.
struct Past {
    ask: Ask,
    at: i64,
    held: bool,
    /// The rules that it counts under.
    rules: Vec<usize>,
}

#[derive(Debug, PartialEq)]
enum Word {
    Allow,
    Deny,
    /// What left its window less than 1/256 of it ago may still count.
    Either,
}

fn opened(list: &[&'static str]) -> Vec<&'static str> {
    let group = |name: &str| GROUPS.iter().find(|(group, _)| *group == name).map(|(_, members)| members);
    list.iter().flat_map(|name| group(name).map_or_else(|| vec![*name], |members| members.to_vec())).collect()
}

fn in_scope(spec: &Spec, ask: &Ask) -> bool {
    let has = |list: &Option<Vec<&'static str>>, name| {
        list.as_ref().is_none_or(|list| opened(list).contains(&name))
    };
    let (shop, _, categories) = SHOPS[ask.shop];
    let category = spec.categories.as_ref().is_none_or(|list| {
        let list = opened(list);
        let mut listed = categories.iter().map(|category| list.contains(category));
        match spec.kind {
            Kind::Allow => !categories.is_empty() && listed.all(|yes| yes),
            Kind::Limit | Kind::Forbid => listed.any(|yes| yes),
        }
    });
    has(&spec.accounts, ACCOUNTS[ask.account])
        && has(&spec.callers, CALLERS[ask.caller])
        && has(&spec.recipients, shop)
        && spec.asset.is_none_or(|asset| asset == ASSETS[ask.asset])
        && category
}

fn timely(spec: &Spec, now: i64) -> bool {
    let (day, hour) = ((now - START) / (24 * HOUR), (now - START) / HOUR % 24);
    let open =
        spec.hours.is_none_or(
            |(from, to)| {
                if from < to { (from..to).contains(&hour) } else { hour >= from || hour < to }
            },
        );
    open && spec.valid.is_none_or(|(from, until)| from <= day && day <= until)
}

/// Do both draw from the same budget of this rule? Once for each category that they share.
fn shares(per: Option<&str>, a: &Ask, b: &Ask) -> bool {
    let (ours, theirs) = (SHOPS[a.shop].2, SHOPS[b.shop].2);
    match per {
        None => true,
        Some("account") => a.account == b.account,
        Some("recipient") => a.shop == b.shop,
        Some("requester") => a.caller == b.caller,
        Some(_) => unreachable!("categories are summed one by one: {ours:?} {theirs:?}"),
    }
}

#[allow(clippy::too_many_arguments, reason = "a slow evaluator keeps its words apart")]
fn room(
    cap: u64,
    per: Option<&str>,
    over: Over,
    rule: usize,
    ask: &Ask,
    units: impl Fn(&Ask) -> u64,
    past: &[Past],
    now: i64,
) -> Word {
    // One question for each category of the recipient, or one for recipients without any.
    let keys: Vec<Option<&str>> = match per {
        Some("category") if !SHOPS[ask.shop].2.is_empty() => {
            SHOPS[ask.shop].2.iter().map(|category| Some(*category)).collect()
        }
        _ => vec![None],
    };
    let mut word = Word::Allow;
    for key in keys {
        let mine = |other: &Ask| match (per, key) {
            (Some("category"), Some(key)) => SHOPS[other.shop].2.contains(&key),
            (Some("category"), None) => SHOPS[other.shop].2.is_empty(),
            _ => shares(per, ask, other),
        };
        let sum = |late: bool| -> u64 {
            past.iter()
                .filter(|past| past.rules.contains(&rule) && mine(&past.ask))
                .filter(|past| {
                    past.held
                        || match over {
                            Over::Rolling(ms) => now < past.at + ms + if late { ms / 256 } else { 0 },
                            Over::Day => past.at / (24 * HOUR) == now / (24 * HOUR),
                        }
                })
                .map(|past| units(&past.ask))
                .sum()
        };
        if sum(false) + units(ask) > cap {
            return Word::Deny;
        }
        if sum(true) + units(ask) > cap {
            word = Word::Either;
        }
    }
    word
}

/// What the words of the specification say, read one rule after the other.
fn reference(specs: &[Spec], ask: &Ask, past: &[Past], now: i64) -> (Word, Vec<usize>) {
    let matching: Vec<usize> = (0..specs.len()).filter(|i| in_scope(&specs[*i], ask)).collect();
    let of = |kind| matching.iter().copied().filter(move |i: &usize| specs[*i].kind == kind);
    if of(Kind::Forbid).any(|i| timely(&specs[i], now)) {
        return (Word::Deny, Vec::new());
    }
    let Some(first) = of(Kind::Allow).next() else { return (Word::Deny, Vec::new()) };
    let rules: Vec<usize> = std::iter::once(first).chain(of(Kind::Limit)).collect();
    let mut word = Word::Allow;
    for &i in &rules {
        let spec = &specs[i];
        if !timely(spec, now) || spec.cap.is_some_and(|cap| ask.amount > cap) {
            return (Word::Deny, rules);
        }
        let budget =
            spec.budget.map(|(cap, per, over)| room(cap, per, over, i, ask, |a| a.amount, past, now));
        let count = spec.count.map(|(max, per, over)| room(max, per, over, i, ask, |_| 1, past, now));
        for part in [budget, count].into_iter().flatten() {
            match part {
                Word::Deny => return (Word::Deny, rules),
                Word::Either => word = Word::Either,
                Word::Allow => {}
            }
        }
    }
    (word, rules)
}

fn ask_policy(policy: &Policy, ask: &Ask, now: i64) -> Verdict {
    let now = Timestamp::from_millis(now).unwrap();
    let name = |text: &str| text.parse::<Name>().unwrap();
    let intent = Intent {
        action: Action::Pay,
        ledger: LedgerId([1; 32]),
        from: SHOPS[0].1.parse().unwrap(),
        to: Some(SHOPS[ask.shop].1.parse().unwrap()),
        value: Some(Value { asset: name(ASSETS[ask.asset]), amount: Amount::from(ask.amount) }),
        fee: None,
        selector: None,
        created: now,
        valid_until: now,
    };
    let (account, caller) = (name(ACCOUNTS[ask.account]), name(CALLERS[ask.caller]));
    judge(policy, &Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn allows_what_the_reference_allows(
        specs in proptest::collection::vec(spec(), 1..9),
        asks in proptest::collection::vec(ask(), 1..40),
    ) {
        let policy = Policy::parse(&write(&specs)).unwrap();
        let (mut counters, mut past, mut now) = (Counters::default(), Vec::new(), START);
        for ask in asks {
            now += ask.after;
            let time = Timestamp::from_millis(now).unwrap();
            let (word, rules) = reference(&specs, &ask, &past, now);
            let permit: Option<Permit> = match ask_policy(&policy, &ask, now) {
                Verdict::Deny(_) => None,
                Verdict::Allow(permit) => counters.reserve(&permit, &Default::default(), time).is_ok().then_some(permit),
            };
            match word {
                Word::Allow => prop_assert!(permit.is_some(), "{:?}\n{}", ask, policy.text()),
                Word::Deny => prop_assert!(permit.is_none(), "{:?}\n{}", ask, policy.text()),
                Word::Either => {}
            }
            let Some(permit) = permit else { continue };
            prop_assert_eq!(permit.rule().as_str(), format!("r{}", rules[0]));
            match ask.fate {
                Fate::Recorded => counters.settle(permit.draws(), Span { earliest: time, latest: time }),
                Fate::Held => {}
                Fate::Released => counters.release(permit.draws()),
            }
            if ask.fate != Fate::Released {
                past.push(Past { ask, at: now, held: ask.fate == Fate::Held, rules });
            }
        }
    }

    /// Payments are recorded at some time after their reservation, in any order, some never;
    /// the window is then looked at from every payment on.
    #[test]
    fn no_true_window_is_ever_over_its_cap(
        window in prop_oneof![Just(60_000_i64), Just(61_003), 60_000..2 * HOUR],
        cap in 1..200_u64,
        steps in proptest::collection::vec((0..3000_i64, 1..80_u64, 0..5000_i64, 0..3000_i64, 0..8_usize), 1..200),
    ) {
        let mut text = write(&[]);
        text.push_str(&format!(
            "[[allow]]\nname = \"r\"\nbudget = {{ amount = \"{cap} EUR\", rolling = \"{}s\" }}\n", window / 1000
        ));
        let window = window / 1000 * 1000;
        let policy = Policy::parse(&text).unwrap();
        let (mut counters, mut now) = (Counters::default(), START);
        let mut open: Vec<(Permit, i64, u64, i64, i64)> = Vec::new();
        let mut recorded: Vec<(i64, u64)> = Vec::new();
        for (after, amount, delay, slack, fate) in steps {
            now += after;
            let time = Timestamp::from_millis(now).unwrap();
            // Those whose turn has come are recorded at a time that is known only roughly; a few
            // never are.
            let (due, later): (Vec<_>, Vec<_>) = open.into_iter().partition(|(.., at, _)| *at <= now);
            open = later;
            for (permit, reserved, amount, at, slack) in due {
                if slack % 7 == 0 {
                    counters.release(permit.draws());
                    continue;
                }
                let earliest = Timestamp::from_millis(reserved.max(at - slack)).unwrap();
                counters.settle(
                    permit.draws(),
                    Span { earliest, latest: Timestamp::from_millis(at + slack / 3).unwrap() },
                );
                recorded.push((at, amount));
            }
            let ask = Ask { account: 0, caller: 0, asset: 0, shop: 0, amount, after, fate: Fate::Held };
            let Verdict::Allow(permit) = ask_policy(&policy, &ask, now) else { unreachable!() };
            // Room comes back at most 1/256 of the window late.
            let counted: u64 = recorded.iter().filter(|(at, _)| now < at + 1000 + window + window / 256)
                .map(|(_, amount)| amount).sum();
            let held: u64 = open.iter().map(|(_, _, amount, ..)| amount).sum();
            match counters.reserve(&permit, &Default::default(), time) {
                Ok(()) => open.push((permit, now, amount, now + delay * fate as i64, slack)),
                Err(unmet) => {
                    let denial = unmet.denial().unwrap();
                    prop_assert_eq!(denial.code, DenialCode::Budget);
                    prop_assert!(counted + held + amount > cap, "there was room: {}", denial);
                }
            }
        }
        recorded.extend(open.iter().map(|(_, _, amount, at, _)| (*at, *amount)));
        for (start, _) in &recorded {
            let sum: u64 = recorded.iter().filter(|(at, _)| (*start..start + window).contains(at))
                .map(|(_, amount)| amount).sum();
            prop_assert!(sum <= cap, "{sum} over {cap} from {start}");
        }
    }

    #[test]
    fn reading_never_panics(
        specs in proptest::collection::vec(spec(), 0..4),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..4_u8), 0..6),
        noise in "\\PC{0,200}",
    ) {
        let mut bytes = write(&specs).into_bytes();
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
