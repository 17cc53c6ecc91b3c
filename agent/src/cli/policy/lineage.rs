//! How the agent's policy came to be, verified from this home's own copy on.

use std::sync::Arc;

use bursar_core::approval::{Agreed, Chain, ChainError, Emergency, Followed, HomeId, Signed, Statement};
use bursar_core::name::Name;
use bursar_core::policy::{MAX_TEXT, Policy};
use serde_json::value::RawValue;

use crate::book::hex::Hex;
use crate::book::lineage::{Shown, Step};
use crate::cli::client::{Ask, Client, ClientError};
use crate::cli::desk::Desk;
use crate::cli::desk::mail::short;
use crate::cli::error::CliError;
use crate::cli::output::{Page, Style};
use crate::clock;

/// Most answers that one lineage may take.
const MOST_ANSWERS: u32 = 256;

/// What the agent goes by.
pub struct Standing {
    /// The home that answers: the one that is known, if one is.
    pub home: HomeId,
    /// The bundle in force, and how it came to be since the own copy.
    pub followed: Followed,
}

/// The bundle in force, believed as it comes; only what stands in for it for a day is verified, by it.
pub fn newest(client: &Client, desk: &Desk) -> Result<Standing, CliError> {
    let mut shown = ask(client, desk, None)?;
    let step = shown.steps.pop().ok_or_else(|| unreadable("it shows no policy".to_owned()))?;
    let policy = parse(&step.bundle)?;
    let version = policy.version();
    let chain = Chain::begin(shown.home, policy, clock::wall());
    finish(chain, shown).map_err(|what| unverified(version, &what))
}

/// The bundle in force, each step from the own copy to it verified.
pub fn since(client: &Client, desk: &Desk, own: &Arc<Policy>) -> Result<Standing, CliError> {
    let refused = |what: &str| unverified(own.version(), what);
    let mut known: Option<Chain> = None;
    for _ in 0..MOST_ANSWERS {
        let last = known.as_ref().map_or(own, Chain::last);
        let shown = match ask(client, desk, Some(Hex(last.hash()))) {
            Err(CliError::Client(ClientError::Problem(problem))) if problem.status == 404 => {
                return Err(refused("the agent says that this version was never in force in its home"));
            }
            answer => answer?,
        };
        let home = shown.home;
        let mut chain = known.unwrap_or_else(|| Chain::begin(home, own.clone(), clock::wall()));
        for step in &shown.steps {
            follow(&mut chain, step).map_err(|what| refused(&what))?;
        }
        if !shown.more {
            return finish(chain, shown).map_err(|what| refused(&what));
        }
        if shown.steps.is_empty() {
            return Err(refused("the agent says that versions follow, and shows none"));
        }
        known = Some(chain);
    }
    Err(refused("the agent shows more versions than anybody can have agreed to"))
}

fn ask(client: &Client, desk: &Desk, since: Option<Hex<32>>) -> Result<Shown, CliError> {
    let query = since.map(|since| format!("?since={since}")).unwrap_or_default();
    let shown: Shown = client.ask(&Ask::get(format!("/v1/policy/lineage{query}")))?;
    desk.knows(shown.home)?;
    Ok(shown)
}

fn parse(text: &str) -> Result<Arc<Policy>, CliError> {
    if text.len() > MAX_TEXT {
        return Err(unreadable("its policy is too long".to_owned()));
    }
    Policy::parse(text).map(Arc::new).map_err(|error| unreadable(error.to_string()))
}

fn unreadable(what: String) -> CliError {
    ClientError::Unreadable(what).into()
}

fn follow(chain: &mut Chain, step: &Step) -> Result<(), String> {
    let policy = parse(&step.bundle).map_err(|error| error.to_string())?;
    let agreements = signed(&step.agreements)?;
    chain.follow(step.at, policy, agreements).map_err(|error| error.to_string())
}

fn signed<T: Statement>(envelopes: &[Box<RawValue>]) -> Result<Vec<Signed<T>>, String> {
    let texts = envelopes.iter().map(|envelope| envelope.get().as_bytes());
    texts.map(Signed::parse).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn finish(mut chain: Chain, shown: Shown) -> Result<Standing, String> {
    if let Some(step) = &shown.break_glass {
        let policy = parse(&step.bundle).map_err(|error| error.to_string())?;
        let agreements = signed(&step.agreements)?;
        chain
            .break_glass(step.at, policy, agreements)
            .map_err(|error| format!("it decides by a bundle for an emergency, and {error}"))?;
    }
    let followed = chain.end(&shown.policy).map_err(|error: ChainError| error.to_string())?;
    Ok(Standing { home: shown.home, followed })
}

/// What to do where the signatures do not lead from here to there.
fn unverified(version: u64, what: &str) -> CliError {
    CliError::Unverified(format!(
        "the agent's policy does not follow from version {version}: {what}. Nothing was taken over. Ask an administrator \
         what is in force; with the hash that they tell you, by another way than through this agent, \
         `bursar policy fetch --sha256 HASH` takes that version over"
    ))
}

/// By whom each version was agreed to.
pub fn steps(page: &mut Page, own: &Policy, steps: &[Agreed]) {
    let mut before = own.version();
    for Agreed { version, at, by, .. } in steps {
        let at = at.whole_seconds();
        if by.is_empty() {
            page.styled(
                Style::Warn,
                format!("Version {version}, {at}: nobody signed it, since version {before} names no administrators."),
            );
        } else {
            page.line(format!("Version {version}, {at}: agreed to by {}.", names(by)));
        }
        before = *version;
    }
}

/// What is in force for a day in place of the own copy.
pub fn emergency(page: &mut Page, own: &Policy, emergency: &Emergency) {
    let Emergency { policy, until, by } = emergency;
    page.styled(
        Style::Bad,
        format!(
            "BREAK-GLASS: version {} (sha-256 {}…) is in force for an emergency until {until}, agreed to by {}.",
            policy.version(),
            short(&Hex(policy.hash())),
            names(by)
        ),
    );
    page.line(format!(
        "Until then it names what you decide on; then your own copy, version {}, does again.",
        own.version()
    ));
}

fn names<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
    names.into_iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}
