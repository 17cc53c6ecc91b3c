//! A first balance as it is written on the command line: `expenses=5000.00 EUR`.

use std::str::FromStr;

use bursar_core::amount::Asset;
use bursar_core::name::Name;

use crate::cli::error::CliError;
use crate::setup::home::NewBalance;

/// An account and an amount, not yet read against the asset's decimals.
#[derive(Clone, Debug)]
pub struct Balance {
    account: Name,
    amount: String,
}

impl FromStr for Balance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (account, amount) = text.split_once('=').ok_or("write it like expenses=\"5000.00 EUR\"")?;
        let account = account.parse().map_err(|error: bursar_core::name::NameError| error.to_string())?;
        Ok(Self { account, amount: amount.to_owned() })
    }
}

impl Balance {
    /// In minor units of the asset.
    pub fn read(&self, asset: &Asset) -> Result<NewBalance, CliError> {
        let amount = asset
            .parse(&self.amount)
            .map_err(|error| CliError::Usage(format!("--balance {}: {error}", self.account)))?;
        Ok(NewBalance { account: self.account.clone(), asset: asset.name().clone(), amount })
    }
}
