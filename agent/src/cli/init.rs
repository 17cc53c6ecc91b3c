//! `bursar init`: makes a home folder for a token that is there.

mod asset;
mod balance;
mod device;
mod look;
mod person;
mod pin;

use std::path::Path;

use bursar_core::name::Name;
use serde::Serialize;

use super::error::CliError;
use super::exit::Exit;
use super::global::{Global, quoted};
use super::key::open::runtime;
use super::output::{Output, Page, Style};
use crate::config::{Config, Home, TokenConfig, TokenPlace};
use crate::setup::account::AccountKey;
use crate::setup::config_text::NewConfig;
use crate::setup::home::{self, Made, NewHome};
use crate::setup::{SetupError, policy_skeleton};
use crate::token::mark::Mark;
use crate::token::provision::Algorithm;
use asset::NamedAsset;
use balance::Balance;
use device::{Chosen, choose};

/// Make a home folder for a token
///
/// Without options it lists the PKCS#11 modules and tokens that it finds, and prints the command
/// that makes the home. It never overwrites anything; given again it goes on where it was
/// interrupted, or says what is there.
///
/// The policy of the new home denies everything until you edit it; the key `administrator`, in the same
/// token, is the one that signs later versions.
///
/// On a YubiHSM it makes an authentication key for the home, with a random password in the home's file
/// `pin`, that reaches the keys of the home's roles and can do nothing but sign with them. Making it
/// takes another authentication key, whose password is used once and kept nowhere.
///
/// With --simulated it makes a simulated YubiHSM in the home folder: for trying and testing.
///
/// With --approver or --administrator it makes the home of a person who decides instead: a key in the
/// person's own token and a certificate, but no ledger, no book and no accounts; then it prints the
/// lines that the policy and the agent's config.toml need to know the person.
///
/// Examples:
///   bursar init --module /usr/lib/softhsm/libsofthsm2.so --token treasury --pin-prompt
///          --account expenses=card-1 --balance expenses="5000.00 EUR"
///   bursar init --simulated --account expenses --balance expenses="5000.00 EUR"
///   bursar init --yubihsm http://127.0.0.1:12345 --account expenses --balance expenses="5000.00 EUR"
///   bursar init --module /usr/lib/softhsm/libsofthsm2.so --token anna --pin-prompt --approver anna
///          --agent https://treasury.example:7420 --agent-certificate sha256:ba7816bf…
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    device: device::DeviceArgs,
    #[command(flatten)]
    pin: pin::PinArgs,
    /// An account and the label of its key, which is generated if there is none; may be repeated
    #[arg(long = "account", value_name = "NAME[=KEYLABEL]", requires = "device")]
    accounts: Vec<AccountKey>,
    /// The algorithm of keys that are generated [default: ed25519 for accounts, p256 for people]
    #[arg(long)]
    algorithm: Option<Algorithm>,
    /// The label of the key that signs the audit log, generated if there is none
    #[arg(long, value_name = "KEYLABEL", default_value = "audit")]
    audit: String,
    /// The label of the key that signs the ledger's checkpoints, generated if there is none
    #[arg(long, value_name = "KEYLABEL", default_value = "node")]
    node: String,
    /// What the ledger counts, and its number of decimals
    #[arg(long, value_name = "NAME:DECIMALS", default_value = "EUR:2")]
    asset: NamedAsset,
    /// What an account holds when the ledger begins, like expenses="5000.00 EUR"; may be repeated
    #[arg(long = "balance", value_name = "NAME=AMOUNT", requires = "device")]
    balances: Vec<Balance>,
    #[command(flatten)]
    person: person::PersonArgs,
}

/// Does what the arguments say.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let home = global.home()?;
    if home.join(crate::config::FILE).exists() {
        return match global.any_home()? {
            Home::Agent(config) => existing(&config, &args),
            Home::Person(person) => person::existing(&person, &args),
        };
    }
    args.person.check()?;
    args.device.check()?;
    if args.device.is_named() { make(global, home, &args) } else { look::run(global) }
}

/// The roles of an agent's keys.
const ROLES: [Mark; 4] = [Mark::Account, Mark::Audit, Mark::Node, Mark::Administrator];

fn make(global: &Global, home: &Path, args: &Args) -> Result<Output, CliError> {
    if args.person.is_asked() {
        // Before a PIN is asked for.
        let agent = (args.person.place()?, args.person.agent_home()?);
        return person::make(args, agent, choose(global, home, args, &args.person.roles())?);
    }
    let asset = args.asset.0.clone();
    let balances = args.balances.iter().map(|balance| balance.read(&asset)).collect::<Result<_, _>>()?;
    let Chosen { folder, config, token, warnings } = choose(global, home, args, &ROLES)?;
    let new = NewHome {
        config: NewConfig {
            id: home::id()?,
            token: config,
            audit: args.audit.clone(),
            node: args.node.clone(),
            administrator: Some("administrator".to_owned()),
            accounts: args.accounts.clone(),
            uid: rustix::process::getuid().as_raw(),
        },
        algorithms: vec![args.algorithm.unwrap_or(Algorithm::Ed25519); args.accounts.len()],
        policy: policy_skeleton::text(&asset),
        ledger: name("bursar")?,
        assets: vec![asset.into()],
        balances,
    };
    let made = runtime()?.block_on(home::make(&folder, &token, new))?;
    Ok(report(global, folder.path(), &made, warnings))
}

/// What a home says of itself.
#[derive(Serialize)]
struct Answer<'a> {
    home: &'a Path,
    #[serde(flatten)]
    made: &'a Made,
    next: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

fn report(global: &Global, home: &Path, made: &Made, warnings: Vec<String>) -> Output {
    let next = vec![global.command("policy check"), global.command("serve --background")];
    let mut page = Page::new();
    page.styled(Style::Good, format!("The home folder is {}", home.display()));
    page.pairs([
        ("written", made.written.join(", ").into()),
        ("kept as it was", made.kept.join(", ").into()),
        ("keys generated", made.generated.join(", ").into()),
        ("keys found", made.found.join(", ").into()),
    ]);
    page.blank();
    page.line(
        "The policy denies every payment until you edit it: policy.toml has an example of each kind of rule.",
    );
    page.line(format!(
        "The agent takes policy.toml over when it starts for the first time. From then on another version needs the key \"administrator\" \
         in the token: {}",
        global.command("policy install policy.toml")
    ));
    page.line(
        "The ledger begins with the assets and balances of genesis.json, which cannot change any more.",
    );
    page.line("Keep copies of book.db and ledger.db: without the book the agent does not sign.");
    warnings.iter().for_each(|warning| page.styled(Style::Warn, warning.clone()));
    page.blank();
    page.line("Next:");
    next.iter().for_each(|command| page.line(format!("  {command}")));
    Output::new(&Answer { home, made, next, warnings }, page)
}

/// A second init: says what is there, and whether that is what was asked for.
fn existing(config: &Config, args: &Args) -> Result<Output, CliError> {
    let other = differences(config, args)?;
    let mut page = Page::new();
    page.line(format!("{} is a home folder already; nothing was changed.", config.home.display()));
    let accounts: Vec<_> =
        config.labels.accounts.iter().map(|(name, label)| format!("{name} ({label})")).collect();
    page.pairs([
        ("module", module(&config.token).into()),
        ("token", config.token.name().into()),
        ("accounts", accounts.join(", ").into()),
        ("audit key", config.labels.audit.as_str().into()),
        ("node key", config.labels.node.clone().unwrap_or_default().into()),
        ("policy", config.policy_path().display().to_string().into()),
        ("socket", config.socket.display().to_string().into()),
    ]);
    for line in &other {
        page.styled(Style::Warn, line.clone());
    }
    if !other.is_empty() {
        page.line(format!(
            "Edit {}, or name another folder with --home.",
            quoted(&config.home.join(crate::config::FILE).to_string_lossy())
        ));
    }
    let value = serde_json::json!({
        "home": config.home, "existed": true, "module": module(&config.token), "token": config.token.name(),
        "accounts": config.labels.accounts, "audit": config.labels.audit, "node": config.labels.node,
        "differences": other,
    });
    let output = Output::new(&value, page);
    Ok(if other.is_empty() { output } else { output.with_exit(Exit::Home) })
}

/// What was asked for and is not so.
fn differences(config: &Config, args: &Args) -> Result<Vec<String>, CliError> {
    let mut found = args.device.differences(&config.token)?;
    if args.person.is_asked() {
        found.push("It is the home of an agent, and not of a person who decides.".to_owned());
    }
    for AccountKey { account, label } in &args.accounts {
        match config.labels.accounts.get(account) {
            Some(key) if key == label => {}
            Some(key) => found.push(format!("Its account {account} has the key {key:?}, not {label:?}.")),
            None => found.push(format!("It has no account {account}.")),
        }
    }
    Ok(found)
}

/// The path of the PKCS#11 module, where there is one.
fn module(token: &TokenConfig) -> String {
    match &token.place {
        TokenPlace::Module(at) => at.module.display().to_string(),
        TokenPlace::YubiHsm(_) | TokenPlace::Simulated(_) => String::new(),
    }
}

fn name(text: &str) -> Result<Name, CliError> {
    text.parse().map_err(|error: bursar_core::name::NameError| CliError::Usage(error.to_string()))
}

impl From<SetupError> for CliError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Token(error) => error.into(),
            SetupError::Store(error) => error.into(),
            SetupError::Keys(error) => error.into(),
            SetupError::TwoRoles { .. } => Self::Ended { exit: Exit::Key, message: error.to_string() },
            SetupError::Usage(what) => Self::Usage(what),
            SetupError::Busy(_) => Self::InUse(error.to_string()),
            SetupError::Random(_) => Self::Busy(error.to_string()),
            other => Self::Home(other.to_string()),
        }
    }
}
