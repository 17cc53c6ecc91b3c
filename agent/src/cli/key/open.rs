//! Opening a home's token for a command that runs beside the agent or without it.

use bursar_core::key::PublicKey;
use serde::Serialize;

use crate::agent::open_token;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::reexec;
use crate::config::Config;
use crate::token::Token;

/// A home's configuration and its token, logged in, with a runtime to await its answers.
pub struct Opened {
    /// The checked configuration.
    pub config: Config,
    /// Logged in, with one worker.
    pub token: Token,
    /// On this thread.
    pub runtime: tokio::runtime::Runtime,
}

/// Loads the module in the environment that the home records, and logs in once.
pub fn open(global: &Global, retry_pin: bool) -> Result<Opened, CliError> {
    let mut config = global.config()?;
    reexec::with_environment(&config.token.environment)?;
    // One command asks one thing at a time.
    config.token.workers = Some(1);
    let token = open_token(&config.home, &config.token, retry_pin)?;
    Ok(Opened { config, token, runtime: runtime()? })
}

/// A runtime on this thread.
pub fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| {
        CliError::Busy(format!("the system gave no event queue ({error}); raise the limit of open files"))
    })
}

/// What a key is for, as the configuration says: `audit`, `approver`, `account expenses`, or nothing.
pub fn role(config: &Config, label: &str) -> Option<String> {
    let labels = &config.labels;
    let roles = [
        ("audit", Some(&labels.audit)),
        ("node", labels.node.as_ref()),
        ("approver", labels.approver.as_ref()),
        ("administrator", labels.administrator.as_ref()),
    ];
    if let Some((role, _)) = roles.iter().find(|(_, of)| of.is_some_and(|of| of == label)) {
        return Some((*role).to_owned());
    }
    let account = labels.accounts.iter().find(|(_, key)| *key == label);
    account.map(|(name, _)| format!("account {name}"))
}

/// A key as every command of `key` prints it as JSON.
#[derive(Serialize)]
pub struct KeyView {
    /// Its label in the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What the configuration uses it for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `ed25519`, `secp256k1` or `p256`.
    pub algorithm: &'static str,
    /// The key, tagged and in hex.
    pub key: PublicKey,
    /// The key with a checksum.
    pub address: String,
}

impl KeyView {
    /// Of this public key.
    pub fn new(key: PublicKey, label: Option<String>, role: Option<String>) -> Self {
        Self { label, role, algorithm: key.algorithm(), address: key.address(), key }
    }
}
