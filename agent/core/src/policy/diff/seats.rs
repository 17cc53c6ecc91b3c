//! What a rule can never allow to some callers, because they are among those who would have to approve.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{DiffError, Steps};
use crate::amount::Amount;
use crate::approval::quorum::{Need, feasible};
use crate::name::Name;
use crate::policy::Policy;
use crate::policy::quorum::Quorum;
use crate::policy::rule::Rule;

/// How much in one payment there are enough approvers for, beside whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Seats {
    /// Not even for nothing.
    Never,
    /// For this much, and no more.
    UpTo(Amount),
    Enough,
}

/// Callers for whom a rule has too few approvers, by how many it has.
pub(super) type Few = BTreeMap<Seats, BTreeSet<Name>>;

/// By rule of each bundle.
pub(super) struct Seating {
    pub few: [Vec<Few>; 2],
}

impl Seating {
    pub(super) fn of(pair: [&Policy; 2], steps: &mut Steps) -> Result<Self, DiffError> {
        let mut side = |policy: &Policy| {
            policy.rules.iter().map(|rule| few(policy, rule, steps)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { few: [side(pair[0])?, side(pair[1])?] })
    }

    /// Everybody for whom some rule has too few.
    pub(super) fn names(&self) -> BTreeSet<&Name> {
        self.rules().flat_map(|(_, few)| few.values().flatten()).collect()
    }

    /// By name, where too few are left: the bundle, the rule, and how many.
    pub(super) fn marks(&self) -> BTreeMap<&Name, Vec<(usize, usize, Seats)>> {
        let mut marks: BTreeMap<&Name, Vec<_>> = BTreeMap::new();
        for ((side, rule), few) in self.rules() {
            for (seats, names) in few {
                names.iter().for_each(|name| marks.entry(name).or_default().push((side, rule, *seats)));
            }
        }
        marks
    }

    fn rules(&self) -> impl Iterator<Item = ((usize, usize), &Few)> {
        self.few
            .iter()
            .enumerate()
            .flat_map(|(side, rules)| rules.iter().enumerate().map(move |(rule, few)| ((side, rule), few)))
    }
}

/// The names under which one of these people asks.
fn callers<'a>(policy: &'a Policy, people: &BTreeSet<&'a Name>) -> BTreeSet<&'a Name> {
    let these = policy.approvers().filter(|approver| people.contains(&approver.name));
    these.flat_map(|approver| approver.callers.iter().chain([&approver.name])).collect()
}

fn few(policy: &Policy, rule: &Rule, steps: &mut Steps) -> Result<Few, DiffError> {
    let mut found = Few::new();
    let people: BTreeSet<&Name> = rule.quorums.iter().flat_map(|quorum| &quorum.need.from).collect();
    let places: u64 = rule.quorums.iter().map(|quorum| u64::from(quorum.need.need)).sum();
    for caller in callers(policy, &people) {
        steps.take(1)?;
        let asking = policy.roster().asking_as(caller);
        let others = |quorum: &Quorum| {
            quorum.need.from.iter().filter(|name| !asking.contains(*name)).cloned().collect::<Vec<_>>()
        };
        // So many that it does not matter who sits where.
        let plenty = |quorum: &Quorum| quorum.need.from.len().saturating_sub(asking.len()) as u64 >= places;
        if rule.quorums.iter().all(|quorum| plenty(quorum)) {
            continue;
        }
        steps.take((people.len() * rule.quorums.len()) as u64)?;
        let needs: Vec<(&Quorum, Need)> = rule
            .quorums
            .iter()
            .map(|quorum| (quorum.as_ref(), Need { from: others(quorum), ..quorum.need.clone() }))
            .collect();
        let seats = seats(&needs, &people);
        if seats != Seats::Enough {
            found.entry(seats).or_default().insert(caller.clone());
        }
    }
    Ok(found)
}

/// The more is paid, the more quorums apply.
fn seats(needs: &[(&Quorum, Need)], people: &BTreeSet<&Name>) -> Seats {
    let everybody: BTreeSet<Name> = people.iter().map(|name| (*name).clone()).collect();
    let enough = |applies: &dyn Fn(&Quorum) -> bool| {
        let needs: Vec<Need> =
            needs.iter().filter(|(quorum, _)| applies(quorum)).map(|(_, need)| need.clone()).collect();
        feasible(&needs, &everybody)
    };
    let above = |quorum: &Quorum| quorum.above.as_ref().map(|above| above.cap);
    // To somebody who was paid before: in a first payment no fewer apply.
    let always = |quorum: &Quorum| quorum.above.is_none() && !quorum.first;
    if !enough(&always) {
        return Seats::Never;
    }
    let steps: BTreeSet<Amount> = needs.iter().filter_map(|(quorum, _)| above(quorum)).collect();
    let too_much = steps
        .into_iter()
        .find(|step| !enough(&|quorum| always(quorum) || above(quorum).is_some_and(|above| above <= *step)));
    too_much.map_or(Seats::Enough, Seats::UpTo)
}
