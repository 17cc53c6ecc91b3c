//! `bursar init --approver`: the home of a person who decides.

use std::path::Path;

use serde::Serialize;

use super::{Args, Chosen};
use crate::cli::error::CliError;
use crate::cli::key::open::runtime;
use crate::cli::output::{Output, Page, Style};
use crate::config::person::{Office, Person, Place};
use crate::config::{Config, FILE};
use crate::remote::Remote;
use crate::setup::account::AccountKey;
use crate::setup::config_text::key;
use crate::setup::person::{self, MadePerson, NewPerson};
use crate::setup::{SetupError, modules};
use crate::tls::certificate;
use crate::tls::fingerprint::Fingerprint;
use crate::token::provision::{Algorithm, uri_of};
use crate::{book, config};

/// What only such a home has.
#[derive(Debug, clap::Args)]
pub struct PersonArgs {
    /// Make the home of a person who approves payments, under this name in the policy
    #[arg(long, value_name = "NAME[=KEYLABEL]", requires = "module", value_parser = approver,
        conflicts_with_all = ["accounts", "balances", "audit", "node", "asset"])]
    approver: Option<Office>,
    /// Make the home of a person who decides on versions of the policy, under this name in it
    #[arg(long, value_name = "NAME[=KEYLABEL]", requires = "module", value_parser = administrator,
        conflicts_with_all = ["accounts", "balances", "audit", "node", "asset"])]
    administrator: Option<Office>,
    /// The agent that is asked: its socket, its home folder, or https://HOST:PORT [default: none; everything
    /// goes by files]
    #[arg(long, value_name = "PATH|URL", requires = "module")]
    agent: Option<String>,
    /// The certificate of an agent on another machine, as `bursar certificate` prints it there
    #[arg(long, value_name = "FINGERPRINT", requires = "agent")]
    agent_certificate: Option<Fingerprint>,
    /// Have the token ask for the PIN at each use of a key that is made, and not only once a session
    #[arg(long, requires = "module")]
    pin_each_use: bool,
}

fn approver(text: &str) -> Result<Office, String> {
    office(text, "approver")
}

fn administrator(text: &str) -> Result<Office, String> {
    office(text, "administrator")
}

/// Without a label the key is called by what it is for.
fn office(text: &str, label: &str) -> Result<Office, String> {
    let named = text.split_once('=').map_or_else(|| format!("{text}={label}"), |_| text.to_owned());
    named.parse().map(|AccountKey { account, label }| Office { name: account, key: label })
}

impl PersonArgs {
    /// Is it to be such a home?
    pub fn is_asked(&self) -> bool {
        self.approver.is_some() || self.administrator.is_some()
    }

    /// Are its options only there if it is?
    pub fn check(&self) -> Result<(), CliError> {
        if (self.agent.is_some() || self.pin_each_use) && !self.is_asked() {
            let what = "--agent and --pin-each-use are for the home of a person; add --approver NAME or --administrator NAME";
            return Err(CliError::Usage(what.to_owned()));
        }
        Ok(())
    }

    /// Where the agent is.
    pub fn place(&self) -> Result<Option<Place>, CliError> {
        let Some(agent) = &self.agent else { return Ok(None) };
        if agent.starts_with("https://") {
            let pinned = self.agent_certificate.ok_or_else(|| {
                let what = "an agent on another machine is known by its certificate; add --agent-certificate with what \
                            `bursar certificate` prints there";
                CliError::Usage(what.to_owned())
            })?;
            return Ok(Some(Place::Remote(Remote::new(agent, pinned).map_err(CliError::Usage)?)));
        }
        if self.agent_certificate.is_some() {
            let what = "--agent-certificate goes with an --agent like https://treasury.example:7420";
            return Err(CliError::Usage(what.to_owned()));
        }
        let path = Path::new(agent);
        let path =
            std::path::absolute(path).map_err(|source| CliError::File { path: path.to_owned(), source })?;
        let socket = if path.is_dir() { Config::load(&path)?.socket } else { path };
        Ok(Some(Place::Socket(socket)))
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    home: &'a Path,
    #[serde(flatten)]
    made: &'a MadePerson,
    certificate: Fingerprint,
    /// For the policy bundle.
    policy: Vec<String>,
    /// For the agent's config.toml.
    callers: Vec<String>,
}

/// Makes it, and says what the others need to know.
pub fn make(args: &Args, agent: Option<Place>, chosen: Chosen) -> Result<Output, CliError> {
    let Chosen { folder, module, source, token } = chosen;
    if folder.has(book::FILE) {
        let found = book::FILE.to_owned();
        return Err(SetupError::Foreign { path: folder.path().to_owned(), found }.into());
    }
    let new = NewPerson {
        module,
        uri: uri_of(token.info()).to_string(),
        pin: source,
        environment: modules::environment(|name| std::env::var(name).ok()),
        approver: args.person.approver.clone(),
        administrator: args.person.administrator.clone(),
        algorithm: args.algorithm.unwrap_or(Algorithm::P256),
        pin_each_use: args.person.pin_each_use,
        agent,
    };
    let made = runtime()?.block_on(person::make(&folder, &token, &new))?;
    let certificate = certificate::fingerprint(folder.path())?;
    let mut policy = Vec::new();
    if let (Some(office), Some(public)) = (&new.approver, &made.approver) {
        policy.push(format!("[approvers.{}]\nkey = \"{public}\"", key(office.name.as_str())));
    }
    if let (Some(office), Some(public)) = (&new.administrator, &made.administrator) {
        policy.push(format!("[administrators]\nkeys = {{ {} = \"{public}\" }}", key(office.name.as_str())));
    }
    let callers = vec![caller(&new, &certificate)];
    let mut page = Page::new();
    page.styled(Style::Good, format!("The home folder is {}", folder.path().display()));
    page.pairs([
        ("written", made.made.written.join(", ").into()),
        ("keys generated", made.made.generated.join(", ").into()),
        ("keys found", made.made.found.join(", ").into()),
    ]);
    page.blank();
    page.line("The policy bundle needs to say who this is:");
    policy.iter().for_each(|lines| indented(&mut page, lines));
    page.line("The agent's config.toml needs to say who may call; it reads that when it starts:");
    callers.iter().for_each(|lines| indented(&mut page, lines));
    let answer = Answer { home: folder.path(), made: &made, certificate, policy, callers };
    Ok(Output::new(&answer, page))
}

fn indented(page: &mut Page, lines: &str) {
    lines.lines().for_each(|line| page.line(format!("  {line}")));
    page.blank();
}

/// The lines by which the agent knows this home: by its certificate, or as a user of its machine.
fn caller(new: &NewPerson, certificate: &Fingerprint) -> String {
    let offices = [("approver", &new.approver), ("administrator", &new.administrator)];
    let there = || offices.iter().filter_map(|(role, office)| Some((*role, office.as_ref()?)));
    let roles: Vec<_> = there().map(|(role, _)| format!("\"{role}\"")).collect();
    let name = there().map(|(_, office)| key(office.name.as_str())).next().unwrap_or_default();
    let known = match new.agent {
        Some(Place::Socket(_)) => format!("uid = {}", rustix::process::getuid().as_raw()),
        _ => format!("certificate = \"{certificate}\""),
    };
    format!("[callers.{name}]\n{known}\nroles = [{}]", roles.join(", "))
}

/// A second init: says what is there.
pub fn existing(person: &Person) -> Output {
    let mut page = Page::new();
    page.line(format!(
        "{} is the home of {} already; nothing was changed.",
        person.home.display(),
        person.who()
    ));
    let office = |office: &Option<Office>| {
        office.as_ref().map(|office| format!("{} (key {:?})", office.name, office.key)).unwrap_or_default()
    };
    let agent = match &person.agent {
        Some(Place::Socket(socket)) => socket.display().to_string(),
        Some(Place::Remote(remote)) => remote.to_string(),
        None => "none; by files".to_owned(),
    };
    page.pairs([
        ("module", person.token.module.display().to_string().into()),
        ("token", person.token.uri.as_str().into()),
        ("approver", office(&person.approver).into()),
        ("administrator", office(&person.administrator).into()),
        ("agent", agent.as_str().into()),
        ("own copy of the policy", person.policy_path().display().to_string().into()),
    ]);
    page.line(format!("To change it, edit {}.", person.home.join(FILE).display()));
    let value = serde_json::json!({
        "home": person.home, "existed": true, "module": person.token.module, "token": person.token.uri,
        "approver": person.approver.as_ref().map(|office| &office.name),
        "administrator": person.administrator.as_ref().map(|office| &office.name),
        "agent": agent, "policy": person.home.join(config::POLICY),
    });
    Output::new(&value, page)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_is_called_by_what_it_is_for() {
        let read = |text: &str| approver(text).map(|office| (office.name.to_string(), office.key));
        assert_eq!(read("anna"), Ok(("anna".to_owned(), "approver".to_owned())));
        assert_eq!(read("anna=card 7"), Ok(("anna".to_owned(), "card 7".to_owned())));
        for text in ["", "=x", "a:b", "a="] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
