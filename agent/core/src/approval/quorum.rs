//! So many of these people.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// So many of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// How many.
    pub need: u32,
    /// Of whom.
    pub from: Vec<Name>,
    /// What people call them.
    pub label: String,
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What people call them.
    pub label: String,
    /// How many.
    pub need: u32,
    /// Who has approved.
    pub have: Vec<Name>,
    /// Of whom.
    pub of: Vec<Name>,
}

/// Needs that these voters do not meet.
pub fn missing(needs: &[Need], voters: &BTreeSet<Name>) -> Vec<Missing> {
    let mut found = Vec::new();
    for need in needs {
        let have: Vec<Name> = need.from.iter().filter(|name| voters.contains(*name)).cloned().collect();
        if have.len() < need.need as usize {
            found.push(Missing { label: need.label.clone(), need: need.need, have, of: need.from.clone() });
        }
    }
    found
}

/// Could these candidates meet all needs?
pub fn feasible(needs: &[Need], candidates: &BTreeSet<Name>) -> bool {
    missing(needs, candidates).is_empty()
}
