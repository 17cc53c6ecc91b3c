//! Opening a home's token for a command that runs beside the agent or without it.

use std::path::Path;

use bursar_core::key::PublicKey;
use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::reexec;
use crate::config::person::Office;
use crate::config::{Config, Home, TokenConfig};
use crate::token::{Token, open as opening};

/// An agent's home and its token, logged in, with a runtime to await its answers.
pub struct Opened {
    /// The checked configuration.
    pub config: Config,
    /// Logged in, with one worker.
    pub token: Token,
    /// On this thread.
    pub runtime: tokio::runtime::Runtime,
}

/// Loads the module in the environment that an agent's home records, and logs in once.
pub fn open(global: &Global, retry_pin: bool) -> Result<Opened, CliError> {
    let config = global.config()?;
    let (token, runtime) = log_in(&config.home, &config.token, retry_pin)?;
    Ok(Opened { config, token, runtime })
}

/// The same for a home of either kind.
pub fn open_any(
    global: &Global,
    retry_pin: bool,
) -> Result<(Home, Token, tokio::runtime::Runtime), CliError> {
    let home = global.any_home()?;
    let (token, runtime) = log_in(home.path(), home.token(), retry_pin)?;
    Ok((home, token, runtime))
}

/// Begins this process anew where the module needs other variables.
fn log_in(
    home: &Path,
    token: &TokenConfig,
    retry_pin: bool,
) -> Result<(Token, tokio::runtime::Runtime), CliError> {
    reexec::with_environment(&token.environment())?;
    Ok((opening::for_command(home, token, retry_pin)?, runtime()?))
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

/// The same in a home of either kind.
pub fn role_in(home: &Home, label: &str) -> Option<String> {
    let person = match home {
        Home::Agent(config) => return role(config, label),
        Home::Person(person) => person,
    };
    let offices = [("approver", &person.approver), ("administrator", &person.administrator)];
    let of = |office: &Option<Office>| office.as_ref().is_some_and(|office| office.key == label);
    offices.iter().find(|(_, office)| of(office)).map(|(role, _)| (*role).to_owned())
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
