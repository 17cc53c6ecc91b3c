//! Whose decision is missing, against trying every way to seat people.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use bursar_core::approval::quorum::{Missing, Need, awaited, feasible, missing};
use bursar_core::name::Name;
use proptest::prelude::*;

fn names(text: &str) -> Vec<Name> {
    text.split_whitespace().map(|name| name.parse().unwrap()).collect()
}

fn need(need: u32, label: &str, from: &str) -> Need {
    Need { need, from: names(from), label: label.to_owned() }
}

fn set(text: &str) -> BTreeSet<Name> {
    names(text).into_iter().collect()
}

fn said(missing: &[Missing]) -> Vec<String> {
    let list = |names: &[Name]| names.iter().map(Name::as_str).collect::<Vec<_>>().join(" ");
    missing.iter().map(|m| format!("{} {}: {}; {}", m.need, m.label, list(&m.have), list(&m.of))).collect()
}

#[test]
fn case_table() {
    let two = [need(2, "managers", "anna ben chloe")];
    let both = [need(2, "managers", "anna ben chloe"), need(1, "finance", "chloe dora")];
    let forced = [need(1, "managers", "anna ben"), need(1, "finance", "ben")];
    let cases: &[(&[Need], &str, &[&str])] = &[
        (&two, "", &["2 managers: ; anna ben chloe"]),
        (&two, "anna", &["2 managers: anna; ben chloe"]),
        (&two, "anna chloe", &[]),
        (&two, "anna ben chloe", &[]),
        (&two, "anna stranger", &["2 managers: anna; ben chloe"]),
        // Three people, though Chloe is in both groups.
        (&both, "anna chloe", &["2 managers: anna; ben"]),
        (&both, "chloe dora", &["2 managers: chloe; anna ben"]),
        (&both, "anna ben", &["1 finance: ; chloe dora"]),
        (&both, "anna ben chloe", &[]),
        (&both, "anna chloe dora", &[]),
        (&both, "anna ben dora", &[]),
        // Ben stands where nobody else can, so that Anna can complete it.
        (&forced, "ben", &["1 managers: ; anna"]),
        (&forced, "anna", &["1 finance: ; ben"]),
        (&forced, "anna ben", &[]),
        // Nobody can complete it.
        (&[need(3, "managers", "anna ben")], "anna", &["3 managers: anna; ben"]),
        (&[need(1, "nobody", "")], "anna", &["1 nobody: ; "]),
        (&[need(2, "managers", "anna anna")], "anna", &["2 managers: anna; "]),
        (&[need(u32::MAX, "managers", "anna")], "", &["4294967295 managers: ; anna"]),
        (&[], "anna", &[]),
    ];
    for (needs, voters, expected) in cases {
        assert_eq!(said(&missing(needs, &set(voters))), *expected, "{needs:?} {voters}");
    }
    // Dora frees Chloe for the managers; with the quorum, nobody is waited for.
    assert_eq!(awaited(&both, &set("anna chloe")), set("ben dora"));
    assert_eq!(awaited(&both, &set("anna ben")), set("chloe dora"));
    assert_eq!(awaited(&both, &set("anna ben dora")), set(""));
    assert_eq!(awaited(&both, &set("")), set("anna ben chloe dora"));
    assert!(feasible(&both, &set("anna ben chloe")));
    assert!(!feasible(&both, &set("anna ben stranger")));
    assert!(!feasible(&[need(1, "managers", "anna"), need(1, "finance", "anna")], &set("anna ben")));
}

#[test]
fn is_read_and_written() {
    let json = r#"{"need":2,"from":["anna","ben"],"label":"managers"}"#;
    let read: Need = serde_json::from_str(json).unwrap();
    assert_eq!(read, need(2, "managers", "anna ben"));
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
}

/// A long chain of people in two groups each: the newcomer makes all of them move up.
#[test]
fn everybody_moves_up_if_it_takes_that() {
    let person = |i: usize| format!("p{i:03}");
    let needs: Vec<Need> =
        (0..200).map(|i| need(1, &format!("g{i}"), &format!("{} {}", person(i), person(i + 1)))).collect();
    let all: BTreeSet<Name> = (0..=200).map(|i| person(i).parse().unwrap()).collect();
    for left_out in [0, 57, 200] {
        let mut voters = all.clone();
        assert!(voters.remove(person(left_out).as_str()));
        assert!(feasible(&needs, &voters), "{left_out}");
        assert!(voters.remove(person(100).as_str()));
        assert_eq!(missing(&needs, &voters).len(), 1, "{left_out}");
    }
}

const PEOPLE: u32 = 6;

fn person(i: u32) -> Name {
    format!("p{i}").parse().unwrap()
}

fn people(bits: u32) -> BTreeSet<Name> {
    (0..PEOPLE).filter(|i| bits >> i & 1 == 1).map(person).collect()
}

/// The most places that these people fill, trying for each person every group and none.
fn most(needs: &[Need], voters: &[Name], filled: &mut Vec<u32>) -> u32 {
    let Some((first, others)) = voters.split_first() else { return filled.iter().sum() };
    let mut best = most(needs, others, filled);
    for (at, need) in needs.iter().enumerate() {
        if filled[at] < need.need && need.from.contains(first) {
            filled[at] += 1;
            best = best.max(most(needs, others, filled));
            filled[at] -= 1;
        }
    }
    best
}

fn places(needs: &[Need], voters: &BTreeSet<Name>) -> u32 {
    let voters: Vec<Name> = voters.iter().cloned().collect();
    most(needs, &voters, &mut vec![0; needs.len()])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn agrees_with_every_way_to_seat_people(
        groups in prop::collection::vec((0u32..4, 0u32..1 << PEOPLE), 0..4), voters in 0u32..1 << PEOPLE,
    ) {
        let needs: Vec<Need> = groups.iter().enumerate().map(|(i, (need, from))| Need {
            need: *need, from: people(*from).into_iter().collect(), label: i.to_string(),
        }).collect();
        let voters = people(voters);
        let wanted: u32 = needs.iter().map(|need| need.need).sum();
        let all = places(&needs, &voters);
        let missing = missing(&needs, &voters);
        prop_assert_eq!(missing.is_empty(), all == wanted);
        prop_assert_eq!(feasible(&needs, &voters), all == wanted);
        // As many places are open as have to be, and nobody has two.
        let open: u32 = missing.iter().map(|m| m.need - u32::try_from(m.have.len()).unwrap()).sum();
        prop_assert_eq!(open, wanted - all);
        let seated: Vec<&Name> = missing.iter().flat_map(|m| &m.have).collect();
        prop_assert_eq!(seated.iter().collect::<BTreeSet<_>>().len(), seated.len());
        for one in &missing {
            let need = &needs[one.label.parse::<usize>().unwrap()];
            prop_assert_eq!(need.need, one.need);
            prop_assert!(one.have.iter().all(|name| voters.contains(name) && need.from.contains(name)));
            let others = need.from.iter().filter(|name| !voters.contains(*name)).cloned().collect::<Vec<_>>();
            prop_assert_eq!(&one.of, &others);
        }
        for i in 0..PEOPLE {
            let mut more = voters.clone();
            let helps = more.insert(person(i)) && places(&needs, &more) > all;
            prop_assert_eq!(awaited(&needs, &voters).contains(&person(i)), helps);
        }
        // Where all people together could do it, those named as missing can.
        if places(&needs, &people(u32::MAX)) == wanted {
            let rest: Vec<Need> = missing.iter().map(|m| Need {
                need: m.need - u32::try_from(m.have.len()).unwrap(), from: m.of.clone(), label: m.label.clone(),
            }).collect();
            prop_assert_eq!(places(&rest, &people(u32::MAX)), wanted - all);
        }
    }
}
