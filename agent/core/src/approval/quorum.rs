//! Whose decision is missing: one person, one vote, across all needs of one rule.
//!
//! A person in two groups fills one place, so "2 of managers and 1 of finance" takes three
//! people. Who fills which place is a bipartite matching, grown along augmenting paths
//! (Berge 1957), so that nobody is put where another could stand while a place stays empty.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// "So many of these people."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// How many different people.
    pub need: u32,
    /// Of whom; without those whose vote cannot count, like the requester.
    pub from: Vec<Name>,
    /// What a message calls them: `managers`.
    pub label: String,
}

impl Need {
    /// Are these people enough?
    pub fn is_met(&self, voters: &BTreeSet<Name>) -> bool {
        missing(std::slice::from_ref(self), voters).is_empty()
    }
}

/// A need with too few votes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What a message calls the group.
    pub label: String,
    /// How many it takes in all.
    pub need: u32,
    /// Whose votes count here, by name; each person in one place only.
    pub have: Vec<Name>,
    /// Who has not voted and is in this group, by name.
    pub of: Vec<Name>,
}

/// The needs that these voters leave open, in their order; none when the quorum is reached.
///
/// As many places are filled as can be. Of the ways to do that, one is taken that the people who
/// have not voted can complete, if there is one.
pub fn missing(needs: &[Need], voters: &BTreeSet<Name>) -> Vec<Missing> {
    let mut seats = Seats::new(needs);
    for voter in voters {
        seats.seat(voter);
    }
    // Who is seated stays seated, perhaps elsewhere: this only prepares the places for the others.
    for other in needs.iter().flat_map(|need| &need.from).collect::<BTreeSet<_>>() {
        if !voters.contains(other) {
            seats.seat(other);
        }
    }
    let open = |(need, seated): (&Need, &BTreeSet<&Name>)| {
        let have: Vec<Name> =
            seated.iter().filter(|name| voters.contains(**name)).map(|n| (*n).clone()).collect();
        let filled = u32::try_from(have.len()).is_ok_and(|have| have >= need.need);
        let of: BTreeSet<&Name> = need.from.iter().filter(|name| !voters.contains(*name)).collect();
        let of = of.into_iter().cloned().collect();
        (!filled).then(|| Missing { label: need.label.clone(), need: need.need, have, of })
    };
    needs.iter().zip(&seats.seated).filter_map(open).collect()
}

/// Whose vote would bring the quorum closer: who has not voted and would get a place, if need be
/// because others move to their other groups. Empty when the quorum is reached.
pub fn awaited(needs: &[Need], voters: &BTreeSet<Name>) -> BTreeSet<Name> {
    let mut seats = Seats::new(needs);
    for voter in voters {
        seats.seat(voter);
    }
    let others = needs.iter().flat_map(|need| &need.from).filter(|name| !voters.contains(*name));
    others.filter(|name| seats.clone().seat(name)).cloned().collect()
}

/// Could these people fill every need, one place each?
pub fn feasible(needs: &[Need], candidates: &BTreeSet<Name>) -> bool {
    missing(needs, candidates).is_empty()
}

/// Who sits where.
#[derive(Clone)]
struct Seats<'a> {
    /// Places of each need.
    places: Vec<usize>,
    /// Which needs a person is in.
    groups: BTreeMap<&'a Name, Vec<usize>>,
    /// Who fills each need.
    seated: Vec<BTreeSet<&'a Name>>,
}

impl<'a> Seats<'a> {
    fn new(needs: &'a [Need]) -> Self {
        let mut groups: BTreeMap<&Name, Vec<usize>> = BTreeMap::new();
        for (at, need) in needs.iter().enumerate() {
            for name in &need.from {
                groups.entry(name).or_default().push(at);
            }
        }
        let places = needs.iter().map(|need| usize::try_from(need.need).unwrap_or(usize::MAX)).collect();
        Self { places, groups, seated: vec![BTreeSet::new(); needs.len()] }
    }

    /// Gives a person a place, moving others to their other groups as it takes; breadth first,
    /// each need once. False if there is none.
    fn seat(&mut self, person: &Name) -> bool {
        let Some((person, own)) = self.groups.get_key_value(person) else { return false };
        // By need: who comes to sit there, and from where they are moved.
        let mut came: BTreeMap<usize, (&Name, Option<usize>)> = BTreeMap::new();
        let mut queue = VecDeque::new();
        for at in own {
            if came.insert(*at, (*person, None)).is_none() {
                queue.push_back(*at);
            }
        }
        while let Some(at) = queue.pop_front() {
            if self.seated[at].len() < self.places[at] {
                self.shift(at, &came);
                return true;
            }
            for sitting in &self.seated[at] {
                for other in self.groups.get(*sitting).into_iter().flatten() {
                    if !came.contains_key(other) {
                        came.insert(*other, (*sitting, Some(at)));
                        queue.push_back(*other);
                    }
                }
            }
        }
        false
    }

    /// Moves everybody on the way to the free place at `to`.
    fn shift(&mut self, mut to: usize, came: &BTreeMap<usize, (&'a Name, Option<usize>)>) {
        while let Some((name, from)) = came.get(&to) {
            self.seated[to].insert(*name);
            let Some(from) = from else { return };
            self.seated[*from].remove(*name);
            to = *from;
        }
    }
}
