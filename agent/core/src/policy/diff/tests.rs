//! The difference against the judge: sampled payments of both bundles, and every witness.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod reach;
mod written;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::leaf::{Fee, Leaf};
use super::space::Axis;
use super::times::When;
use super::*;
use crate::amount::Amount;
use crate::intent::{Action, Intent, LedgerId, Selector, Value};
use crate::name::Name;
use crate::policy::judge::Clock;
use crate::policy::{Counters, Permit, Question, Verdict, judge};
use crate::role::Roles;
use written::{ACTIONS, Header, KEYS, Rule, STRANGER, header, numbered, rule, write};

/// 2026-10-21T00:00:00Z; the last Sunday of the month, on which Berlin's clocks change, is the 25th.
const SINCE: i64 = 1_792_540_800_000;
const MINUTE: i64 = 60_000;

fn since() -> Timestamp {
    Timestamp::from_millis(SINCE).unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[derive(Clone, Debug)]
struct Asked {
    intent: Intent,
    account: Name,
    caller: Name,
    roles: Roles,
    now: Timestamp,
}

impl Asked {
    fn question(&self) -> Question<'_> {
        let Self { intent, account, caller, roles, now } = self;
        Question { intent, account, caller, roles: *roles, now: *now }
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let who = (
        select(&["a0", "a1", "a2", "zz", "p0"][..]),
        select(&["anna", "ben", "chloe", "zoe"][..]),
        0..Roles::SETS,
        select(&[KEYS[0], KEYS[1], KEYS[2], KEYS[3], STRANGER][..]),
    );
    let what = (
        select(&Action::ALL[..]),
        1..4_u8,
        select(&[KEYS[0], KEYS[1], KEYS[2], KEYS[3], STRANGER][..]),
        select(&["EUR", "GRANT", "ETH", "USD", "XXX"][..]),
        1..60_u64,
        proptest::option::weighted(0.4, (select(&["ETH", "EUR", "XXX"][..]), 0..5_u64)),
        select(&[None, Some([0, 0, 0, 1]), Some([0xa9, 5, 0x9c, 0xbb]), Some([9; 4])][..]),
        any::<[bool; 2]>(),
    );
    // Mostly in the days that lifetimes speak of, at full minutes; sometimes any time.
    let when = prop_oneof![4 => 0..9 * 24 * 60_i64, 1 => 0..500 * 24 * 60_i64];
    (who, what, when).prop_map(|((account, caller, roles, from), what, minutes)| {
        let (action, ledger, to, asset, amount, fee, selector, [has_to, has_value]) = what;
        let there = |may: bool| match action {
            Action::Pay | Action::Issue | Action::Endorse => true,
            Action::Record | Action::Rotate => false,
            Action::Call => may,
        };
        let now = Timestamp::from_millis(SINCE + minutes * MINUTE).unwrap();
        let value = |asset: &str, amount: u64| Value { asset: name(asset), amount: amount.into() };
        let intent = Intent {
            action,
            ledger: LedgerId([ledger; 32]),
            from: from.parse().unwrap(),
            to: there(has_to).then(|| to.parse().unwrap()),
            value: there(has_value).then(|| value(asset, amount)),
            fee: fee.map(|(asset, amount)| value(asset, amount)),
            selector: selector.map(Selector).filter(|_| action == Action::Call),
            created: now,
            valid_until: now,
        };
        Asked { intent, account: name(account), caller: name(caller), roles: Roles::from_bits(roles), now }
    })
}

/// What a permit asks for, found by probing: it shares nothing with what compares terms.
fn terms(permit: &Permit) -> (BTreeSet<String>, bool, BTreeSet<Vec<String>>) {
    let amount = permit.terms.amount;
    let draws = permit.draws().iter().map(|draw| {
        let mut value = serde_json::to_value(draw).unwrap();
        // How much is above is for the quorums to say.
        value.as_object_mut().unwrap().remove("above");
        value.to_string()
    });
    let never_first = permit.terms.first.iter().any(|(_, first)| first.0.cap < amount);
    let asks = permit.terms.asks.iter().map(|ask| {
        // Without a sum it is the amount, whatever was paid before.
        let more = |more: u64| if ask.watch.is_some() { more } else { 0 };
        let sums: Vec<Option<Amount>> = (0..=80).map(|paid| amount.checked_add(more(paid).into())).collect();
        let mut asked: Vec<String> = ask
            .quorums
            .iter()
            .map(|quorum| {
                let cases = [false, true]
                    .map(|first| sums.iter().map(|sum| quorum.applies(*sum, first)).collect::<Vec<_>>());
                (quorum, cases)
            })
            .filter(|(_, cases)| cases.iter().flatten().any(|applies| *applies))
            .map(|(quorum, cases)| format!("{} {:?} {cases:?}", quorum.need.need, quorum.need.from))
            .collect();
        asked.sort();
        asked
    });
    (draws.collect(), never_first, asks.filter(|asked| !asked.is_empty()).collect())
}

/// Is it ever allowed: with nothing spent, to somebody who was paid before, approved by everybody?
fn ever_allowed(policy: &Policy, question: &Question<'_>) -> Option<Permit> {
    let Verdict::Allow(permit) = judge(policy, question) else { return None };
    let mut counters = Counters::default();
    question.intent.to.iter().for_each(|to| counters.learn(question.account, *to));
    let everybody = ["anna", "ben", "chloe"].map(name).into();
    counters.reserve(&permit, &everybody, question.now).is_ok().then_some(permit)
}

/// How the bundles differ on this payment, if they do.
fn truth(pair: Pair<'_>, question: &Question<'_>) -> Option<Way> {
    let permits = pair.map(|policy| ever_allowed(policy, question));
    match permits {
        [None, None] => None,
        [None, Some(_)] => Some(Way::NewlyAllowed),
        [Some(_), None] => Some(Way::NewlyDenied),
        [Some(old), Some(new)] => (terms(&old) != terms(&new)).then_some(Way::OtherTerms),
    }
}

fn contains(searched: &Searched<'_>, product: &Product, question: &Question<'_>) -> Option<Way> {
    let (space, intent) = (&searched.space, question.intent);
    let leaf: &Leaf = &searched.leaves.list[product.leaf as usize];
    let classes = [
        (Axis::Asset, space.assets.class(&intent.value.as_ref().map(|value| value.asset.clone()))),
        (Axis::Account, space.accounts.class(question.account)),
        (Axis::Recipient, space.recipients.class(&intent.to)),
        (Axis::Caller, space.callers.class(question.caller)),
        (Axis::Ledger, space.ledgers.class(&intent.ledger)),
        (Axis::Selector, space.selectors.class(&intent.selector)),
        (Axis::Roles, space.roles.class(&question.roles)),
        (Axis::From, space.from.class(&intent.from)),
    ];
    let in_classes = product.actions().contains(&intent.action)
        && classes
            .into_iter()
            .all(|(axis, class)| class.is_some_and(|class| product.classes(axis).contains(&class)));
    let (least, most) = leaf.amounts;
    let in_amounts = intent.value.as_ref().is_none_or(|value| least <= value.amount && value.amount <= most);
    let in_fees = leaf.fees.iter().any(|fee| match (fee, &intent.fee) {
        (Fee::None, None) => true,
        (Fee::Of(asset, least, most), Some(fee)) => {
            *asset.name() == fee.asset && *least <= fee.amount && fee.amount <= *most
        }
        _ => false,
    });
    let (when, open) = leaf.when;
    let mut clock = Clock::at(question.now);
    let open = open.map(|open| open.is_some_and(|open| searched.leaves.times.is_open(open, &mut clock)));
    let in_times = open
        == match when {
            When::Both => [true, true],
            When::OnlyOld => [true, false],
            When::OnlyNew => [false, true],
        };
    (in_classes && in_amounts && in_fees && in_times).then_some(leaf.way)
}

/// What is done to one rule of the old bundle.
#[derive(Clone, Debug)]
enum Edit {
    Keep,
    Drop,
    Replace(Rule),
    /// Loses one line.
    Lose(Index),
    Forward,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => Just(Edit::Keep),
        1 => Just(Edit::Drop),
        1 => rule().prop_map(Edit::Replace),
        2 => any::<Index>().prop_map(Edit::Lose),
        1 => Just(Edit::Forward),
    ]
}

fn edited(rules: &[Rule], edits: &[Edit]) -> Vec<Rule> {
    let mut new: Vec<Rule> = Vec::new();
    for (rule, edit) in rules.iter().zip(edits) {
        match edit {
            Edit::Drop => {}
            Edit::Replace(other) => new.push(Rule { name: rule.name.clone(), ..other.clone() }),
            Edit::Lose(at) if !rule.lines.is_empty() => {
                let mut rule = rule.clone();
                let at = at.index(rule.lines.len());
                // An allow for calls has to say which.
                if !rule.lines[at].starts_with("selectors") && !rule.lines[at].starts_with("action") {
                    rule.lines.remove(at);
                }
                new.push(rule);
            }
            Edit::Forward => new.insert(0, rule.clone()),
            Edit::Keep | Edit::Lose(_) => new.push(rule.clone()),
        }
    }
    new
}

type Parts = (Header, Vec<Rule>, (Vec<Edit>, Vec<Rule>), Option<Header>);

fn bundles() -> impl Strategy<Value = (String, String)> {
    let rules = proptest::collection::vec(rule(), 1..9).prop_map(|rules| numbered(rules, 0));
    let new = prop_oneof![
        4 => (Just(()), proptest::collection::vec(edit(), 9)).prop_map(|(_, edits)| (edits, Vec::new())),
        1 => proptest::collection::vec(rule(), 1..6).prop_map(|rules| (Vec::new(), numbered(rules, 0))),
    ];
    (header(), rules, new, proptest::option::weighted(0.5, header())).prop_map(
        |(header, rules, (edits, fresh), other): Parts| {
            let new = if edits.is_empty() { fresh } else { edited(&rules, &edits) };
            (write(&header, &rules), write(&other.unwrap_or(header), &new))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Sound and complete: a payment is in a region if and only if the bundles judge it differently.
    #[test]
    fn agrees_with_the_judge((old, new) in bundles(), asks in proptest::collection::vec(asked(), 60)) {
        let (old, new) = (Policy::parse(&old).unwrap(), Policy::parse(&new).unwrap());
        let pair = [&old, &new];
        let mut steps = Steps(MAX_STEPS);
        let searched = Searched::of(pair, since(), &mut steps).unwrap();
        let difference = diff(&old, &new, since()).unwrap();
        prop_assert_eq!(difference.regions.len(), searched.products.len());
        let texts = || format!("{}\n=======\n{}", old.text(), new.text());
        let witnesses = difference.regions.iter().map(|region| {
            let question = region.witness.question();
            prop_assert_eq!(truth(pair, &question), Some(region.way), "{:?}\n{}", region, texts());
            prop_assert_eq!(region.old.allowed, region.old.denial.is_none());
            prop_assert_eq!(region.new.allowed, region.new.denial.is_none());
            Ok(Asked {
                intent: question.intent.clone(),
                account: question.account.clone(),
                caller: question.caller.clone(),
                roles: question.roles,
                now: question.now,
            })
        });
        let witnesses: Vec<Asked> = witnesses.collect::<Result<_, TestCaseError>>()?;
        // Beside each witness: the same at another time, with another amount, by somebody else.
        let near = witnesses.iter().zip(&asks).flat_map(|(witness, other)| {
            let mut later = witness.clone();
            later.now = other.now;
            let mut more = witness.clone();
            if let (Some(value), Some(other)) = (&mut more.intent.value, &other.intent.value) {
                value.amount = other.amount;
            }
            let mut elsewhere = witness.clone();
            (elsewhere.account, elsewhere.caller, elsewhere.roles) =
                (other.account.clone(), other.caller.clone(), other.roles);
            let mut costlier = witness.clone();
            costlier.intent.fee = other.intent.fee.clone();
            [later, more, elsewhere, costlier]
        });
        for ask in asks.iter().cloned().chain(near).chain(witnesses.iter().cloned()) {
            let question = ask.question();
            let found: Vec<Way> = searched.products.iter()
                .filter_map(|product| contains(&searched, product, &question)).collect();
            let truth: Vec<Way> = truth(pair, &question).into_iter().collect();
            prop_assert_eq!(found, truth, "{:?}\n{}", ask, texts());
        }
    }

    #[test]
    fn nothing_differs_from_itself((old, _) in bundles()) {
        let (old, new) = (Policy::parse(&old).unwrap(), Policy::parse(&format!("# again\n{old}")).unwrap());
        prop_assert!(diff(&old, &new, since()).unwrap().is_none());
    }
}

#[test]
fn every_action_is_sampled() {
    assert_eq!(ACTIONS, Action::ALL.map(Action::as_str));
}

/// Limits over other halves of everything: each combination of names has others of them.
#[test]
fn refuses_above_the_bound() {
    let text = |cap: u32| {
        let mut text = write_base();
        for i in 0..12_u32 {
            let half = |prefix: &str, shift: u32| {
                let names = (0..12_u32).filter(|name| (name * 7 + i * (shift + 3)) % 5 < 3);
                format!("{:?}", names.map(|name| format!("{prefix}{name}")).collect::<Vec<_>>())
            };
            text.push_str(&format!(
                "[[limit]]\nname = \"l{i}\"\nper_payment = \"{}.00 EUR\"\naccounts = {}\ncallers = {}\n",
                cap + i,
                half("a", 1),
                half("p", 2),
            ));
        }
        text
    };
    let (old, new) = (Policy::parse(&text(50)).unwrap(), Policy::parse(&text(51)).unwrap());
    let refused = within([&old, &new], since(), 1000).unwrap_err();
    assert_eq!(refused, DiffError::TooMany);
    assert!(refused.to_string().contains("smaller"), "{refused}");
    assert!(!within([&old, &new], since(), MAX_STEPS).unwrap().is_none());
}

/// Each kind of difference has its price in steps, beside the way to it: a thousand of them would be
/// too many to read long before they are too many to find.
#[test]
fn refuses_more_differences_than_can_be_read() {
    let text = |least: u32, accounts: u32| {
        let rule = |i| {
            format!(
                "[[allow]]\nname = \"r{i}\"\naccounts = [\"a{i}\"]\nper_payment = \"{}.00 EUR\"\n",
                least + i
            )
        };
        write_base().replace("[[allow]]\nname = \"all\"\n", "") + &(0..accounts).map(rule).collect::<String>()
    };
    let (old, new) = (Policy::parse(&text(50, 60)).unwrap(), Policy::parse(&text(150, 60)).unwrap());
    let steps = 60 * (MAX_STEPS / 10_000);
    assert_eq!(within([&old, &new], since(), steps - 1).unwrap_err(), DiffError::TooMany);
    // What it takes to find them is a small part of that.
    assert_eq!(within([&old, &new], since(), steps + steps / 4).unwrap().regions.len(), 60);
}

fn write_base() -> String {
    format!(
        "version = 1\n[assets.EUR]\ndecimals = 2\n[recipients.shop]\naddress = \"{}\"\n[[allow]]\nname = \"all\"\n",
        KEYS[0]
    )
}
