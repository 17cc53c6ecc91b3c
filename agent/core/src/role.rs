//! What a caller may do, beside what the policy says of payments.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a caller may be there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Role {
    /// Asks for payments.
    Requester = 1,
    /// Approves or refuses them.
    Approver = 2,
    /// Reads the audit log.
    Auditor = 4,
    /// Runs the agent: policy, clock.
    Administrator = 8,
    /// A node of a ledger that asks for endorsements.
    Node = 16,
}

/// A set of roles; as JSON a list of their words, in the order of [`Role::ALL`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Role {
    /// Every role, in order.
    pub const ALL: [Self; 5] =
        [Self::Requester, Self::Approver, Self::Auditor, Self::Administrator, Self::Node];

    /// As it stands in config.toml.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
            Self::Node => "node",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);
    /// Every role.
    pub const ALL: Self = Self::of(&Role::ALL);

    /// These roles.
    pub const fn of(roles: &[Role]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < roles.len() {
            bits |= roles[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// Is this role one of them?
    pub const fn has(self, role: Role) -> bool {
        self.0 & role as u8 != 0
    }

    /// Is there a role in both?
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Is there none?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// So many sets there are.
    pub(crate) const SETS: u8 = 32;

    /// The set with these bits; others are ignored.
    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits % Self::SETS)
    }

    /// One bit a role, in the order of [`Role::ALL`] from the lowest on.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The roles, in order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::<Role>::deserialize(from).map(Self::from_iter)
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | role as u8))
    }
}

impl fmt::Display for Roles {
    /// `auditor or administrator`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no role");
        }
        for (i, role) in self.iter().enumerate() {
            write!(f, "{}{role}", if i == 0 { "" } else { " or " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_set_is_its_bits() {
        for (role, bit) in Role::ALL.into_iter().zip([1, 2, 4, 8, 16]) {
            assert_eq!(Roles::of(&[role]).bits(), bit, "{role}");
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        let some = Roles::of(&[Role::Administrator, Role::Auditor]);
        assert_eq!((some.bits(), some.to_string()), (12, "auditor or administrator".to_owned()));
        assert_eq!(some.iter().collect::<Roles>(), some);
        assert!(some.has(Role::Auditor) && !some.has(Role::Requester));
        assert!(some.meets(Roles::of(&[Role::Auditor, Role::Node])));
        assert!(!some.meets(Roles::of(&[Role::Requester])) && !some.meets(Roles::NONE));
        assert_eq!((Roles::ALL.bits(), Roles::NONE.to_string()), (31, "no role".to_owned()));
    }
}
