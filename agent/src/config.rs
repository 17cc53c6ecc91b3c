//! The configuration of a home folder: text -> checked values.

mod callers;
pub mod home;
pub mod person;
pub mod pinned;
pub mod token;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bursar_core::name::Name;
use serde::Deserialize;

pub use callers::Callers;
pub use home::Home;
pub use token::{TokenConfig, TokenPlace};

use callers::CallerText;

use crate::clock::Tolerance;
use crate::remote::Remote;
use crate::token::keyring::Labels;

/// The file's name in the home folder.
pub const FILE: &str = "config.toml";
/// The policy bundle's name in the home folder.
pub const POLICY: &str = "policy.toml";

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is none.
    #[error(
        "{0} is not a home folder of bursar: it has no config.toml; make one with `bursar init` or `bursar quickstart`, or name another with --home"
    )]
    Missing(PathBuf),
    /// Others can get at it.
    #[error("the home folder {path} can be used by others (mode {mode:o}); run: chmod 700 {path}")]
    Exposed {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is somebody else's, who thereby says which module is loaded.
    #[error(
        "the home folder {path} belongs to the user with id {owner}, and this runs as the user with id {user}; \
         run it as that user, also instead of root: sudo -u '#{owner}' bursar …"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
        /// The effective user id.
        user: u32,
    },
    /// It is a person's.
    #[error(
        "{path} is the home of {who}, who decides and has no agent, book or accounts there; \
         name the home folder of an agent with --home"
    )]
    NoAgent {
        /// The folder.
        path: PathBuf,
        /// Whose.
        who: String,
    },
    /// It cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it has to be.
    #[error("{path}: {what}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column, and what was expected.
        what: String,
    },
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The home folder.
    pub home: PathBuf,
    /// Its random id, part of the audit log's origin and of the anchor's label.
    pub id: String,
    /// The token.
    pub token: TokenConfig,
    /// Does it work with real money? Then a simulated device is refused.
    pub production: bool,
    /// Which key has which role.
    pub labels: Labels,
    /// Where payments are forwarded to.
    pub ledger: LedgerConfig,
    /// Who may ask for what.
    pub callers: Callers,
    /// The Unix socket, absolute.
    pub socket: PathBuf,
    /// The group that may use the socket beside its owner.
    pub socket_group: Option<u32>,
    /// Where callers with a certificate are answered, if anywhere.
    pub listen: Option<SocketAddr>,
    /// The agent that this home's commands ask, if it is on another machine.
    pub remote: Option<Remote>,
    /// For how long a payment may be recorded after it was asked for, in milliseconds.
    pub valid_for: i64,
    /// For how long a payment may wait for approvals, in milliseconds.
    pub patience: i64,
    /// How far the clock may jump.
    pub tolerance: Tolerance,
}

/// Where payments go after they were signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerConfig {
    /// A ledger in this home folder.
    Embedded {
        /// Its genesis file, absolute.
        genesis: PathBuf,
    },
    /// Nowhere: the signed envelope is the answer. The ledger's id is still signed.
    None {
        /// Id of the ledger that the envelopes are for.
        id: bursar_core::intent::LedgerId,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    id: String,
    #[serde(default)]
    production: bool,
    token: TokenConfig,
    keys: KeysText,
    #[serde(default)]
    accounts: BTreeMap<Name, AccountText>,
    ledger: LedgerText,
    #[serde(default)]
    callers: BTreeMap<Name, CallerText>,
    #[serde(default)]
    agent: AgentText,
    remote: Option<Remote>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysText {
    audit: String,
    node: Option<String>,
    approver: Option<String>,
    administrator: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountText {
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
enum LedgerText {
    Embedded { genesis: PathBuf },
    None { id: bursar_core::intent::LedgerId },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AgentText {
    socket: Option<PathBuf>,
    socket_group: Option<u32>,
    listen: Option<String>,
    valid_for: Option<String>,
    approval_for: Option<String>,
    clock_tolerance: Option<String>,
    clock_tolerance_restart: Option<String>,
}

impl Config {
    /// Reads and checks the configuration of an agent's home folder.
    pub fn load(home: &Path) -> Result<Self, ConfigError> {
        match Home::load(home)? {
            Home::Agent(config) => Ok(*config),
            Home::Person(person) => Err(ConfigError::NoAgent { who: person.who(), path: person.home }),
        }
    }

    /// Reads and checks a text; paths in it are relative to `home`.
    pub fn parse(home: &Path, text: &str) -> Result<Self, String> {
        let text: Text = toml::from_str(text).map_err(|error| error.to_string())?;
        if text.id.len() != 32 || !text.id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(
                "`id` has to be 32 hex digits, different for each home; `openssl rand -hex 16` makes one"
                    .to_owned(),
            );
        }
        let listen = text.agent.listen.map(|text| {
            text.parse().map_err(|_| {
                format!("`agent.listen` is {text:?}; write an IP address and a port, like 127.0.0.1:7420")
            })
        });
        let ledger = match text.ledger {
            LedgerText::Embedded { genesis } => LedgerConfig::Embedded { genesis: home.join(genesis) },
            LedgerText::None { id } => LedgerConfig::None { id },
        };
        if matches!(ledger, LedgerConfig::Embedded { .. }) && text.keys.node.is_none() {
            return Err(
                "the embedded ledger needs `keys.node`, the key that signs its checkpoints".to_owned()
            );
        }
        let valid_for = span("agent.valid-for", text.agent.valid_for, "15m")?;
        if valid_for < Duration::from_secs(1) || valid_for > Duration::from_secs(24 * 60 * 60) {
            return Err("`agent.valid-for` is between 1s and 24h".to_owned());
        }
        let approval_for = span("agent.approval-for", text.agent.approval_for, "3d")?;
        if approval_for < Duration::from_secs(60) || approval_for > Duration::from_secs(7 * 24 * 60 * 60) {
            return Err("`agent.approval-for` is between 1m and 7d".to_owned());
        }
        Ok(Self {
            home: home.to_owned(),
            id: text.id,
            token: text.token.in_home(home),
            production: text.production,
            labels: Labels {
                audit: text.keys.audit,
                node: text.keys.node,
                approver: text.keys.approver,
                administrator: text.keys.administrator,
                accounts: text.accounts.into_iter().map(|(name, account)| (name, account.key)).collect(),
            },
            ledger,
            callers: Callers::read(text.callers)?,
            listen: listen.transpose()?,
            remote: text.remote,
            socket_group: text.agent.socket_group,
            socket: home.join(text.agent.socket.unwrap_or_else(|| "bursar.sock".into())),
            valid_for: i64::try_from(valid_for.as_millis()).unwrap_or(i64::MAX),
            patience: i64::try_from(approval_for.as_millis()).unwrap_or(i64::MAX),
            tolerance: Tolerance {
                running: span("agent.clock-tolerance", text.agent.clock_tolerance, "5m")?,
                restarted: span("agent.clock-tolerance-restart", text.agent.clock_tolerance_restart, "3d")?,
            },
        })
    }

    /// The policy bundle's file.
    pub fn policy_path(&self) -> PathBuf {
        self.home.join(POLICY)
    }

    /// The origin line of the audit log's checkpoints.
    pub fn audit_origin(&self) -> String {
        format!("bursar-audit/{}", self.id)
    }
}

/// A length of time: a whole number and `s`, `m`, `h` or `d`.
fn span(field: &str, text: Option<String>, default: &str) -> Result<Duration, String> {
    let text = text.unwrap_or_else(|| default.to_owned());
    let wrong = || format!("`{field}` is {text:?}; write a whole number and s, m, h or d, like 15m");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|s| *s <= 366 * 86_400).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const GOOD: &str = r#"
        id = "00112233445566778899aabbccddeeff"
        [token]
        module = "/usr/lib/softhsm/libsofthsm2.so"
        uri = "pkcs11:token=treasury"
        pin = { file = "pin" }
        [keys]
        audit = "audit"
        node = "node"
        [accounts.expenses]
        key = "expenses"
        [ledger]
        kind = "embedded"
        genesis = "genesis.json"
        [callers.treasurer]
        uid = 1000
    "#;

    #[test]
    fn reads_what_init_writes() {
        let config = Config::parse(Path::new("/home"), GOOD);
        let config = config.as_ref().map(|c| (c.valid_for, c.socket.clone(), c.callers.iter().count()));
        assert_eq!(config, Ok((900_000, PathBuf::from("/home/bursar.sock"), 1)));
    }

    #[test]
    fn people_may_have_keys_here() {
        let labels = Config::parse(Path::new("/home"), GOOD).unwrap().labels;
        assert_eq!((labels.approver, labels.administrator), (None, None));
        let text = GOOD.replace("[keys]", "[keys]\napprover = \"mine\"\nadministrator = \"hers\"");
        let labels = Config::parse(Path::new("/home"), &text).unwrap().labels;
        assert_eq!(labels.approver.as_deref(), Some("mine"));
        assert_eq!(labels.administrator.as_deref(), Some("hers"));
    }

    /// A home with this text that only its owner can use.
    fn home(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        folder
    }

    #[test]
    fn a_home_is_for_its_owner_alone() {
        let folder = home(GOOD);
        assert!(Config::load(folder.path()).is_ok());
        let user = rustix::process::geteuid().as_raw();
        // Root is another user, too; and for root everybody is.
        for other in [user.wrapping_add(1), user ^ 0x8000] {
            let error = Home::load_as(folder.path(), other).unwrap_err();
            assert!(matches!(error, ConfigError::Foreign { owner, .. } if owner == user), "{error}");
            assert!(error.to_string().contains(&format!("sudo -u '#{user}' bursar")), "{error}");
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(Config::load(folder.path()), Err(ConfigError::Exposed { mode: 0o750, .. })));
    }

    #[test]
    fn what_is_read_is_what_was_checked() {
        let (folder, links) = (home("typo"), tempfile::tempdir().unwrap());
        let link = links.path().join("home");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let Err(ConfigError::Parse { path, .. }) = Config::load(&link) else { panic!("not read") };
        assert_eq!(path, folder.path().canonicalize().unwrap().join(FILE));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (change, to, says) in [
            ("audit = \"audit\"", "audit = \"audit\"\ntypo = 1", "unknown field"),
            ("pin = { file = \"pin\" }", "pin = \"1234\"", "unknown variant"),
            ("node = \"node\"", "", "keys.node"),
            ("uid = 1000", "uid = 1000\n[callers.other]\nuid = 1000", "one user id"),
            ("00112233445566778899aabbccddeeff", "0011", "32 hex digits"),
            ("pkcs11:token=treasury", "treasury", "token.uri"),
            (
                "[callers.treasurer]",
                "[agent]\nvalid-for = \"25h\"\n[callers.treasurer]",
                "between 1s and 24h",
            ),
            (
                "[callers.treasurer]",
                "[agent]\nlisten = \"localhost:7420\"\n[callers.treasurer]",
                "like 127.0.0.1:7420",
            ),
            (
                "[callers.treasurer]",
                "[remote]\nurl = \"https://a:1\"\n[callers.treasurer]",
                "missing field `certificate`",
            ),
            ("[callers.treasurer]", "[agent]\nvalid-for = \"\u{e9}\"\n[callers.treasurer]", "like 15m"),
        ] {
            let text = GOOD.replace(change, to);
            let error = Config::parse(Path::new("/home"), &text).err().unwrap_or_default();
            assert!(error.contains(says), "{to}: {error}");
        }
    }
}
