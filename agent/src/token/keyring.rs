//! Which key of the token has which role.

use std::collections::{BTreeMap, HashMap};

use bursar_core::key::PublicKey;
use bursar_core::name::Name;

use super::TokenError;
use super::pkcs11::{Handle, Token};
use super::role::{AccountKey, Audit, Node, RoleKey};

/// The labels of the keys, as the configuration names them.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Signs the audit log's checkpoints.
    pub audit: String,
    /// Signs the embedded ledger's checkpoints; absent without an embedded ledger.
    pub node: Option<String>,
    /// Account name to key label.
    pub accounts: BTreeMap<Name, String>,
}

/// Every key that the agent uses, each in its one role.
#[derive(Debug)]
pub struct Keyring {
    audit: RoleKey<Audit>,
    node: Option<RoleKey<Node>>,
    accounts: BTreeMap<Name, AccountKey>,
}

impl Keyring {
    /// Finds each key once; refuses a key that has two roles or the wrong curve.
    pub async fn open(token: &Token, labels: &Labels) -> Result<Self, TokenError> {
        let mut seen = HashMap::new();
        let audit = find(token, &labels.audit, "audit".to_owned(), true, &mut seen).await?;
        let node = match &labels.node {
            Some(label) => Some(find(token, label, "node".to_owned(), true, &mut seen).await?),
            None => None,
        };
        let mut accounts = BTreeMap::new();
        for (name, label) in &labels.accounts {
            let handle = find(token, label, format!("account {name}"), false, &mut seen).await?;
            accounts.insert(name.clone(), AccountKey::new(handle));
        }
        Ok(Self { audit: RoleKey::new(audit), node: node.map(RoleKey::new), accounts })
    }

    /// Signs the audit log's checkpoints.
    pub fn audit(&self) -> &RoleKey<Audit> {
        &self.audit
    }

    /// Signs the embedded ledger's checkpoints.
    pub fn node(&self) -> Option<&RoleKey<Node>> {
        self.node.as_ref()
    }

    /// The key of an account.
    pub fn account(&self, name: &str) -> Option<&AccountKey> {
        self.accounts.get(name)
    }

    /// What a key is for: `audit`, `node`, `account NAME`, or nothing.
    pub fn role(&self, key: &PublicKey) -> Option<String> {
        if self.audit.public() == key {
            return Some("audit".to_owned());
        }
        if self.node.as_ref().is_some_and(|node| node.public() == key) {
            return Some("node".to_owned());
        }
        let account = self.accounts.iter().find(|(_, account)| account.public() == key);
        account.map(|(name, _)| format!("account {name}"))
    }

    /// Every account and its key.
    pub fn accounts(&self) -> impl Iterator<Item = (&Name, &AccountKey)> {
        self.accounts.iter()
    }
}

async fn find(
    token: &Token,
    label: &str,
    role: String,
    checkpoints: bool,
    seen: &mut HashMap<PublicKey, String>,
) -> Result<Handle, TokenError> {
    let handle = token.find(label).await?;
    // C2SP's signed notes know Ed25519 only.
    if checkpoints && handle.public().algorithm() != "ed25519" {
        return Err(TokenError::WrongKey {
            label: label.to_owned(),
            found: handle.public().algorithm().to_owned(),
            role,
            needed: "ed25519",
        });
    }
    match seen.insert(*handle.public(), role.clone()) {
        None => Ok(handle),
        Some(first) => Err(TokenError::TwoRoles { key: Box::new(*handle.public()), first, second: role }),
    }
}
