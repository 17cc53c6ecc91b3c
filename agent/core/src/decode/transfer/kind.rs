//! Which of the two transactions that move an amount: a payment, or an issue.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::intent::Action;

/// What a [`Transfer`](super::Transfer) does. Both have the same nine fields; the payload type is
/// part of what is signed, so no signature for one is valid for the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `transfer.v1`: `from` pays `to`.
    #[default]
    Pay,
    /// `issue.v1`: `from`, the issuer, makes the amount, which did not exist before, for `to`.
    Issue,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 2] = [Self::Pay, Self::Issue];

    /// The DSSE payload type.
    pub fn payload_type(self) -> &'static str {
        match self {
            Self::Pay => "application/vnd.bursar.transfer.v1+json",
            Self::Issue => "application/vnd.bursar.issue.v1+json",
        }
    }

    /// The kind with this DSSE payload type.
    pub fn of_payload_type(payload_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.payload_type() == payload_type)
    }

    /// As the policy sees it.
    pub fn action(self) -> Action {
        match self {
            Self::Pay => Action::Pay,
            Self::Issue => Action::Issue,
        }
    }

    /// Is it a payment? Where JSON leaves the kind out, it is.
    pub fn is_pay(&self) -> bool {
        *self == Self::Pay
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.action().as_str())
    }
}
