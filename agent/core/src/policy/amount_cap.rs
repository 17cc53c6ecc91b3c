//! Condition: at most so much in one payment.

use std::fmt;

use super::denial::{Denial, DenialCode};
use crate::amount::{Amount, Asset};
use crate::name::Name;

/// The largest amount of one payment; that amount itself is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn case_table() {
        let asset = Asset::new("EUR".parse().unwrap(), 2).unwrap();
        let cap = AmountCap { asset, cap: Amount::from(5000) };
        for (amount, allowed) in [
            (Amount::from(1), true),
            (Amount::from(4999), true),
            (Amount::from(5000), true),
            (Amount::from(5001), false),
            (Amount::MAX, false),
        ] {
            assert_eq!(cap.holds(amount), allowed, "{amount}");
        }
        let denial = cap.denial(&"petty cash".parse().unwrap(), Amount::from(6230));
        assert_eq!(denial.message, "rule \"petty cash\": 50.00 EUR a payment at most; asked 62.30 EUR");
    }
}
