//! Approvers and quorums that are surely not meant.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::super::denial::list;
use super::super::quorum::Quorum;
use super::super::rule::Rule;
use super::super::{Kind, Policy};
use super::members;
use crate::amount::Amount;
use crate::approval::quorum::{Need, feasible};
use crate::name::Name;

/// What it costs to seat somebody in a quorum, in words of rows.
const SEAT: usize = 1000;

/// Every quorum that the bundle asks for.
fn needs(policy: &Policy) -> impl Iterator<Item = &Need> {
    let people = &policy.people;
    let rules = policy.rules.iter().flat_map(|rule| &rule.quorums).map(|quorum| &quorum.need);
    rules.chain(&people.break_glass).chain(people.freeze.iter().map(|freeze| &freeze.lift))
}

/// The names that quorums are asked of, as far as they are written: groups among them.
pub(super) fn asked(policy: &Policy) -> HashSet<&str> {
    needs(policy).flat_map(|need| need.label.split(", ").chain([need.label.as_str()])).collect()
}

/// What is strange about the people as a whole.
pub(super) fn of_the_policy(policy: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    let asked: BTreeSet<&Name> = needs(policy).flat_map(|need| &need.from).collect();
    let idle: Vec<&Name> = policy
        .people
        .approvers
        .values()
        .filter(|approver| !approver.revoked && !asked.contains(&approver.name))
        .map(|approver| &approver.name)
        .collect();
    if !idle.is_empty() {
        found.push(format!("no quorum asks {}", list(idle)));
    }
    // What denies everything needs nobody to guard it.
    if policy.people.administrators.is_none() && policy.rules.iter().any(|rule| rule.kind == Kind::Allow) {
        found.push(
            "it has no [administrators]: whoever can write the agent's home folder changes it; name them with need and keys"
                .to_owned(),
        );
    }
    found
}

/// What is strange about one rule's quorums.
pub(super) fn of_the_rule(policy: &Policy, rule: &Rule, work: &mut usize) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(idle(rule));
    // Where nobody is asked, nobody is missing.
    let asked = |quorum: &&Arc<Quorum>| !largest(rule).is_some_and(|largest| is_idle(quorum, largest));
    let quorums: Vec<&Quorum> = rule.quorums.iter().filter(asked).map(AsRef::as_ref).collect();
    if let Some(asks) = nobody_left(policy, rule, &quorums, work) {
        let always = quorums.iter().any(|quorum| quorum.above.is_none() && !quorum.first);
        let when = if always { "" } else { " where approvals are asked for" };
        found.push(format!(
            "nobody can approve what {} asks for{when}: without whoever asks there are too few approvers",
            list(asks)
        ));
    }
    found
}

/// The most that a quorum's threshold is compared with.
fn largest(rule: &Rule) -> Option<Amount> {
    match rule.watch() {
        None => rule.per_payment.as_ref().map(|cap| cap.cap),
        // The sums of one requester and recipient stay below a cap that everybody shares.
        Some(_) => rule.shared_cap(),
    }
}

fn is_idle(quorum: &Quorum, largest: Amount) -> bool {
    !quorum.first && quorum.above.as_ref().is_some_and(|above| above.cap >= largest)
}

/// A quorum above what can ever be paid.
fn idle(rule: &Rule) -> Option<String> {
    let largest = largest(rule)?;
    let above = rule.quorums.iter().filter(|quorum| is_idle(quorum, largest));
    let idle = above.filter_map(|quorum| quorum.above.as_ref()).min_by_key(|above| above.cap)?;
    Some(format!(
        "nobody is ever asked for approvals above {}: it allows {} at most",
        idle.asset.format(idle.cap),
        idle.asset.format(largest)
    ))
}

/// The callers under whose name approvers ask, and without these the rest is not enough.
fn nobody_left<'a>(
    policy: &'a Policy,
    rule: &'a Rule,
    quorums: &[&'a Quorum],
    work: &mut usize,
) -> Option<Vec<&'a Name>> {
    let needs: Vec<Need> = quorums.iter().map(|quorum| quorum.need.clone()).collect();
    let people: BTreeSet<&Name> = quorums.iter().flat_map(|quorum| &quorum.need.from).collect();
    let known = |name: &'a Name| policy.people.approvers.get(name).into_iter().flat_map(|one| &one.callers);
    let names: BTreeSet<&Name> = people.iter().flat_map(|name| known(name).chain([*name])).collect();
    // Whoever asks under each is left out in turn, and all others are seated.
    *work = work.saturating_sub(names.len() * people.len() * SEAT);
    if *work == 0 {
        return None;
    }
    let callers = match &rule.scope.callers {
        None => None,
        Some(callers) => Some(members(policy, Some(callers), work)?),
    };
    let asks = |name: &Name| callers.as_ref().is_none_or(|callers| callers.contains(name));
    let needed = |name: &&Name| {
        let asking = policy.roster().asking_as(name);
        let others = people.iter().filter(|other| !asking.contains(**other)).map(|other| (*other).clone());
        let others = others.collect();
        asks(name) && !feasible(&needs, &others)
    };
    let stuck: Vec<&Name> = names.into_iter().filter(needed).collect();
    (!stuck.is_empty()).then_some(stuck)
}
