//! `bursar policy fetch`

use std::path::{Path, PathBuf};

use bursar_core::policy::{MAX_TEXT, Policy};
use serde_json::json;

use super::diff;
use crate::book::hex::Hex;
use crate::cli::client::{Ask, Client, ClientError};
use crate::cli::decide::{proposal_file, review};
use crate::cli::desk::Desk;
use crate::cli::desk::ask::Consent;
use crate::cli::desk::source::Source;
use crate::cli::error::CliError;
use crate::cli::global::{Global, quoted};
use crate::cli::output::{self, Output, Page, Style};
use crate::config::Home;
use crate::durable;

/// What the copy before is called in a person's home.
const OLD: &str = "policy.old.toml";

/// Take over the agent's policy as the copy of your own home
///
/// A person's home names what it decides on by a copy of its own, so that nobody can call a recipient
/// something else. The first copy is believed as it comes: compare its hash with somebody whom you
/// trust, or say the hash that they told you with --sha256. Of a later one you see what it changes, and
/// are asked, before it is taken over; the one before stays as policy.old.toml.
///
/// Example: bursar policy fetch
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Fetch the version that was put forward under this number, to look at; nothing is taken over
    #[arg(long, value_name = "N")]
    proposal: Option<u64>,
    /// Take over nothing but the bundle with this hash, 64 hex digits
    #[arg(long, value_name = "HASH", conflicts_with = "proposal")]
    sha256: Option<Hex<32>>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    uncompared: diff::Uncompared,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let desk = Desk::open(global)?;
    let client = desk.client(global)?;
    if let Some(number) = args.proposal {
        return proposal(global, &desk, client, number);
    }
    if let Home::Agent(config) = &desk.home
        && config.remote.is_none()
    {
        return Err(CliError::Usage(format!(
            "{} is the home of an agent, whose own book has the policy in force; `bursar policy show` shows it. Only a home that asks another agent has a copy to be fetched",
            config.home.display()
        )));
    }
    let policy = in_force(&client)?;
    let is_expected = args.sha256.is_some_and(|expected| expected.0 == policy.hash());
    if let (Some(expected), false) = (args.sha256, is_expected) {
        return Err(CliError::Unverified(format!(
            "the agent decides by version {} of the policy, whose SHA-256 is {}, not {expected}; nothing was taken over. Ask whoever told you that hash",
            policy.version(),
            Hex(policy.hash())
        )));
    }
    let path = desk.policy_path();
    let mut page = Page::new();
    let before = desk.policy.as_deref();
    let changed = before.is_none_or(|before| before.hash() != policy.hash());
    if changed {
        if let Some(before) = before {
            // Whoever runs the agent could call another address by a name that is known.
            if !is_expected {
                let compared = other(before, &policy);
                output::note(&compared.page);
                args.uncompared.accept(compared.is_whole)?;
                args.consent.ask("Take it over as your own copy?")?;
            }
            write(&desk.home.path().join(OLD), before.text())?;
        }
        write(&path, policy.text())?;
    }
    match before {
        None if is_expected => page.line("The policy has the hash that you expect."),
        None => {
            page.styled(Style::Warn, "This is the first copy, and it is believed as it came.");
            page.line("Compare its hash with somebody whom you trust before you decide on anything:");
        }
        Some(_) if !changed => page.line("The policy has not changed."),
        Some(before) => {
            if is_expected {
                page.append(other(before, &policy).page);
            }
            page.styled(
                Style::Good,
                format!(
                    "Your own copy is version {} now; it was version {}.",
                    policy.version(),
                    before.version()
                ),
            );
            let old = desk.home.path().join(OLD);
            let [old, new] = [&old, &path].map(|path| quoted(&path.to_string_lossy()));
            page.line(format!("Once more: {}", global.command(&format!("policy diff {old} {new}"))));
        }
    }
    page.pairs([
        ("version", policy.version().to_string().into()),
        ("sha-256", Hex(policy.hash()).to_string().into()),
        ("copy", path.display().to_string().into()),
    ]);
    let value = json!({
        "version": policy.version(), "hash": Hex(policy.hash()), "file": path, "first": before.is_none(),
        "changed": changed, "before": before.map(|before| json!({
            "version": before.version(), "hash": Hex(before.hash()),
        })),
    });
    Ok(Output::new(&value, page))
}

/// What another bundle changes for somebody who has this copy.
fn other(before: &Policy, policy: &Policy) -> diff::Compared {
    let mut page = Page::new();
    page.styled(Style::Warn, format!("The policy changed: version {} is your copy.", before.version()));
    if policy.version() < before.version() {
        page.styled(
            Style::Bad,
            "The agent's is an older version. That is right only after break-glass: ask who runs the agent.",
        );
    }
    let compared = diff::between(before, policy);
    page.append(compared.page);
    diff::Compared { page, ..compared }
}

/// The bundle that the agent decides by.
pub fn in_force(client: &Client) -> Result<Policy, CliError> {
    let text = client.text(&Ask::get("/v1/policy/bundle"))?;
    let unreadable = |what: String| CliError::from(ClientError::Unreadable(what));
    if text.len() > MAX_TEXT {
        return Err(unreadable("its policy is too long".to_owned()));
    }
    Policy::parse(&text).map_err(|error| unreadable(error.to_string()))
}

fn proposal(global: &Global, desk: &Desk, client: Client, number: u64) -> Result<Output, CliError> {
    let source = Source::Agent(client);
    let inbox = source.inbox()?;
    let proposal = inbox.proposals.iter().find(|proposal| proposal.proposal == number).ok_or_else(|| {
        CliError::Usage(format!(
            "nothing called policy-{number} was put forward; `bursar inbox` lists what was"
        ))
    })?;
    let policy = source.bundle(proposal)?;
    let path: PathBuf = desk.home.path().join(proposal_file(number));
    write(&path, policy.text())?;
    let mut page = Page::new();
    page.pairs([
        ("put forward", format!("policy-{number}, by {}", proposal.caller).into()),
        ("version", policy.version().to_string().into()),
        ("sha-256", proposal.policy.to_string().into()),
        ("file", path.display().to_string().into()),
    ]);
    if let Some(own) = desk.policy.as_deref() {
        page.append(diff::between(own, &policy).page);
    }
    review(&mut page, global, desk, &path);
    let value = json!({
        "proposal": number, "version": policy.version(), "hash": proposal.policy, "file": path,
    });
    Ok(Output::new(&value, page))
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    durable::replace(path, text.as_bytes()).map_err(|source| CliError::File { path: path.to_owned(), source })
}
