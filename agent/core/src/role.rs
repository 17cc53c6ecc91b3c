//! What a caller may do, beside what the policy says of payments.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that a caller may be there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Asks for payments.
    Requester,
    /// Approves and refuses what others ask for, and freezes accounts.
    Approver,
    /// Reads the audit log.
    Auditor,
    /// Proposes and installs policies, confirms the clock.
    Administrator,
    /// Asks for endorsements.
    Node,
}

/// A set of roles.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] =
        [Self::Requester, Self::Approver, Self::Auditor, Self::Administrator, Self::Node];

    /// As in configuration and policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
            Self::Node => "node",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Roles {
    /// No role at all.
    pub const NONE: Roles = Roles(0);
    /// So many sets of roles there are.
    pub(crate) const SETS: usize = 1 << Role::ALL.len();

    /// Is this one of them?
    pub fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Is at least one of those among them?
    pub fn has_any(self, of: Roles) -> bool {
        self.0 & of.0 != 0
    }

    /// Its roles in their order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    pub(crate) fn number(self) -> usize {
        self.0.into()
    }

    pub(crate) fn from_number(number: usize) -> Self {
        Self((number % Self::SETS) as u8)
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | role.bit()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Role::as_str).collect();
        f.write_str(&if names.is_empty() { "no role".to_owned() } else { names.join(", ") })
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let roles: Roles = [Role::Node, Role::Requester].into_iter().collect();
        assert!(roles.has(Role::Requester) && roles.has(Role::Node) && !roles.has(Role::Auditor));
        assert_eq!(roles.to_string(), "requester, node");
        assert_eq!(Roles::NONE.to_string(), "no role");
        assert!(roles.has_any([Role::Node, Role::Auditor].into_iter().collect()));
        assert!(!roles.has_any(Roles::NONE));
        for number in 0..Roles::SETS {
            let set = Roles::from_number(number);
            assert_eq!(set.iter().collect::<Roles>(), set);
            assert_eq!(set.number(), number);
        }
    }
}
