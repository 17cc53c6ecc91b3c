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
