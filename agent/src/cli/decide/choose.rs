//! What a command line names, found in the inbox.

use std::collections::BTreeSet;

use bursar_core::policy::Policy;

use crate::book::inbox::{Decided, Frozen, Proposal};
use crate::book::record::Way;
use crate::cli::desk::id::{Id, Pick};
use crate::cli::desk::mail::{Mail, Waiting, has_decided};
use crate::cli::desk::sign::Needs;
use crate::cli::desk::source::Source;
use crate::cli::error::CliError;
use crate::clock;

/// What is decided on, each once and in the order of the inbox.
#[derive(Default)]
pub struct Chosen<'a> {
    /// Payments.
    pub payments: Vec<&'a Waiting>,
    /// Bundles that were put forward, with what they say.
    pub proposals: Vec<(&'a Proposal, Policy)>,
    /// Frozen accounts.
    pub lifts: Vec<&'a Frozen>,
}

impl Chosen<'_> {
    /// The keys that this takes.
    pub fn needs(&self) -> Needs {
        let by = |way| self.proposals.iter().any(|(proposal, _)| proposal.way == way);
        Needs {
            approver: !self.payments.is_empty() || !self.lifts.is_empty() || by(Way::BreakGlass),
            administrator: by(Way::Change),
        }
    }
}

/// Finds everything, and refuses what would come to nothing.
pub fn choose<'a>(mail: &'a Mail, source: &Source, picks: &[Pick]) -> Result<Chosen<'a>, CliError> {
    let mut ids = BTreeSet::new();
    for pick in picks {
        match pick {
            Pick::One(id) => {
                ids.insert(id.clone());
            }
            Pick::Range(first, last) => {
                let within = |waiting: &&Waiting| {
                    (*first..=*last).contains(&waiting.payment.item.request)
                        && waiting.read.is_ok()
                        && mail.is_mine(waiting)
                };
                let before = ids.len();
                let found = mail.payments.iter().filter(within);
                ids.extend(found.map(|waiting| Id::Payment(waiting.payment.item.request)));
                if ids.len() == before {
                    return Err(CliError::Usage(format!(
                        "no payment from {first} to {last} waits for you; `bursar inbox` lists what does"
                    )));
                }
            }
        }
    }
    let mut chosen = Chosen::default();
    for id in ids {
        match &id {
            Id::Payment(request) => {
                let known = |waiting: &&Waiting| waiting.payment.item.request == *request;
                let waiting = mail.payments.iter().find(known).ok_or_else(|| nothing(&id))?;
                check_payment(mail, waiting, &id)?;
                chosen.payments.push(waiting);
            }
            Id::Policy(number) => {
                let known = |proposal: &&Proposal| proposal.proposal == *number;
                let proposal = mail.inbox.proposals.iter().find(known).ok_or_else(|| nothing(&id))?;
                undecided(&id, mail.decides(proposal), &proposal.decided)?;
                if proposal.previous != mail.inbox.policy {
                    return Err(CliError::Usage(format!(
                        "{id} was put forward under another version of the policy and can never count; put it forward again"
                    )));
                }
                chosen.proposals.push((proposal, source.bundle(proposal)?));
            }
            Id::Lift(account) => {
                let known = |frozen: &&Frozen| frozen.account == *account;
                let frozen = mail.inbox.frozen.iter().find(known).ok_or_else(|| nothing(&id))?;
                undecided(&id, mail.approver.as_ref(), &frozen.decided)?;
                chosen.lifts.push(frozen);
            }
        }
    }
    Ok(chosen)
}

fn check_payment(mail: &Mail, waiting: &Waiting, id: &Id) -> Result<(), CliError> {
    if let Err(why) = &waiting.read {
        return Err(CliError::Unverified(format!(
            "{id} cannot be decided on: {why}; nobody should, so ask who runs the agent"
        )));
    }
    let payment = &waiting.payment;
    if clock::wall() >= payment.item.expires {
        let expires = payment.item.expires;
        return Err(CliError::Usage(format!(
            "{id} could be decided on until {expires}; have it asked for again"
        )));
    }
    if let Some(me) = mail.approver.as_ref().filter(|_| waiting.is_own) {
        let known = if *me == payment.caller { String::new() } else { format!(" as {}", payment.caller) };
        return Err(CliError::Usage(format!(
            "{me} asked for {id}{known}, and nobody decides on their own request; somebody else has to"
        )));
    }
    undecided(id, mail.approver.as_ref(), &payment.decided)
}

fn undecided(id: &Id, me: Option<&bursar_core::name::Name>, decided: &[Decided]) -> Result<(), CliError> {
    match me.filter(|me| has_decided(decided, me)) {
        Some(me) => Err(CliError::Usage(format!(
            "{me} has decided on {id} already, and the first decision of a person stands"
        ))),
        None => Ok(()),
    }
}

fn nothing(id: &Id) -> CliError {
    let became = match id {
        Id::Payment(request) => {
            format!("`bursar show {request}` in the home of the agent says what became of it, and ")
        }
        Id::Policy(_) => "it may be in force, refused or out of time by now; ".to_owned(),
        Id::Lift(account) => format!("the account {account} is not frozen; "),
    };
    CliError::Usage(format!("nothing called {id} waits; {became}`bursar inbox` lists what waits"))
}
