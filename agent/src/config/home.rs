//! A home folder of either kind: an agent's, or that of a person who decides.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::person::{self, Person};
use super::{Config, ConfigError, FILE, TokenConfig};

/// What a home folder is for.
#[derive(Clone, Debug)]
pub enum Home {
    /// An agent works with it.
    Agent(Box<Config>),
    /// A person decides with it.
    Person(Box<Person>),
}

impl Home {
    /// Reads and checks the configuration of a home folder.
    pub fn load(home: &Path) -> Result<Self, ConfigError> {
        Self::load_as(home, rustix::process::geteuid().as_raw())
    }

    pub(super) fn load_as(home: &Path, user: u32) -> Result<Self, ConfigError> {
        // In a folder of somebody else's nobody knows; then that is said below.
        if matches!(home.join(FILE).try_exists(), Ok(false)) {
            return Err(ConfigError::Missing(home.to_owned()));
        }
        let read = |source| ConfigError::Read { path: home.to_owned(), source };
        // What is read is what was checked, wherever a link leads later.
        let home = std::fs::canonicalize(home).map_err(read)?;
        let path = home.join(FILE);
        let about = std::fs::metadata(&home).map_err(read)?;
        if about.uid() != user {
            return Err(ConfigError::Foreign { path: home, owner: about.uid(), user });
        }
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(ConfigError::Exposed { path: home, mode });
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        Self::parse(&home, &text).map_err(|what| ConfigError::Parse { path, what })
    }

    fn parse(home: &Path, text: &str) -> Result<Self, String> {
        if person::is_one(text) {
            Person::parse(home, text).map(Box::new).map(Self::Person)
        } else {
            Config::parse(home, text).map(Box::new).map(Self::Agent)
        }
    }

    /// The folder.
    pub fn path(&self) -> &PathBuf {
        match self {
            Self::Agent(config) => &config.home,
            Self::Person(person) => &person.home,
        }
    }

    /// How to reach its token.
    pub fn token(&self) -> &TokenConfig {
        match self {
            Self::Agent(config) => &config.token,
            Self::Person(person) => &person.token,
        }
    }
}
