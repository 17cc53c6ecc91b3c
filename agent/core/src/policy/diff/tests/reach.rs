//! Which rules never come to bear: against the judge, and against the difference.

use super::*;
use crate::policy::Kind;
use crate::policy::judge::facts;

/// The allow rule that decides, denied or not by its own conditions and by limits.
fn decides(policy: &Policy, question: &Question<'_>) -> Option<usize> {
    let (_, lookup) = facts(policy, question).ok()?;
    let mut clock = Clock::at(question.now);
    let mut forbids = lookup.matching(0..policy.index.forbids);
    if forbids.any(|at| policy.rules[at].is_on(&mut clock)) {
        return None;
    }
    lookup.matching(policy.index.forbids..policy.index.allows).next()
}

fn allows(policy: &Policy) -> impl Iterator<Item = usize> {
    policy.index.forbids..policy.index.allows
}

/// The same bundle, which allows nothing.
fn without_allows(text: &str) -> Policy {
    let mut tables: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.starts_with("[[") {
            tables.push(String::new());
        }
        match tables.last_mut() {
            Some(table) => *table += &format!("{line}\n"),
            None => tables.push(format!("{line}\n")),
        }
    }
    tables.retain(|table| !table.starts_with("[[allow]]"));
    Policy::parse(&tables.concat()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// No false alarm, and none that is missed: a rule allows something if and only if the bundle
    /// differs by it from one that allows nothing.
    #[test]
    fn a_rule_is_said_to_be_idle_if_and_only_if_it_is(
        (text, _) in bundles(),
        asks in proptest::collection::vec(asked(), 200),
    ) {
        let policy = Policy::parse(&text).unwrap();
        let mut reach = Reach::of(&policy).unwrap();
        let fates: Vec<(usize, Fate)> = allows(&policy).map(|rule| (rule, reach.fate(rule))).collect();
        let of = |rule: usize| fates.iter().find(|(at, _)| *at == rule).map(|(_, fate)| fate).unwrap();
        for ask in &asks {
            if let Some(rule) = decides(&policy, &ask.question()) {
                prop_assert!(!matches!(of(rule), Fate::NeverDecides(_)), "{:?} {:?}\n{}", rule, ask, text);
            }
            if let Some(permit) = ever_allowed(&policy, &ask.question()) {
                let rule = policy.rules.iter().position(|rule| rule.name == *permit.rule()).unwrap();
                prop_assert_eq!(of(rule), &Fate::Allows, "{:?}\n{}", ask, text);
            }
        }
        let nothing = without_allows(&text);
        let mut steps = Steps(MAX_STEPS);
        let searched =
            Searched::of([&policy, &nothing], Timestamp::from_millis(0).unwrap(), &mut steps).unwrap();
        let used: BTreeSet<usize> = searched
            .products
            .iter()
            .filter_map(|product| searched.leaves.list[product.leaf as usize].rules[0])
            .collect();
        for (rule, fate) in &fates {
            prop_assert_ne!(fate, &Fate::Unknown);
            // Where people have to approve, nobody may be left for those who may ask.
            let asked = policy.rules.iter().any(|rule| !rule.quorums.is_empty());
            prop_assert!(!used.contains(rule) || *fate == Fate::Allows, "{:?} {:?}\n{}", rule, fate, text);
            let own = &policy.rules[*rule];
            let idle = *fate == Fate::Allows && !used.contains(rule) && !asked;
            prop_assert!(!idle, "{:?} allows nothing\n{}", own.name, text);
        }
    }
}

/// Who is to blame cannot be spared.
#[test]
fn names_the_fewest_that_it_takes() {
    let allow = |name: &str, lines: &str| format!("[[allow]]\nname = \"{name}\"\n{lines}\n");
    let text = write_base().replace("[[allow]]\nname = \"all\"\n", "")
        + &allow("a", "callers = [\"anna\"]\naccounts = [\"x\"]")
        + &allow("other", "callers = [\"anna\"]\naccounts = [\"y\"]")
        + &allow("b", "callers = [\"ben\", \"chloe\"]")
        + &allow("never", "callers = [\"anna\", \"ben\"]\naccounts = [\"x\"]")
        + &allow("sometimes", "callers = [\"anna\", \"ben\"]\naccounts = [\"x\", \"z\"]");
    let policy = Policy::parse(&text).unwrap();
    assert!(policy.rules.iter().all(|rule| rule.kind == Kind::Allow));
    let mut reach = Reach::of(&policy).unwrap();
    assert_eq!(reach.fate(3), Fate::NeverDecides(vec![Culprit::Rule(0), Culprit::Rule(2)]));
    assert_eq!(reach.fate(4), Fate::Allows);
}
