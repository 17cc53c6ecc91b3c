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
}

/// An account; its key's label is its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// `ed25519`, `p256` or `secp256k1`.
    pub algorithm: String,
    /// Its first balance in EUR.
    pub balance: String,
}

impl Account {
    /// An Ed25519 account.
    pub fn new(name: &str, balance: &str) -> Self {
        Self { name: name.to_owned(), algorithm: "ed25519".to_owned(), balance: balance.to_owned() }
    }
}
