//! Who may ask for something: a name, and the roles that go with it.

use bursar_core::name::Name;
pub use bursar_core::role::{Role, Roles};
use serde::{Deserialize, Serialize};

/// A caller that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name, which the policy's `callers` use.
    pub name: Name,
    /// What it may be there for.
    pub roles: Roles,
    /// Which user of this machine it is, where the kernel says so.
    pub user: Option<User>,
}

/// The user behind a Unix socket, as the kernel knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// One of a group who share the caller's name: what they ask for is kept apart by the user id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares: bool,
}

/// Who asked, for people: `clerks (uid 1001)`; who has the name alone, by the name.
pub fn asker(caller: &Name, user: Option<User>) -> String {
    match user.filter(|user| user.shares) {
        Some(user) => format!("{caller} (uid {})", user.uid),
        None => caller.to_string(),
    }
}

/// Whoever has one of these sees everybody's payments.
const SEES_ALL: Roles = Roles::of(&[Role::Approver, Role::Auditor, Role::Administrator]);

impl Identity {
    /// Whose payments it may look at: its own name, or everybody's without one.
    pub fn sight(&self) -> Option<&Name> {
        if self.roles.meets(SEES_ALL) { None } else { Some(&self.name) }
    }

    /// May it look at what this caller has asked for?
    pub fn sees(&self, asked: &Name) -> bool {
        self.sight().is_none_or(|own| own == asked)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn who_only_asks_sees_what_it_asked_for() {
        for (roles, others) in [
            (&[Role::Requester][..], false),
            (&[Role::Node], false),
            (&[Role::Requester, Role::Node], false),
            (&[Role::Approver], true),
            (&[Role::Auditor], true),
            (&[Role::Administrator], true),
            (&[Role::Requester, Role::Auditor], true),
        ] {
            let anna = Identity { name: "anna".parse().unwrap(), roles: Roles::of(roles), user: None };
            assert!(anna.sees(&"anna".parse().unwrap()));
            assert_eq!(anna.sees(&"ben".parse().unwrap()), others, "{roles:?}");
        }
    }
}
