//! Amounts and recipients on the command line: read as far as that goes without the policy.

use bursar_core::amount::{AmountError, Asset, MAX_DECIMALS};
use bursar_core::name::Name;

use crate::book::request::{AmountText, Recipient};

/// A number and an asset. How many decimals the asset has only the policy says, so the agent looks
/// again; what is no number anywhere is refused here.
pub fn parse(number: &str, asset: &str) -> Result<AmountText, String> {
    let name: Name = asset.parse().map_err(|error| format!("the asset: {error}"))?;
    let widest = Asset::new(name, MAX_DECIMALS).map_err(|error| error.to_string())?;
    match widest.parse(number) {
        // With fewer decimals it may fit.
        Ok(_) | Err(AmountError::TooLarge(_)) if !number.contains(' ') => {
            AmountText::try_from(format!("{number} {asset}")).map_err(|error| error.to_string())
        }
        _ => Err(format!(
            "{:?} is not an amount; write digits, and a point before the decimals, like 120.50",
            number.chars().take(100).collect::<String>()
        )),
    }
}

/// A recipient, for clap.
pub fn recipient(text: &str) -> Result<Recipient, String> {
    Recipient::try_from(text.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn case_table() {
        for (number, asset, joined) in [
            ("120.50", "EUR", "120.50 EUR"),
            ("7", "EUR", "7 EUR"),
            ("0.000000000000000001", "ETH", "0.000000000000000001 ETH"),
        ] {
            assert_eq!(parse(number, asset).unwrap().as_str(), joined);
        }
        // 78 digits fit into an asset without decimals.
        assert!(parse(&"1".repeat(78), "UNIT").is_ok());
        for number in ["-1", "+1", "01", "1e3", "NaN", "", " 1", "1,50", "1 EUR", "1.", ".5", "1_000", "€5"]
        {
            assert!(parse(number, "EUR").unwrap_err().contains("like 120.50"), "{number}");
        }
        assert!(parse("1", "E:R").unwrap_err().contains("the asset"));
    }
}
