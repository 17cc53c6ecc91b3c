//! Amounts and recipients on the command line: read as far as that goes without the policy.

use bursar_core::amount::{AmountError, Asset, MAX_DECIMALS};
use bursar_core::name::Name;

use crate::book::request::{AmountText, Recipient};

/// A number and an asset. How many decimals the asset has only the policy says, so the agent looks
/// again; what is no number anywhere is refused here.
///
/// Each number has one spelling, without zeros at the end of its decimals: a spreadsheet that makes
/// 120.5 of 120.50 does not make another payment of it.
pub fn parse(number: &str, asset: &str) -> Result<AmountText, String> {
    let name: Name = asset.parse().map_err(|error| format!("the asset: {error}"))?;
    let widest = Asset::new(name, MAX_DECIMALS).map_err(|error| error.to_string())?;
    match widest.parse(number) {
        // With fewer decimals it may fit.
        Ok(_) | Err(AmountError::TooLarge(_)) if !number.contains(' ') => {
            AmountText::try_from(format!("{} {asset}", shortest(number))).map_err(|error| error.to_string())
        }
        _ => Err(format!(
            "{:?} is not an amount; write digits, and a point before the decimals, like 120.50",
            number.chars().take(100).collect::<String>()
        )),
    }
}

fn shortest(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
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
            ("120.50", "EUR", "120.5 EUR"),
            ("120.5", "EUR", "120.5 EUR"),
            ("120.00", "EUR", "120 EUR"),
            ("0.0", "EUR", "0 EUR"),
            ("100", "EUR", "100 EUR"),
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
