//! Where a person decides: who that is, by which copy of the policy bundle things are named, and
//! which agent is asked.

pub mod ask;
pub mod decision;
pub mod fate;
pub mod file;
pub mod id;
pub mod mail;
pub mod sign;
pub mod source;
pub mod statement;

use std::path::Path;
use std::sync::Arc;

use bursar_core::approval::HomeId;
use bursar_core::name::Name;
use bursar_core::policy::Policy;

use super::client::Client;
use super::error::CliError;
use super::global::Global;
use super::policy::offline;
use super::reexec;
use crate::book::hex::Hex;
use crate::book::in_force;
use crate::clock;
use crate::config::pinned::{self, Pinned};
use crate::config::{self, Config, Home};
use crate::keys_file::KeysFile;

/// A home from which somebody decides.
pub struct Desk {
    /// A person's, or that of an agent whose token has keys of people, too.
    pub home: Home,
    /// By which everything is named: its own copy of the bundle in force, or for a day the one of an
    /// emergency; a person's home may have none yet.
    pub policy: Option<Arc<Policy>>,
    /// Its own copy, which no emergency replaces.
    pub lasting: Option<Arc<Policy>>,
    /// The agent that it is for, once it knows one.
    pub pinned: Option<Pinned>,
}

impl Desk {
    /// Reads the home; begins this process anew where the token's module needs other variables, so
    /// it is called before anything that must not happen twice.
    pub fn open(global: &Global) -> Result<Self, CliError> {
        let home = global.any_home()?;
        reexec::with_environment(&home.token().environment())?;
        let lasting = match &home {
            Home::Agent(config) => Some(of_agent(config)?),
            Home::Person(person) => copy(&person.policy_path())?,
        };
        let pinned = Pinned::load(home.path())?;
        let emergency = pinned.as_ref().and_then(|pinned| emergency(home.path(), pinned));
        Ok(Self { home, policy: emergency.or_else(|| lasting.clone()), lasting, pinned })
    }

    /// Refuses an agent of another home than the one that this home is for.
    pub fn knows(&self, found: HomeId) -> Result<(), CliError> {
        Ok(Pinned::check(self.pinned.as_ref(), self.home.path(), found)?)
    }

    /// The agent that is asked.
    pub fn client(&self, global: &Global) -> Result<Client, CliError> {
        Self::client_of(&self.home, global)
    }

    /// The agent that a home asks.
    pub fn client_of(home: &Home, global: &Global) -> Result<Client, CliError> {
        match home {
            Home::Agent(config) => Client::to(global, config),
            Home::Person(person) => Client::of_person(person),
        }
    }

    /// The copy of the bundle by which everything is named.
    pub fn policy(&self, global: &Global) -> Result<&Policy, CliError> {
        self.policy.as_deref().ok_or_else(|| {
            CliError::Home(format!(
                "this home has no copy of the policy yet, and without one nothing can be named; take it over with: {}",
                global.command("policy fetch")
            ))
        })
    }

    /// As whom this home decides on payments, as far as it is known without the token.
    pub fn approver(&self) -> Option<Name> {
        match &self.home {
            Home::Person(person) => Some(person.approver.as_ref()?.name.clone()),
            Home::Agent(config) => {
                let key = KeysFile::load(&config.home).ok()?.approver?;
                Some(self.policy.as_ref()?.roster().owner(&key)?.name.clone())
            }
        }
    }

    /// As whom this home decides on policy bundles, as far as it is known without the token.
    pub fn administrator(&self) -> Option<Name> {
        match &self.home {
            Home::Person(person) => Some(person.administrator.as_ref()?.name.clone()),
            Home::Agent(config) => {
                let key = KeysFile::load(&config.home).ok()?.administrator?;
                Some(self.policy.as_ref()?.administrator_roster().owner(&key)?.name.clone())
            }
        }
    }

    /// The file `policy.toml`: a person's own copy, or the draft of an agent's home.
    pub fn policy_path(&self) -> std::path::PathBuf {
        self.home.path().join(config::POLICY)
    }
}

/// The bundle in force by the word of the home's own book; before there is one, or where the agent
/// is another one's, the file.
fn of_agent(config: &Config) -> Result<Arc<Policy>, CliError> {
    if config.remote.is_none()
        && let Some(standing) = in_force::of_home_now(&config.home, config.tolerance)?
    {
        return Ok(standing.policy);
    }
    offline::policy(&config.policy_path()).map(Arc::new)
}

/// The bundle that stands in for the own copy today. One that is gone or was changed stands in for
/// nothing: then the agent decides by another one, and that is said.
fn emergency(folder: &Path, pinned: &Pinned) -> Option<Arc<Policy>> {
    let known = pinned.break_glass.filter(|known| clock::wall() < known.until)?;
    let policy = offline::policy(&folder.join(pinned::BREAK_GLASS)).ok()?;
    (Hex(policy.hash()) == known.sha256).then(|| Arc::new(policy))
}

/// A person's own copy, if there is one.
fn copy(path: &Path) -> Result<Option<Arc<Policy>>, CliError> {
    if path.exists() { offline::policy(path).map(Arc::new).map(Some) } else { Ok(None) }
}
