//! `bursar init --approver`: the home of a person who decides.

use std::path::Path;

use bursar_core::approval::HomeId;
use serde::Serialize;

use super::device::Chosen;
use super::{Args, module};
use crate::cli::error::CliError;
use crate::cli::global::quoted;
use crate::cli::key::open::runtime;
use crate::cli::output::{Output, Page, Style};
use crate::config::person::{Office, Person, Place};
use crate::config::pinned::Pinned;
use crate::config::{Config, FILE};
use crate::remote::Remote;
use crate::setup::SetupError;
use crate::setup::account::AccountKey;
use crate::setup::config_text::key;
use crate::setup::person::{self, MadePerson, NewPerson};
use crate::tls::certificate;
use crate::tls::fingerprint::Fingerprint;
use crate::token::mark::Mark;
use crate::token::provision::Algorithm;
use crate::{book, config};

/// What only such a home has.
#[derive(Debug, clap::Args)]
pub struct PersonArgs {
    /// Make the home of a person who approves payments, under this name in the policy
    #[arg(long, value_name = "NAME[=KEYLABEL]", requires = "device", value_parser = approver,
        conflicts_with_all = ["accounts", "balances", "audit", "node", "asset"])]
    approver: Option<Office>,
    /// Make the home of a person who decides on versions of the policy, under this name in it
    #[arg(long, value_name = "NAME[=KEYLABEL]", requires = "device", value_parser = administrator,
        conflicts_with_all = ["accounts", "balances", "audit", "node", "asset"])]
    administrator: Option<Office>,
    /// The agent that is asked: its socket, its home folder, or https://HOST:PORT [default: none; everything
    /// goes by files]
    #[arg(long, value_name = "PATH|URL", requires = "device")]
    agent: Option<String>,
    /// The certificate of an agent on another machine, as `bursar certificate` prints it there
    #[arg(long, value_name = "FINGERPRINT", requires = "agent")]
    agent_certificate: Option<Fingerprint>,
    /// The id of the agent's home, as `bursar status` shows it there [default: read where --agent is a home
    /// folder; otherwise the first `bursar policy fetch` learns it]
    #[arg(long, value_name = "ID", requires = "device")]
    agent_home: Option<HomeId>,
    /// Have the token ask for the PIN at each use of a key that is made, and not only once a session
    #[arg(long, requires = "device")]
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

    /// The roles of its keys.
    pub fn roles(&self) -> Vec<Mark> {
        let approver = self.approver.iter().map(|_| Mark::Approver);
        approver.chain(self.administrator.iter().map(|_| Mark::Administrator)).collect()
    }

    /// Are its options only there if it is?
    pub fn check(&self) -> Result<(), CliError> {
        if (self.agent.is_some() || self.agent_home.is_some() || self.pin_each_use) && !self.is_asked() {
            let what = "--agent, --agent-home and --pin-each-use are for the home of a person; add --approver NAME or --administrator NAME";
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

    /// The id of the agent's home: as it is told, or as its folder says.
    pub fn agent_home(&self) -> Result<Option<HomeId>, CliError> {
        let folder = self.agent.as_ref().map(Path::new).filter(|path| path.is_dir());
        let Some(folder) = folder else { return Ok(self.agent_home) };
        let id = Config::load(folder)?.id;
        let wrong = |_| CliError::Home(format!("{}: its id is {id:?}, not 32 hex digits", folder.display()));
        let found: HomeId = id.to_ascii_lowercase().parse().map_err(wrong)?;
        match self.agent_home {
            Some(told) if told != found => Err(CliError::Usage(format!(
                "{} is the home {found}, not {told}; name the agent's own folder",
                folder.display()
            ))),
            _ => Ok(Some(found)),
        }
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
pub fn make(
    args: &Args,
    (agent, agent_home): (Option<Place>, Option<HomeId>),
    chosen: Chosen,
) -> Result<Output, CliError> {
    let Chosen { folder, config, token, warnings } = chosen;
    if folder.has(book::FILE) {
        let found = book::FILE.to_owned();
        return Err(SetupError::Foreign { path: folder.path().to_owned(), found }.into());
    }
    let new = NewPerson {
        token: config,
        approver: args.person.approver.clone(),
        administrator: args.person.administrator.clone(),
        algorithm: args.algorithm.unwrap_or(Algorithm::P256),
        pin_each_use: args.person.pin_each_use,
        agent,
        agent_home,
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
    warnings.iter().for_each(|warning| page.styled(Style::Warn, warning.clone()));
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

/// What was asked for and is not so.
fn differences(person: &Person, args: &Args, pinned: Option<&Pinned>) -> Result<Vec<String>, CliError> {
    let mut found = args.device.differences(&person.token)?;
    for (what, is, asked) in [
        ("approver", &person.approver, &args.person.approver),
        ("administrator", &person.administrator, &args.person.administrator),
    ] {
        match (is, asked) {
            (_, None) => {}
            (Some(is), Some(asked)) if is == asked => {}
            (Some(Office { name, key }), Some(asked)) => found.push(format!(
                "Its {what} is {name} with the key {key:?}, not {} with the key {:?}.",
                asked.name, asked.key
            )),
            (None, Some(asked)) => found.push(format!("It has no {what}, and so not {}.", asked.name)),
        }
    }
    if args.person.agent.is_some() && args.person.place()? != person.agent {
        found.push(format!("It asks another agent: {}.", agent(person)));
    }
    if let (Some(told), Some(known)) = (args.person.agent_home, pinned)
        && told != known.home
    {
        found.push(format!("The home of its agent is {}, not {told}.", known.home));
    }
    let accounts = args.accounts.iter().map(|AccountKey { account, .. }| account);
    found.extend(accounts.map(|account| format!("It is a person's, and has no account {account}.")));
    Ok(found)
}

fn agent(person: &Person) -> String {
    match &person.agent {
        Some(Place::Socket(socket)) => socket.display().to_string(),
        Some(Place::Remote(remote)) => remote.to_string(),
        None => "none; by files".to_owned(),
    }
}

/// A second init: says what is there, and refuses if that is not what was asked for.
pub fn existing(person: &Person, args: &Args) -> Result<Output, CliError> {
    let pinned = Pinned::load(&person.home)?;
    let other = differences(person, args, pinned.as_ref())?;
    if !other.is_empty() {
        return Err(CliError::Home(format!(
            "{} is the home of {} already, and not what was asked for; nothing was changed. {} Edit {}, or name another \
             folder with --home",
            person.home.display(),
            person.who(),
            other.join(" "),
            quoted(&person.home.join(FILE).to_string_lossy())
        )));
    }
    let mut page = Page::new();
    page.line(format!(
        "{} is the home of {} already; nothing was changed.",
        person.home.display(),
        person.who()
    ));
    let office = |office: &Option<Office>| {
        office.as_ref().map(|office| format!("{} (key {:?})", office.name, office.key)).unwrap_or_default()
    };
    let agent = agent(person);
    let known = pinned.map(|pinned| pinned.home.to_string());
    page.pairs([
        ("module", module(&person.token).into()),
        ("token", person.token.name().into()),
        ("approver", office(&person.approver).into()),
        ("administrator", office(&person.administrator).into()),
        ("agent", agent.as_str().into()),
        ("agent's home", known.clone().unwrap_or_else(|| "not known yet".to_owned()).into()),
        ("own copy of the policy", person.policy_path().display().to_string().into()),
    ]);
    page.line(format!("To change it, edit {}.", person.home.join(FILE).display()));
    let value = serde_json::json!({
        "home": person.home, "existed": true, "module": module(&person.token), "token": person.token.name(),
        "approver": person.approver.as_ref().map(|office| &office.name),
        "administrator": person.administrator.as_ref().map(|office| &office.name),
        "agent": agent, "agent_home": known, "policy": person.home.join(config::POLICY),
    });
    Ok(Output::new(&value, page))
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

    fn differences_of(words: &str) -> Vec<String> {
        use clap::{Args as _, FromArgMatches as _};
        let home = "[token]\nmodule = \"/lib/p11.so\"\nuri = \"pkcs11:token=anna;serial=17\"\npin = \"prompt\"\n\
            [approver]\nname = \"anna\"\nkey = \"approver\"\n[remote]\nsocket = \"/run/bursar.sock\"\n";
        let person = Person::parse(Path::new("/home/anna"), home).unwrap();
        let command = Args::augment_args(clap::Command::new("init"));
        let matches = command.try_get_matches_from(format!("init {words}").split_whitespace()).unwrap();
        let pinned = Pinned::new("ab".repeat(16).parse().unwrap());
        differences(&person, &Args::from_arg_matches(&matches).unwrap(), Some(&pinned)).unwrap()
    }

    #[test]
    fn a_second_init_finds_what_differs() {
        const SAME: &str = "--module /lib/p11.so --token anna";
        for words in [
            "".to_owned(),
            SAME.to_owned(),
            format!("{SAME} --approver anna"),
            format!("{SAME} --approver anna --agent-home {}", "ab".repeat(16)),
            format!("{SAME} --approver anna=approver --agent /run/bursar.sock"),
            "--module /lib/p11.so --token pkcs11:serial=17 --approver anna".to_owned(),
        ] {
            assert_eq!(differences_of(&words), Vec::<String>::new(), "{words}");
        }
        for (words, says) in [
            ("--module /lib/other.so --token anna", "another module than /lib/other.so"),
            ("--module /lib/p11.so --token ben", "Its token is pkcs11:token=anna;serial=17, not ben"),
            ("--module /lib/p11.so --token pkcs11:token=anna;serial=18", "not pkcs11:token=anna;serial=18"),
            (
                &format!("{SAME} --approver carol"),
                "Its approver is anna with the key \"approver\", not carol",
            ),
            (&format!("{SAME} --approver anna=card"), "not anna with the key \"card\""),
            (&format!("{SAME} --administrator anna"), "It has no administrator, and so not anna"),
            (&format!("{SAME} --approver anna --agent /run/other.sock"), "another agent: /run/bursar.sock"),
            (
                &format!("{SAME} --approver anna --agent-home {}", "cd".repeat(16)),
                "home of its agent is abab",
            ),
            (&format!("{SAME} --account payroll"), "has no account payroll"),
        ] {
            let found = differences_of(words);
            assert!(found.len() == 1 && found[0].contains(says), "{words}: {found:?}");
        }
    }
}
