//! Where an inbox comes from: the agent, or a file that was saved where the agent could be asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bursar_core::policy::{MAX_TEXT, Policy};
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::book::hex::Hex;
use crate::book::inbox::{Inbox, PAGE, Proposal};
use crate::cli::client::{Ask, Client, ClientError};
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::durable;

/// Longest file of an inbox, in bytes; no answer of an agent is longer.
const LONGEST: u64 = 64 << 20;

/// Most pages of one inbox; no agent has so many payments that wait.
const PAGES: usize = 64;
/// How often it is read again.
const ATTEMPTS: usize = 3;

/// Where it comes from.
pub enum Source {
    /// The agent.
    Agent(Client),
    /// A file.
    File(PathBuf, Box<Saved>),
}

/// An inbox in a file, with the texts of the bundles that were put forward, by their numbers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    inbox: Inbox,
    bundles: BTreeMap<u64, String>,
}

impl Source {
    /// The file if one is named, and otherwise the agent.
    pub fn open(global: &Global, desk: &Desk, file: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = file else { return desk.client(global).map(Self::Agent) };
        let failed = |source| CliError::File { path: path.to_owned(), source };
        let bytes = durable::read(path, LONGEST).map_err(failed)?;
        let saved = serde_json::from_slice(&bytes).map_err(|error| {
            CliError::Usage(format!(
                "{}: {error}; this is no inbox that `bursar inbox --save` has written",
                path.display()
            ))
        })?;
        Ok(Self::File(path.to_owned(), Box::new(saved)))
    }

    /// The agent, to whom decisions go.
    pub fn agent(&self) -> Result<&Client, CliError> {
        match self {
            Self::Agent(client) => Ok(client),
            Self::File(..) => Err(CliError::Usage("--inbox goes with --out FILE".to_owned())),
        }
    }

    /// Everything that waits in the home that this one is for, and in no other.
    pub fn inbox(&self, desk: &Desk) -> Result<Inbox, CliError> {
        let inbox = match self {
            Self::Agent(client) => whole(client)?,
            Self::File(_, saved) => saved.inbox.clone(),
        };
        desk.knows(inbox.home)?;
        Ok(inbox)
    }

    /// The text of a bundle that was put forward: exactly that whose hash is said.
    pub fn bundle(&self, proposal: &Proposal) -> Result<Policy, CliError> {
        let number = proposal.proposal;
        let text = match self {
            Self::Agent(client) => client.text(&Ask::get(format!("/v1/proposals/{number}/bundle")))?,
            Self::File(path, saved) => saved.bundles.get(&number).cloned().ok_or_else(|| {
                CliError::Usage(format!(
                    "{} has not the text of policy-{number}; save it again",
                    path.display()
                ))
            })?,
        };
        checked(&text, proposal).map_err(|what| {
            CliError::Unverified(format!(
                "policy-{number}: {what}; nobody should agree to it: ask who runs the agent"
            ))
        })
    }

    /// Writes an inbox to a file, durably and for its owner only.
    pub fn save(&self, inbox: &Inbox, path: &Path) -> Result<(), CliError> {
        let mut bundles = BTreeMap::new();
        for proposal in &inbox.proposals {
            bundles.insert(proposal.proposal, self.bundle(proposal)?.text().to_owned());
        }
        let failed = |source| CliError::File { path: path.to_owned(), source };
        let text = serde_json::to_vec(&Saved { inbox: inbox.clone(), bundles });
        let text = text.map_err(|error| failed(error.into()))?;
        if text.len() as u64 > LONGEST {
            return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
        }
        durable::replace(path, &text).map_err(failed)
    }
}

/// Everything that waits, page after page. The policy may change in between: then it is read again.
pub fn whole(client: &Client) -> Result<Inbox, CliError> {
    let page = |after: Option<u64>| {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        client.ask::<Inbox>(&Ask::get(format!("/v1/inbox?limit={PAGE}{after}")))
    };
    for _ in 0..ATTEMPTS {
        let mut inbox = page(None)?;
        for _ in 0..PAGES {
            let Some(after) = inbox.next else { return Ok(inbox) };
            let more = page(Some(after))?;
            if more.next.is_some_and(|next| next <= after) {
                return Err(ClientError::Unreadable("its inbox has no end".to_owned()).into());
            }
            if (more.home, more.policy) != (inbox.home, inbox.policy) {
                break;
            }
            inbox.payments.extend(more.payments);
            inbox.next = more.next;
        }
        if inbox.payments.len() > PAGES * PAGE {
            return Err(CliError::Usage(format!(
                "more than {} payments wait, which is more than anybody can look at; ask whoever runs the agent who asks for so many",
                PAGES * PAGE
            )));
        }
    }
    Err(CliError::Busy("what waits changes all the time; try again".to_owned()))
}

/// Is this the bundle that was put forward?
fn checked(text: &str, proposal: &Proposal) -> Result<Policy, String> {
    if text.len() > MAX_TEXT {
        return Err("its text is too long for a bundle".to_owned());
    }
    let policy = Policy::parse(text).map_err(|error| error.to_string())?;
    if Hex(policy.hash()) != proposal.policy {
        return Err("its text is not the one whose hash is asked about".to_owned());
    }
    if policy.version() != proposal.version {
        return Err(format!(
            "its text has the version {}, and {} is asked about",
            policy.version(),
            proposal.version
        ));
    }
    Ok(policy)
}
