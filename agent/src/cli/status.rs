//! `bursar status`: does it run, and where do its logs stand.

use std::path::PathBuf;

use bursar_core::name::Name;
use bursar_core::time::Timestamp;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::client::{Ask, Client, ClientError};
use super::desk::source::whole;
use super::error::CliError;
use super::exit::Exit;
use super::global::Global;
use super::output::{Cell, Output, Page, Style, count};
use super::stop;
use crate::book::inbox::Inbox;
use crate::book::{in_force, read};
use crate::config::{Config, LedgerConfig};
use crate::own_requests;
use crate::serve::LISTENING;
use crate::store::log;
use crate::token::about::About;
use crate::token::yubihsm;

/// Show whether the agent runs, and where book and ledger stand
///
/// Also how much waits for a person, which accounts are frozen, and until when break-glass lasts. Ends
/// with 0 if the agent can take a payment, 8 if it is not running, 4 or 10 if it is in trouble.
///
/// Example: bursar status
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

#[derive(Serialize)]
struct Answer {
    state: &'static str,
    reason: Option<String>,
    pid: Option<i32>,
    home: PathBuf,
    /// By which the homes of people know this one.
    id: String,
    socket: PathBuf,
    /// Where callers with a certificate are answered.
    listening: Option<String>,
    /// Whom this home's commands ask instead.
    remote: Option<String>,
    token: String,
    /// What the token of a running agent is.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<About>,
    accounts: Vec<String>,
    ledger: String,
    records: u64,
    root: String,
    /// What waits for a person, as far as a running agent says it to this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
    /// Until when a break-glass version of the policy is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    break_glass: Option<Timestamp>,
    /// Callers of whom the policy does not say which approver they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What `/readyz` says of the token.
#[derive(Deserialize)]
struct Ready {
    device: About,
}

#[derive(Serialize)]
struct Waiting {
    payments: usize,
    proposals: usize,
    /// Accounts that nothing leaves.
    frozen: Vec<Name>,
}

impl Waiting {
    fn of(inbox: &Inbox) -> Self {
        Self {
            payments: inbox.payments.len(),
            proposals: inbox.proposals.len(),
            frozen: inbox.frozen.iter().map(|frozen| frozen.account.clone()).collect(),
        }
    }

    /// In words; nothing if nothing waits.
    fn words(&self) -> String {
        let counts =
            [(self.payments, "payment"), (self.proposals, "version"), (self.frozen.len(), "frozen account")];
        let counts = counts.into_iter().filter(|(number, _)| *number > 0);
        let words: Vec<_> = counts.map(|(number, noun)| count(number as u64, noun)).collect();
        if words.is_empty() { String::new() } else { format!("{}; see: bursar inbox", words.join(", ")) }
    }
}

/// Looks from outside.
pub fn run(global: &Global, _: Args) -> Result<Output, CliError> {
    let config = global.config()?;
    let client = Client::to(global, &config)?;
    let ready = client.ask::<Ready>(&Ask::get("/readyz"));
    let (state, style, reason, exit) = match &ready {
        Ok(_) => ("ready", Style::Good, None, Exit::Done),
        Err(ClientError::NotRunning { start }) => {
            ("not running", Style::Warn, Some(format!("start it with: {start}")), Exit::NotRunning)
        }
        Err(error) => ("in trouble", Style::Bad, Some(error.to_string()), error.exit()),
    };
    // Whoever may not ask it hears the rest all the same.
    let inbox = if exit == Exit::Done { whole(&client).ok() } else { None };
    let standing = in_force::of_home_now(&config.home, config.tolerance)?;
    let until = match &inbox {
        Some(inbox) => inbox.until,
        None => standing.as_ref().and_then(|standing| standing.until).map(|(until, _)| until),
    };
    let warnings = standing.map(|standing| own_requests::warnings(&config.callers, &standing.policy));
    let mut warnings = warnings.unwrap_or_default();
    let broken = config.home.join(yubihsm::BROKEN);
    if broken.exists() {
        warnings.push(format!(
            "the YubiHSM's audit log is not whole; {} says where: look into it, then delete that file",
            broken.display()
        ));
    }
    let (records, root) = log::head(&read::open(&config.home)?)?;
    let answer = Answer {
        state,
        reason,
        listening: listening(&config),
        remote: config.remote.as_ref().map(ToString::to_string),
        pid: stop::pid(&config).map(|pid| pid.as_raw_nonzero().get()),
        token: config.token.name(),
        device: ready.ok().map(|ready| ready.device),
        accounts: config.labels.accounts.keys().map(ToString::to_string).collect(),
        ledger: match &config.ledger {
            LedgerConfig::Embedded { .. } => "embedded".to_owned(),
            LedgerConfig::None { id } => format!("none; envelopes are for {id}"),
        },
        home: config.home,
        id: config.id,
        socket: config.socket,
        records,
        root: HEXLOWER.encode(&root),
        waiting: inbox.as_ref().map(Waiting::of),
        break_glass: until,
        warnings,
    };
    let mut page = Page::new();
    if let Some(until) = answer.break_glass {
        page.styled(Style::Bad, break_glass(until));
    }
    for account in answer.waiting.iter().flat_map(|waiting| &waiting.frozen) {
        page.styled(Style::Bad, format!("FROZEN: nothing leaves the account {account}."));
    }
    page.pairs([
        ("agent", Cell::new(answer.state, style)),
        ("", answer.reason.clone().unwrap_or_default().into()),
        ("process", answer.pid.map(|pid| pid.to_string()).unwrap_or_default().into()),
        ("home", answer.home.display().to_string().into()),
        ("home id", answer.id.as_str().into()),
        ("socket", answer.socket.display().to_string().into()),
        ("listening", answer.listening.clone().unwrap_or_default().into()),
        ("remote agent", answer.remote.clone().unwrap_or_default().into()),
        ("token", answer.token.as_str().into()),
        ("device", answer.device.as_ref().map_or_else(|| "".into(), device)),
        ("accounts", answer.accounts.join(", ").into()),
        ("ledger", answer.ledger.as_str().into()),
        (
            "waits for people",
            Cell::new(answer.waiting.as_ref().map(Waiting::words).unwrap_or_default(), Style::Warn),
        ),
        ("audit log", format!("{}, root {}", count(answer.records, "record"), answer.root).into()),
    ]);
    for warning in &answer.warnings {
        page.styled(Style::Warn, format!("Warning: {warning}."));
    }
    Ok(Output::new(&answer, page).with_exit(exit))
}

/// What the token is; a simulator stands out.
fn device(about: &About) -> Cell {
    if about.simulator { Cell::new(about.line(), Style::Bad) } else { about.line().into() }
}

/// That the policy is one for an emergency.
pub fn break_glass(until: Timestamp) -> String {
    format!("BREAK-GLASS: the policy in force is for an emergency, until {until}.")
}

/// The address of the running agent's TCP listener. The file stays behind where an agent was killed.
fn listening(config: &Config) -> Option<String> {
    stop::pid(config)?;
    let text = std::fs::read_to_string(config.home.join(LISTENING)).ok()?;
    Some(text.trim_end().to_owned())
}
