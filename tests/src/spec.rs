//! What a home folder is to be.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A home folder to be made.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    /// Where.
    pub home: PathBuf,
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// A file with its PIN.
    pub pin_file: PathBuf,
    /// The policy bundle.
    pub policy: String,
    /// Its accounts.
    pub accounts: Vec<Account>,
    /// What its ledger has beside EUR.
    pub assets: Vec<Asset>,
}

/// An asset with two decimals.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asset {
    /// Its name.
    pub name: String,
    /// The account that issues it.
    pub issuer: Option<String>,
    /// First balances by account; none where there is an issuer.
    pub balances: Vec<(String, String)>,
}

impl Asset {
    /// An asset that this account issues.
    pub fn issued(name: &str, issuer: &str) -> Self {
        Self { name: name.to_owned(), issuer: Some(issuer.to_owned()), balances: Vec::new() }
    }

    /// An asset that nobody issues, with what accounts hold of it.
    pub fn held(name: &str, balances: &[(&str, &str)]) -> Self {
        let balances = balances.iter().map(|(account, amount)| ((*account).into(), (*amount).into()));
        Self { name: name.to_owned(), issuer: None, balances: balances.collect() }
    }
}

/// An account; its key's label is its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// `ed25519`, `p256` or `secp256k1`.
    pub algorithm: String,
    /// Its first balance in EUR; may be `0.00`.
    pub balance: String,
}

impl Account {
    /// An Ed25519 account.
    pub fn new(name: &str, balance: &str) -> Self {
        Self { name: name.to_owned(), algorithm: "ed25519".to_owned(), balance: balance.to_owned() }
    }
}
