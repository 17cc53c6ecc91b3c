//! Domains: sixteen compartments; a session sees the objects with which it shares one.

use serde::{Deserialize, Serialize};

/// A set of domains, bit 0 being domain 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Domains(pub u16);

impl Domains {
    /// All sixteen.
    pub const ALL: Self = Self(0xffff);

    /// Do the two share one?
    pub fn shares(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Does it hold all of these, and are these any?
    pub fn admits(self, other: Self) -> bool {
        other.0 != 0 && self.0 & other.0 == other.0
    }
}
