//! Condition: at most so much in the first payment to somebody.

use std::fmt;

use super::amount_cap::AmountCap;
use super::denial::{Denial, DenialCode};
use crate::amount::Amount;
use crate::name::Name;

/// The largest amount of a payment from an account to an address that it has never paid before.
/// A payment has been made when a ledger recorded it, or when its envelope was handed out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FirstPayment(pub AmountCap);

impl FirstPayment {
    pub(super) fn denial(&self, rule: &Name, recipient: &Name, amount: Amount) -> Denial {
        let asked = self.0.asset.format(amount);
        Denial::by(
            DenialCode::FirstPayment,
            rule,
            format_args!("{self}, and {recipient} has not been paid from this account yet; asked {asked}"),
        )
    }
}

impl fmt::Display for FirstPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at most in the first payment to a new recipient", self.0.asset.format(self.0.cap))
    }
}
