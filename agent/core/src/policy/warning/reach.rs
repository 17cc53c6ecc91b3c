//! Rules that never come to bear, because of several others together.

use super::super::denial::list;
use super::super::diff::{Culprit, Fate, Reach};
use super::super::{Kind, Policy};

/// What was found out about the allow rules of a bundle.
pub(super) struct Found {
    /// By the position of the rule.
    pub about: Vec<(usize, String)>,
    /// Rules of which it takes too long to tell.
    pub unknown: Vec<usize>,
}

/// Most rules of which a message says that they are not known.
pub(super) const NAMED: usize = 5;

/// Looks at these allow rules, by their positions.
pub(super) fn warnings(policy: &Policy, rules: &[usize]) -> Found {
    let mut found = Found { about: Vec::new(), unknown: Vec::new() };
    if rules.is_empty() {
        return found;
    }
    let Some(mut reach) = Reach::of(policy) else {
        found.unknown = rules.to_vec();
        return found;
    };
    for &at in rules {
        match reach.fate(at) {
            Fate::Allows => {}
            Fate::Unknown => found.unknown.push(at),
            Fate::NeverDecides(by) if by.is_empty() => {
                let why = "never matches: no payment has something of each of its lists";
                found.about.push((at, why.to_owned()));
            }
            Fate::NeverDecides(by) => {
                let verb = match kinds(policy, &by) {
                    (true, false) => "forbid",
                    (false, true) => "already decide",
                    _ => "decide or forbid",
                };
                found.about.push((
                    at,
                    format!("never decides: {} {verb} everything in its scope", named(policy, &by)),
                ));
            }
            Fate::NeverAllows(by) if by.is_empty() => {
                let why = "never allows anything: its hours and its lifetime leave no time";
                found.about.push((at, why.to_owned()));
            }
            Fate::NeverAllows(by) => found.about.push((
                at,
                format!("never allows anything: all that it decides is denied by {}", denied(policy, &by)),
            )),
        }
    }
    found
}

/// Are there forbids among them; and allows?
fn kinds(policy: &Policy, by: &[Culprit]) -> (bool, bool) {
    let is = |kind: Kind| {
        by.iter().any(|one| match one {
            Culprit::Rule(at) => policy.rules.get(*at).is_some_and(|rule| rule.kind == kind),
            Culprit::Purpose(_) | Culprit::Many => false,
        })
    };
    (is(Kind::Forbid), is(Kind::Allow))
}

fn words(policy: &Policy, by: &[Culprit]) -> Vec<String> {
    let word = |one: &Culprit| match one {
        Culprit::Rule(at) => {
            policy.rules.get(*at).map(|rule| format!("\"{}\" (line {})", rule.name, rule.line))
        }
        Culprit::Purpose(asset) => Some(format!("what {asset} is bound to")),
        Culprit::Many => Some("many other rules".to_owned()),
    };
    by.iter().filter_map(word).collect()
}

fn and(mut words: Vec<String>) -> String {
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} and {last}", words.join(", ")) }
}

/// `rules "a" (line 3) and "b" (line 9) together`.
fn named(policy: &Policy, by: &[Culprit]) -> String {
    match by {
        [] | [Culprit::Many] => "many earlier rules together".to_owned(),
        [_] => format!("rule {}", and(words(policy, by))),
        _ => format!("rules {} together", and(words(policy, by))),
    }
}

fn denied(policy: &Policy, by: &[Culprit]) -> String {
    let together = if by.len() > 1 { ", together" } else { "" };
    format!("{}{together}", and(words(policy, by)))
}

/// Of which rules nobody can tell.
pub(super) fn unknown(policy: &Policy, unknown: &[usize]) -> Option<String> {
    let names: Vec<_> =
        unknown.iter().filter_map(|at| policy.rules.get(*at)).map(|rule| &rule.name).collect();
    let first = list(names.iter().take(NAMED).copied());
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| {
        format!(
            "there are too many combinations of accounts, recipients, callers and so on to tell whether these rules ever decide or allow anything: {first}{more}"
        )
    })
}
