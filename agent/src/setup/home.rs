//! The content of a new home folder, written so that `config.toml` comes last.

use std::collections::BTreeMap;

use bursar_core::amount::{Amount, Asset};
use bursar_core::name::Name;
use data_encoding::HEXLOWER;
use serde::Serialize;

use super::account::AccountKey;
use super::config_text::NewConfig;
use super::folder::Folder;
use super::{SetupError, policy_skeleton, random};
use crate::book::record::Record;
use crate::book::{self, Book};
use crate::config;
use crate::keys_file::{self, KeysFile};
use crate::ledger::embedded::genesis::{Genesis, GenesisAsset};
use crate::ledger::embedded::{self, Embedded};
use crate::store::StoreError;
use crate::tls::certificate;
use crate::token::Token;
use crate::token::keyring::{Keyring, Labels};
use crate::token::mark::Mark;
use crate::token::provision::Algorithm;

/// The genesis of the embedded ledger, in the home folder.
pub const GENESIS: &str = "genesis.json";
/// Where the book is made before it is moved to its place.
const STAGING: &str = ".setup";
/// What the policy calls the administrator whose key is in the home's own token.
const OWNER: &str = "owner";
/// Longest path of a home: its socket has to fit into the 108 bytes of a `sockaddr_un`.
const LONGEST: usize = 107 - "/bursar.sock".len();

/// What a home folder is to be.
#[derive(Clone, Debug)]
pub struct NewHome {
    /// Its configuration; the id is replaced where a book with another one is there already.
    pub config: NewConfig,
    /// The curve of account keys that are not in the token yet, in the order of the accounts.
    pub algorithms: Vec<Algorithm>,
    /// The text of its policy bundle; it gets the administrator whose key the configuration names.
    pub policy: String,
    /// The ledger's name for people.
    pub ledger: Name,
    /// What the ledger's accounts hold in it.
    pub assets: Vec<NewAsset>,
    /// What accounts hold at first.
    pub balances: Vec<NewBalance>,
}

/// An asset of the ledger.
#[derive(Clone, Debug)]
pub struct NewAsset {
    /// Its name and decimals.
    pub asset: Asset,
    /// The account that issues it, and nobody else; without one, all there ever is is there at first.
    pub issuer: Option<Name>,
}

/// A first balance.
#[derive(Clone, Debug)]
pub struct NewBalance {
    /// Whose.
    pub account: Name,
    /// Of which asset.
    pub asset: Name,
    /// Minor units.
    pub amount: Amount,
}

impl From<Asset> for NewAsset {
    fn from(asset: Asset) -> Self {
        Self { asset, issuer: None }
    }
}

/// What was made, and what was there.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Made {
    /// Names of files that were written.
    pub written: Vec<String>,
    /// Names of files that were there and stay as they are.
    pub kept: Vec<String>,
    /// Labels of keys that were generated.
    pub generated: Vec<String>,
    /// Labels of keys that were in the token.
    pub found: Vec<String>,
}

impl Made {
    pub(super) fn file(&mut self, name: &str, written: bool) {
        if written { &mut self.written } else { &mut self.kept }.push(name.to_owned());
    }
}

/// A new random id for a home.
pub fn id() -> Result<String, SetupError> {
    Ok(HEXLOWER.encode(&random::<16>()?))
}

/// Can a folder with this path be a home?
pub fn check_path(folder: &Folder) -> Result<(), SetupError> {
    if folder.text()?.len() > LONGEST {
        let why = "is too long for the Unix socket in it, whose path fits 107 bytes";
        return Err(SetupError::Path { path: folder.path().to_owned(), why });
    }
    Ok(())
}

/// Makes missing keys in the token and writes what is missing in the folder; replaces nothing.
pub async fn make(folder: &Folder, token: &Token, mut new: NewHome) -> Result<Made, SetupError> {
    check_path(folder)?;
    check_names(&new)?;
    let mut made = Made::default();
    let keys = keys(token, &new, &mut made).await?;
    made.file(GENESIS, genesis(folder, &new, &keys)?);
    let policy = match &keys.administrator {
        Some(key) => policy_skeleton::with_administrator(&new.policy, OWNER, key),
        None => new.policy.clone(),
    };
    made.file(config::POLICY, folder.write_new(config::POLICY, policy.as_bytes())?);
    let written = !folder.has(embedded::FILE);
    if written {
        let genesis = Genesis::read(&folder.path().join(GENESIS))?;
        create(folder, embedded::FILE, |staging| Embedded::create(staging, &genesis))?;
    }
    made.file(embedded::FILE, written);
    if let Some(id) = book_id(folder)? {
        new.config.id = id;
        made.file(book::FILE, false);
    } else {
        create(folder, book::FILE, |staging| Book::create(staging, &new.config.id))?;
        made.file(book::FILE, true);
    }
    certificate(folder, &mut made)?;
    keys.save(folder.path())?;
    made.file(keys_file::FILE, true);
    let text = new.config.render(folder.path())?;
    made.file(config::FILE, folder.write_new(config::FILE, text.as_bytes())?);
    Ok(made)
}

/// Does every name mean one thing that is there? Looked at before there are keys that nobody wants.
fn check_names(new: &NewHome) -> Result<(), SetupError> {
    let config = &new.config;
    let mut seen = BTreeMap::from([(config.audit.as_str(), "the audit key".to_owned())]);
    let accounts =
        config.accounts.iter().map(|key| (key.label.as_str(), format!("the key of account {}", key.account)));
    let node = (config.node.as_str(), "the node key".to_owned());
    let administrator =
        config.administrator.iter().map(|label| (label.as_str(), "the administrator's key".to_owned()));
    for (label, role) in std::iter::once(node).chain(administrator).chain(accounts) {
        if let Some(first) = seen.insert(label, role.clone()) {
            return Err(SetupError::TwoRoles { label: label.to_owned(), first, second: role });
        }
    }
    let known = |account: &Name| config.accounts.iter().any(|key| key.account == *account);
    if let Some(balance) = new.balances.iter().find(|balance| !known(&balance.account)) {
        return Err(no_account("a balance is for", &balance.account));
    }
    if let Some(issuer) = new.assets.iter().filter_map(|new| new.issuer.as_ref()).find(|name| !known(name)) {
        return Err(no_account("an asset is issued by", issuer));
    }
    Ok(())
}

fn no_account(what: &str, account: &Name) -> SetupError {
    SetupError::Usage(format!("{what} {account}, which is no account here; add --account {account}"))
}

/// Every key in its role, each found or generated.
async fn keys(token: &Token, new: &NewHome, made: &mut Made) -> Result<KeysFile, SetupError> {
    let config = &new.config;
    let accounts = config.accounts.iter().zip(&new.algorithms);
    let accounts = accounts.map(|(key, algorithm)| (&key.label, Mark::Account, *algorithm));
    let roles = [(&config.audit, Mark::Audit), (&config.node, Mark::Node)].into_iter();
    let roles = roles.chain(config.administrator.iter().map(|label| (label, Mark::Administrator)));
    let roles = roles.map(|(label, mark)| (label, mark, Algorithm::Ed25519));
    for (label, mark, algorithm) in roles.chain(accounts) {
        let (_, generated) = token.ensure(label, mark, algorithm, false).await?;
        if generated { &mut made.generated } else { &mut made.found }.push(label.clone());
        crate::crash::point("setup");
    }
    let by_name = |key: &AccountKey| (key.account.clone(), key.label.clone());
    let labels = Labels {
        audit: config.audit.clone(),
        node: Some(config.node.clone()),
        approver: None,
        administrator: config.administrator.clone(),
        accounts: config.accounts.iter().map(by_name).collect(),
    };
    // Refuses a key with two roles before anything is written.
    let ring = Keyring::open(token, &labels).await?;
    Ok(KeysFile::of(&ring))
}

/// Writes the genesis; one that is there has to name this token's node key.
fn genesis(folder: &Folder, new: &NewHome, keys: &KeysFile) -> Result<bool, SetupError> {
    let path = folder.path().join(GENESIS);
    let Some(node) = keys.node else {
        return Err(SetupError::Usage("an embedded ledger needs a node key; name one".to_owned()));
    };
    if folder.has(GENESIS) {
        if *Genesis::read(&path)?.node() == node {
            return Ok(false);
        }
        return Err(SetupError::Leftover {
            path,
            what: "it names another node key than the token's".to_owned(),
        });
    }
    let key = |what: &str, account: &Name| {
        keys.accounts.get(account).copied().ok_or_else(|| no_account(what, account))
    };
    let mut balances = Vec::new();
    for NewBalance { account, asset, amount } in &new.balances {
        balances.push((key("a balance is for", account)?, asset.clone(), *amount));
    }
    let mut assets = Vec::new();
    for NewAsset { asset, issuer } in &new.assets {
        let issuer = issuer.as_ref().map(|account| key("an asset is issued by", account)).transpose()?;
        assets.push(GenesisAsset { asset: asset.clone(), issuer });
    }
    let genesis = Genesis::new(new.ledger.clone(), assets, balances, node)?;
    folder.write_new(GENESIS, pretty(genesis.canonical()).as_bytes())
}

/// A certificate and its key, which comes first: one that stands alone is of an interrupted attempt.
pub(super) fn certificate(folder: &Folder, made: &mut Made) -> Result<(), SetupError> {
    if folder.has(certificate::FILE) {
        made.file(certificate::FILE, false);
        return Ok(());
    }
    let pem = certificate::make()?;
    folder.delete(certificate::KEY)?;
    made.file(certificate::KEY, folder.write_new(certificate::KEY, pem.key.as_bytes())?);
    made.file(certificate::FILE, folder.write_new(certificate::FILE, pem.certificate.as_bytes())?);
    Ok(())
}

/// JSON laid out for people; the same value.
fn pretty(json: &[u8]) -> String {
    let laid_out = serde_json::from_slice::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value));
    // A genesis is JSON; were it not, it would stay as it is.
    laid_out.map_or_else(|_| String::from_utf8_lossy(json).into_owned(), |text| text + "\n")
}

/// The id that a book in the folder was made for.
fn book_id(folder: &Folder) -> Result<Option<String>, SetupError> {
    if !folder.has(book::FILE) {
        return Ok(None);
    }
    let connection = book::read::open(folder.path())?;
    match book::read::record(&connection, 0)? {
        Record::Opened(opened) => Ok(Some(opened.home)),
        _ => Err(SetupError::Leftover {
            path: folder.path().join(book::FILE),
            what: "its first record does not open a book".to_owned(),
        }),
    }
}

/// Made beside its place, so that an interruption leaves no half file under its name.
fn create(
    folder: &Folder,
    file: &str,
    make: impl FnOnce(&std::path::Path) -> Result<(), StoreError>,
) -> Result<(), SetupError> {
    folder.delete(STAGING)?;
    let staging = folder.subfolder(STAGING)?;
    make(&staging)?;
    folder.adopt(STAGING, file)?;
    folder.delete(STAGING)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_book_of_an_interrupted_attempt_is_kept() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::prepare(&parent.path().join("home")).unwrap();
        assert_eq!(book_id(&folder).unwrap(), None);
        let first = id().unwrap();
        create(&folder, book::FILE, |staging| Book::create(staging, &first)).unwrap();
        assert_eq!(book_id(&folder).unwrap().as_deref(), Some(first.as_str()));
        assert_eq!(folder.first_entry().unwrap().as_deref(), Some(book::FILE), "no staging, no journal");
    }

    #[test]
    fn a_path_that_is_too_long_for_the_socket_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let long = Folder::prepare(&parent.path().join("x".repeat(100))).unwrap();
        assert!(matches!(check_path(&long), Err(SetupError::Path { .. })));
    }

    #[test]
    fn balances_and_issuers_are_accounts_of_the_home() {
        let asset = Asset::new("GRANT".parse().unwrap(), 2).unwrap();
        let with = |account: &str, issuer: Option<&str>| {
            let new = NewHome {
                config: NewConfig {
                    id: id().unwrap(),
                    token: toml::from_str("module = \"/m.so\"\nuri = \"pkcs11:token=t\"\npin = \"prompt\"")
                        .unwrap(),
                    audit: "audit".to_owned(),
                    node: "node".to_owned(),
                    administrator: None,
                    accounts: vec!["fund".parse().unwrap()],
                    uid: 0,
                },
                algorithms: vec![Algorithm::Ed25519],
                policy: String::new(),
                ledger: "town".parse().unwrap(),
                assets: vec![NewAsset {
                    asset: asset.clone(),
                    issuer: issuer.map(|name| name.parse().unwrap()),
                }],
                balances: vec![NewBalance {
                    account: account.parse().unwrap(),
                    asset: asset.name().clone(),
                    amount: Amount::from(1),
                }],
            };
            check_names(&new).map_err(|error| error.to_string())
        };
        assert_eq!(with("fund", None), Ok(()));
        assert_eq!(with("fund", Some("fund")), Ok(()));
        assert!(with("anna", None).unwrap_err().contains("a balance is for anna"));
        assert!(with("fund", Some("anna")).unwrap_err().contains("an asset is issued by anna"));
    }
}
