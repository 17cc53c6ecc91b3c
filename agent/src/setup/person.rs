//! The home of a person who decides: keys in the person's own token, a certificate, a configuration.

use std::fmt::Write;
use std::path::Path;

use bursar_core::approval::HomeId;
use bursar_core::key::PublicKey;
use serde::Serialize;

use super::SetupError;
use super::config_text::{quoted, token_lines};
use super::folder::Folder;
use super::home::{Made, certificate};
use crate::config::person::{Office, Person, Place};
use crate::config::pinned::{self, Pinned};
use crate::config::{self, TokenConfig};
use crate::token::Token;
use crate::token::keyring::{administrator_key, approver_key};
use crate::token::mark::Mark;
use crate::token::provision::Algorithm;

/// What a person's home is to be.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// The token; a module's path absolute.
    pub token: TokenConfig,
    /// Name and key label of the approver.
    pub approver: Option<Office>,
    /// Name and key label of the administrator.
    pub administrator: Option<Office>,
    /// The curve of keys that are not in the token yet: Ed25519 or P-256.
    pub algorithm: Algorithm,
    /// Does the token want the PIN at each use of such a key?
    pub pin_each_use: bool,
    /// Where the agent is.
    pub agent: Option<Place>,
    /// The id of its home, where it is known already.
    pub agent_home: Option<HomeId>,
}

/// A person's home, and the public keys that the policy bundle has to name.
#[derive(Clone, Debug, Serialize)]
pub struct MadePerson {
    /// Files and keys.
    #[serde(flatten)]
    pub made: Made,
    /// Decides on payments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<PublicKey>,
    /// Decides on policy bundles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub administrator: Option<PublicKey>,
}

/// Makes missing keys in the token and writes what is missing in the folder; replaces nothing.
pub async fn make(folder: &Folder, token: &Token, new: &NewPerson) -> Result<MadePerson, SetupError> {
    // Whatever is wrong with the names is said before there are keys that nobody wants.
    let text = new.render(folder.path())?;
    let mut made = Made::default();
    let approver = new.approver.iter().map(|office| (office, Mark::Approver));
    let offices = approver.chain(new.administrator.iter().map(|office| (office, Mark::Administrator)));
    for (office, mark) in offices {
        let (_, generated) = token.ensure(&office.key, mark, new.algorithm, new.pin_each_use).await?;
        if generated { &mut made.generated } else { &mut made.found }.push(office.key.clone());
        crate::crash::point("setup");
    }
    let (mut approver, mut administrator) = (None, None);
    // Refuses a key of a kind that people do not sign with.
    if let Some(office) = &new.approver {
        approver = Some(*approver_key(token, &office.key).await?.public());
    }
    if let Some(office) = &new.administrator {
        administrator = Some(*administrator_key(token, &office.key).await?.public());
    }
    certificate(folder, &mut made)?;
    if let Some(home) = new.agent_home {
        let text = Pinned::new(home).to_json();
        made.file(pinned::FILE, folder.write_new(pinned::FILE, text.as_bytes())?);
    }
    made.file(config::FILE, folder.write_new(config::FILE, text.as_bytes())?);
    Ok(MadePerson { made, approver, administrator })
}

impl NewPerson {
    /// The text of config.toml, read back before it is answered.
    fn render(&self, home: &Path) -> Result<String, SetupError> {
        let text = self.text()?;
        Person::parse(home, &text).map_err(SetupError::Config)?;
        Ok(text)
    }

    fn text(&self) -> Result<String, SetupError> {
        let mut text =
            "# What a person who decides works with: a token of their own, and where the agent is.\n\
                        # Paths are relative to this folder, unless they begin with a slash.\n\n"
                .to_owned();
        text += &token_lines(&self.token)?;
        let offices = [
            ("approver", "payments, freezes and lifts, and breaks the glass", &self.approver),
            ("administrator", "versions of the policy", &self.administrator),
        ];
        for (office, does, person) in offices {
            let Some(Office { name, key }) = person else { continue };
            let _ = write!(
                text,
                "# Decides on {does}: the name in the policy, and the key's label in the token.\n\
                 [{office}]\nname = {}\nkey = {}\n\n",
                quoted(name.as_str()),
                quoted(key)
            );
        }
        text += "# The agent that is asked: `socket` on this machine, or `url` and `certificate`, the fingerprint that\n\
                 # `bursar certificate` prints there. Without it everything goes by files.\n";
        match &self.agent {
            Some(Place::Socket(socket)) => {
                let why = "is not UTF-8";
                let path = socket.to_str().ok_or_else(|| SetupError::Path { path: socket.clone(), why })?;
                let _ = write!(text, "[remote]\nsocket = {}\n", quoted(path));
            }
            Some(Place::Remote(remote)) => {
                let (url, certificate) = (quoted(&remote.to_string()), remote.certificate());
                let _ = write!(text, "[remote]\nurl = {url}\ncertificate = \"{certificate}\"\n");
            }
            None => text += "# [remote]\n# socket = \"/srv/bursar/bursar.sock\"\n",
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::remote::Remote;
    use crate::tls::fingerprint::Fingerprint;

    fn office(name: &str, key: &str) -> Option<Office> {
        Some(Office { name: name.parse().unwrap(), key: key.to_owned() })
    }

    fn sample() -> NewPerson {
        NewPerson {
            token: toml::from_str(
                "module = \"/m.so\"\nuri = \"pkcs11:token=anna\"\npin = \"prompt\"\n[environment]\nX = '/a \"b\"'",
            )
            .unwrap(),
            approver: office("anna", "approver"),
            administrator: office("anna", "the 'other'"),
            algorithm: Algorithm::P256,
            pin_each_use: false,
            agent: None,
            agent_home: None,
        }
    }

    #[test]
    fn what_was_given_is_what_is_read() {
        let home = Path::new("/home/anna/x");
        let remote = Remote::new("https://treasury.example:7420", Fingerprint::of(b"abc")).unwrap();
        for agent in [None, Some(Place::Socket("/run/a b.sock".into())), Some(Place::Remote(remote))] {
            let new = NewPerson { agent: agent.clone(), ..sample() };
            let person = Person::parse(home, &new.render(home).unwrap()).unwrap();
            assert_eq!((person.agent, person.token), (agent, new.token));
            assert_eq!((person.approver, person.administrator), (new.approver, new.administrator));
        }
        let twice = NewPerson { administrator: office("anna", "approver"), ..sample() };
        assert!(matches!(twice.render(home), Err(SetupError::Config(_))));
    }
}
