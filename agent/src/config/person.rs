//! The home of a person who decides: a token, who the person is, and where the agent is.
//!
//! It has no ledger, no book and no accounts, and a copy of the policy bundle of its own, by which
//! it names what it decides on.

use std::path::{Path, PathBuf};

use bursar_core::name::Name;
use serde::Deserialize;

use super::TokenConfig;
use crate::remote::Remote;
use crate::tls::fingerprint::Fingerprint;

/// A checked configuration of a person's home.
#[derive(Clone, Debug)]
pub struct Person {
    /// The home folder.
    pub home: PathBuf,
    /// The person's own token.
    pub token: TokenConfig,
    /// Decides on payments, freezes and lifts, and breaks the glass.
    pub approver: Option<Office>,
    /// Decides on policy bundles.
    pub administrator: Option<Office>,
    /// Where the agent is; without one, everything goes by files.
    pub agent: Option<Place>,
}

/// What somebody decides as.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Office {
    /// The name in the policy bundle.
    pub name: Name,
    /// The key's label in the token.
    pub key: String,
}

/// Where an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind a socket on this machine.
    Socket(PathBuf),
    /// Behind its certificate on another one.
    Remote(Remote),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    token: TokenConfig,
    approver: Option<Office>,
    administrator: Option<Office>,
    remote: Option<PlaceText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceText {
    socket: Option<PathBuf>,
    url: Option<String>,
    certificate: Option<Fingerprint>,
}

/// Is this the configuration of a person's home, right or wrong?
pub(super) fn is_one(text: &str) -> bool {
    let table: Result<toml::Table, _> = toml::from_str(text);
    table.is_ok_and(|table| ["approver", "administrator"].iter().any(|office| table.contains_key(*office)))
}

impl Person {
    /// Reads and checks a text; paths in it are relative to `home`.
    pub fn parse(home: &Path, text: &str) -> Result<Self, String> {
        let Text { token, approver, administrator, remote } =
            toml::from_str(text).map_err(|error| error.to_string())?;
        match (&approver, &administrator) {
            (None, None) => return Err("a person decides as [approver] or as [administrator]".to_owned()),
            (Some(one), Some(other)) if one.key == other.key => {
                return Err(format!(
                    "the key {:?} has two roles, approver and administrator; give each its own",
                    one.key
                ));
            }
            _ => {}
        }
        let agent = remote.map(|text| text.read(home)).transpose()?;
        Ok(Self { home: home.to_owned(), token: token.in_home(home), approver, administrator, agent })
    }

    /// The name, or both where they differ.
    pub fn who(&self) -> String {
        let mut names: Vec<_> =
            self.approver.iter().chain(&self.administrator).map(|office| office.name.as_str()).collect();
        names.dedup();
        names.join(" and ")
    }

    /// The person's own copy of the policy bundle.
    pub fn policy_path(&self) -> PathBuf {
        self.home.join(super::POLICY)
    }
}

impl PlaceText {
    fn read(self, home: &Path) -> Result<Place, String> {
        match (self.socket, self.url, self.certificate) {
            (Some(socket), None, None) => Ok(Place::Socket(home.join(socket))),
            (None, Some(url), Some(certificate)) => Remote::new(&url, certificate).map(Place::Remote),
            _ => Err("[remote] names either `socket`, or `url` and `certificate`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{Config, Home};

    const GOOD: &str = r#"
        [token]
        module = "/usr/lib/softhsm/libsofthsm2.so"
        uri = "pkcs11:token=anna"
        pin = "prompt"
        [approver]
        name = "anna"
        key = "approver"
        [remote]
        socket = "/run/bursar.sock"
    "#;

    fn parse(text: &str) -> Result<Person, String> {
        Person::parse(Path::new("/home/anna"), text)
    }

    #[test]
    fn it_is_somebodys() {
        let person = parse(GOOD).unwrap();
        assert_eq!(person.who(), "anna");
        assert_eq!(person.agent, Some(Place::Socket("/run/bursar.sock".into())));
        assert_eq!(person.policy_path(), Path::new("/home/anna/policy.toml"));
        let both = format!("{GOOD}\n[administrator]\nname = \"boss\"\nkey = \"other\"");
        assert_eq!(parse(&both).unwrap().who(), "anna and boss");
        let alone = GOOD.replace("[remote]", "").replace("socket = \"/run/bursar.sock\"", "");
        assert_eq!(parse(&alone).unwrap().agent, None);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (change, to, says) in [
            ("key = \"approver\"", "", "missing field `key`"),
            ("name = \"anna\"", "name = \"a:b\"", "is not a name"),
            ("[remote]", "[accounts.a]\nkey = \"a\"\n[remote]", "unknown field `accounts`"),
            ("socket = ", "url = ", "either `socket`, or `url` and `certificate`"),
            ("[remote]", "[administrator]\nname = \"anna\"\nkey = \"approver\"\n[remote]", "two roles"),
            ("pkcs11:token=anna", "anna", "token.uri"),
        ] {
            let error = parse(&GOOD.replace(change, to)).err().unwrap_or_default();
            assert!(error.contains(says), "{to}: {error}");
        }
    }

    #[test]
    fn a_command_that_needs_an_agent_says_so() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(folder.path().join("config.toml"), GOOD).unwrap();
        assert!(matches!(Home::load(folder.path()), Ok(Home::Person(_))));
        let error = Config::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is the home of anna, who decides and has no agent"), "{error}");
    }
}
