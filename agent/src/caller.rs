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
