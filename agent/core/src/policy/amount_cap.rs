//! Condition: at most so much in one payment.

use std::fmt;

use super::denial::{Denial, DenialCode};
use crate::amount::{Amount, Asset};
use crate::name::Name;

/// The largest amount of one payment; that amount itself is allowed.
#[derive(Clone, Debug)]
pub(super) struct AmountCap {
    pub asset: Asset,
    pub cap: Amount,
}

impl AmountCap {
    pub(super) fn holds(&self, amount: Amount) -> bool {
        amount <= self.cap
    }

    pub(super) fn denial(&self, rule: &Name, amount: Amount) -> Denial {
        Denial::by(DenialCode::PerPayment, rule, format_args!("{self}; asked {}", self.asset.format(amount)))
    }
}

impl fmt::Display for AmountCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} a payment at most", self.asset.format(self.cap))
    }
}
