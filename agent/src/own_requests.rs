//! Nobody approves their own request: callers of whom the policy does not say which approver they are.
//!
//! That a person asks under one name and approves under another, only people know. The bundle says
//! so with an approver's `callers`, for every node and every verifier alike; here is told where it
//! seems to be left out.

use bursar_core::name::Name;
use bursar_core::policy::Policy;

use crate::caller::{Identity, Role};
use crate::config::Callers;

/// What to write where; empty if everybody is known, or nobody ever has to approve.
pub fn warnings(callers: &Callers, policy: &Policy) -> Vec<String> {
    if !policy.asks_people() {
        return Vec::new();
    }
    let listed = |name: &Name| policy.approvers().any(|approver| approver.callers.contains(name));
    let one = |caller: &Identity| {
        let name = &caller.name;
        if let Some(almost) = policy.almost_asking_as(name) {
            return Some(format!(
                "the caller {name} and {almost} in the policy differ in upper and lower case alone, and are taken for two:                  they could approve what they asked for as {name}. Write it as {almost} under [callers] in config.toml"
            ));
        }
        if callers.is_shared(name) {
            (caller.roles.has(Role::Requester) && !listed(name)).then(|| {
                format!(
                    "the caller {name} is everybody of a group, and the policy does not say which approvers are in it: \
                     those could approve what they asked for as {name}. Write callers = [\"{name}\"] under \
                     [approvers.NAME] of each of them in the policy; if none is, nothing is amiss"
                )
            })
        } else {
            let unknown = caller.roles.has(Role::Approver) && policy.roster().asking_as(name).is_empty();
            unknown.then(|| {
                format!(
                    "the caller {name} has the role approver, and the policy does not say which approver that is: \
                     they could approve what they asked for as {name}. Write callers = [\"{name}\"] under \
                     [approvers.NAME] of that person in the policy; if it is none of them, take \"approver\" out of \
                     roles under [callers.{name}] in config.toml"
                )
            })
        }
    };
    callers.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn policy(lines: &str, quorum: bool) -> Policy {
        let quorum = if quorum { "approvals = [{ need = 1, from = \"anna\" }]\n" } else { "" };
        let text = format!(
            "version = 1\n[approvers.anna]\nkey = \"{KEY}\"\n{lines}\n[[allow]]\nname = \"all\"\n{quorum}"
        );
        Policy::parse(&text).unwrap()
    }

    #[test]
    fn case_table() {
        let callers = |text: &str| Callers::of_text(text).unwrap();
        let both = "roles = [\"requester\", \"approver\"]";
        for (text, lines, says) in [
            (format!("[anna]\nuid = 1\n{both}"), "", None),
            (format!("[owner]\nuid = 1\n{both}"), "", Some("the caller owner has the role approver")),
            ("[owner]\nuid = 1\nroles = [\"approver\"]".to_owned(), "", Some("callers = [\"owner\"]")),
            (format!("[owner]\nuid = 1\n{both}"), "callers = [\"desk\", \"owner\"]", None),
            // As the policy spells it, byte by byte.
            (format!("[Anna]\nuid = 1\n{both}"), "", Some("the caller Anna")),
            ("[ANNA]\nuid = 1".to_owned(), "", Some("differ in upper and lower case alone")),
            ("[Desk]\nuid = 1".to_owned(), "callers = [\"desk\"]", Some("Write it as desk")),
            ("[clerk]\nuid = 1".to_owned(), "", None),
            ("[clerks]\ngid = 1".to_owned(), "", Some("the caller clerks is everybody of a group")),
            ("[clerks]\ngid = 1".to_owned(), "callers = [\"clerks\"]", None),
            ("[clerks]\ngid = 1\nroles = [\"auditor\"]".to_owned(), "", None),
            // That an approver has the group's name says nothing of its members.
            ("[anna]\ngid = 1".to_owned(), "", Some("the caller anna is everybody of a group")),
        ] {
            let found = warnings(&callers(&text), &policy(lines, true));
            match says {
                None => assert!(found.is_empty(), "{text}: {found:?}"),
                Some(says) => assert!(found.len() == 1 && found[0].contains(says), "{text}: {found:?}"),
            }
            assert!(warnings(&callers(&text), &policy(lines, false)).is_empty(), "nobody approves anything");
        }
    }
}
