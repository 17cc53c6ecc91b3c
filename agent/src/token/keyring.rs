//! Which key of the token has which role.

use std::collections::{BTreeMap, HashMap};

use bursar_core::key::PublicKey;
use bursar_core::name::Name;

use super::mark::Mark;

use super::role::{AccountKey, Administrator, Approver, Audit, Node, RoleKey};
use super::{Handle, Token, TokenError};

/// What the roles are called; each account's is `account NAME`.
const AUDIT: &str = "audit";
const NODE: &str = "node";
/// Decides on payments.
pub const APPROVER: &str = "approver";
/// Decides on policy bundles.
pub const ADMINISTRATOR: &str = "administrator";

/// The labels of the keys, as the configuration names them.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Signs the audit log's checkpoints.
    pub audit: String,
    /// Signs the embedded ledger's checkpoints; absent without an embedded ledger.
    pub node: Option<String>,
    /// Decides on payments, freezes and lifts; absent where nobody approves with this token.
    pub approver: Option<String>,
    /// Decides on policy bundles; absent where nobody administers with this token.
    pub administrator: Option<String>,
    /// Account name to key label.
    pub accounts: BTreeMap<Name, String>,
}

/// C2SP's signed notes know Ed25519 only.
const CHECKPOINTS: Curves = Curves { allowed: &["ed25519"], named: "ed25519" };
/// People's keys: what [`bursar_core::approval`] verifies.
const PEOPLE: Curves = Curves { allowed: &["ed25519", "p256"], named: "ed25519 or p256" };
/// Whatever a transaction is signed with.
const ACCOUNTS: Curves = Curves { allowed: &["ed25519", "p256", "secp256k1"], named: "any" };

/// The curves that a role takes.
#[derive(Clone, Copy)]
struct Curves {
    allowed: &'static [&'static str],
    named: &'static str,
}

/// Every key that the agent uses, each in its one role.
#[derive(Debug)]
pub struct Keyring {
    audit: RoleKey<Audit>,
    node: Option<RoleKey<Node>>,
    approver: Option<RoleKey<Approver>>,
    administrator: Option<RoleKey<Administrator>>,
    accounts: BTreeMap<Name, AccountKey>,
}

impl Keyring {
    /// Finds each key once; refuses a key that has two roles or the wrong curve.
    pub async fn open(token: &Token, labels: &Labels) -> Result<Self, TokenError> {
        let mut seen = HashMap::new();
        let audit = find(token, &labels.audit, AUDIT.to_owned(), CHECKPOINTS, &mut seen).await?;
        let node = find_named(token, &labels.node, Mark::Node, CHECKPOINTS, &mut seen).await?;
        let approver = find_named(token, &labels.approver, Mark::Approver, PEOPLE, &mut seen).await?;
        let administrator =
            find_named(token, &labels.administrator, Mark::Administrator, PEOPLE, &mut seen).await?;
        let mut accounts = BTreeMap::new();
        for (name, label) in &labels.accounts {
            let handle = find(token, label, format!("account {name}"), ACCOUNTS, &mut seen).await?;
            accounts.insert(name.clone(), AccountKey::new(handle));
        }
        // Once no two of its own are the same, which says more.
        let people = [(Mark::Approver, &approver), (Mark::Administrator, &administrator)];
        let others = [(Mark::Audit, Some(&audit)), (Mark::Node, node.as_ref())];
        let named = people.map(|(mark, key)| (mark, key.as_ref())).into_iter().chain(others);
        let named = named.filter_map(|(mark, key)| Some((mark, key?)));
        let paying = accounts.values().map(|key: &AccountKey| (Mark::Account, key.handle()));
        named.chain(paying).try_for_each(|(mark, key)| mark.check(key))?;
        Ok(Self {
            audit: RoleKey::new(audit),
            node: node.map(RoleKey::new),
            approver: approver.map(RoleKey::new),
            administrator: administrator.map(RoleKey::new),
            accounts,
        })
    }

    /// Signs the audit log's checkpoints.
    pub fn audit(&self) -> &RoleKey<Audit> {
        &self.audit
    }

    /// Signs the embedded ledger's checkpoints.
    pub fn node(&self) -> Option<&RoleKey<Node>> {
        self.node.as_ref()
    }

    /// Decides on payments, freezes and lifts.
    pub fn approver(&self) -> Option<&RoleKey<Approver>> {
        self.approver.as_ref()
    }

    /// Decides on policy bundles.
    pub fn administrator(&self) -> Option<&RoleKey<Administrator>> {
        self.administrator.as_ref()
    }

    /// The key of an account.
    pub fn account(&self, name: &str) -> Option<&AccountKey> {
        self.accounts.get(name)
    }

    /// What a key is for: `audit`, `node`, `approver`, `administrator`, `account NAME`, or nothing.
    pub fn role(&self, key: &PublicKey) -> Option<String> {
        let roles = [
            (AUDIT, Some(self.audit.public())),
            (NODE, self.node.as_ref().map(RoleKey::public)),
            (APPROVER, self.approver.as_ref().map(RoleKey::public)),
            (ADMINISTRATOR, self.administrator.as_ref().map(RoleKey::public)),
        ];
        if let Some((role, _)) = roles.into_iter().find(|(_, public)| *public == Some(key)) {
            return Some(role.to_owned());
        }
        let account = self.accounts.iter().find(|(_, account)| account.public() == key);
        account.map(|(name, _)| format!("account {name}"))
    }

    /// Every account and its key.
    pub fn accounts(&self) -> impl Iterator<Item = (&Name, &AccountKey)> {
        self.accounts.iter()
    }
}

/// The approver's key alone, for a person who decides on a machine where no agent runs: there is
/// no other role on it that the key could have, but for one that it was made for.
pub async fn approver_key(token: &Token, label: &str) -> Result<RoleKey<Approver>, TokenError> {
    find_alone(token, label, Mark::Approver).await.map(RoleKey::new)
}

/// The administrator's key alone; see [`approver_key`].
pub async fn administrator_key(token: &Token, label: &str) -> Result<RoleKey<Administrator>, TokenError> {
    find_alone(token, label, Mark::Administrator).await.map(RoleKey::new)
}

async fn find_alone(token: &Token, label: &str, mark: Mark) -> Result<Handle, TokenError> {
    let handle = find(token, label, mark.word().to_owned(), PEOPLE, &mut HashMap::new()).await?;
    mark.check(&handle)?;
    Ok(handle)
}

async fn find_named(
    token: &Token,
    label: &Option<String>,
    mark: Mark,
    curves: Curves,
    seen: &mut HashMap<PublicKey, String>,
) -> Result<Option<Handle>, TokenError> {
    match label {
        Some(label) => Ok(Some(find(token, label, mark.word().to_owned(), curves, seen).await?)),
        None => Ok(None),
    }
}

async fn find(
    token: &Token,
    label: &str,
    role: String,
    curves: Curves,
    seen: &mut HashMap<PublicKey, String>,
) -> Result<Handle, TokenError> {
    let handle = token.find(label).await?;
    if !curves.allowed.contains(&handle.public().algorithm()) {
        return Err(TokenError::WrongKey {
            label: label.to_owned(),
            found: handle.public().algorithm().to_owned(),
            role,
            needed: curves.named,
        });
    }
    match seen.insert(*handle.public(), role.clone()) {
        None => Ok(handle),
        Some(first) => Err(TokenError::TwoRoles { key: Box::new(*handle.public()), first, second: role }),
    }
}
