//! Condition: at most so much for the ledger's own work.

use std::fmt;

use super::denial::{Denial, DenialCode};
use crate::amount::{Amount, Asset};
use crate::intent::Value;
use crate::name::Name;

/// The largest fee of one transaction, in the ledger's own asset; that fee itself is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FeeCap {
    pub asset: Asset,
    pub cap: Amount,
}

impl FeeCap {
    /// Does this fee keep to the cap? No fee always does, and one in another asset never.
    pub(super) fn holds(&self, fee: Option<&Value>) -> bool {
        fee.is_none_or(|fee| fee.asset == *self.asset.name() && fee.amount <= self.cap)
    }

    pub(super) fn denial(&self, rule: &Name, fee: Option<&Value>) -> Denial {
        let asked = match fee {
            Some(fee) if fee.asset == *self.asset.name() => self.asset.format(fee.amount),
            Some(fee) => format!("{} minor units of {}", fee.amount, fee.asset),
            None => "none".to_owned(),
        };
        Denial::by(DenialCode::Fee, rule, format_args!("{self}; asked {asked}"))
    }
}

impl fmt::Display for FeeCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a fee of {} at most", self.asset.format(self.cap))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn case_table() {
        let asset = Asset::new("ETH".parse().unwrap(), 3).unwrap();
        let cap = FeeCap { asset, cap: Amount::from(20) };
        let fee = |asset: &str, amount: u64| Value { asset: asset.parse().unwrap(), amount: amount.into() };
        for (fee, allowed) in [
            (None, true),
            (Some(fee("ETH", 19)), true),
            (Some(fee("ETH", 20)), true),
            (Some(fee("ETH", 21)), false),
            (Some(fee("EUR", 1)), false),
        ] {
            assert_eq!(cap.holds(fee.as_ref()), allowed, "{fee:?}");
        }
        let denial = cap.denial(&"transfers".parse().unwrap(), Some(&fee("ETH", 21)));
        assert_eq!(denial.message, "rule \"transfers\": a fee of 0.020 ETH at most; asked 0.021 ETH");
    }
}
