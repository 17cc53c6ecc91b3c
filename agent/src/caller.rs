//! Who may ask for something: a name, and the roles that go with it.

use bursar_core::name::Name;
pub use bursar_core::role::{Role, Roles};

/// A caller that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name, which the policy's `callers` use.
    pub name: Name,
    /// What it may be there for.
    pub roles: Roles,
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
            let anna = Identity { name: "anna".parse().unwrap(), roles: Roles::of(roles) };
            assert!(anna.sees(&"anna".parse().unwrap()));
            assert_eq!(anna.sees(&"ben".parse().unwrap()), others, "{roles:?}");
        }
    }
}
