//! `bursar policy fetch`

use std::path::{Path, PathBuf};

use bursar_core::approval::{Emergency, Followed};
use bursar_core::policy::{MAX_TEXT, Policy};
use serde_json::{Value, json};

use super::diff::Compared;
use super::lineage::Standing;
use super::{diff, lineage};
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
use crate::config::pinned::{self, Pinned};
use crate::durable;

/// What the copy before is called in a person's home.
const OLD: &str = "policy.old.toml";

/// Take over the agent's policy as the copy of your own home
///
/// A person's home names what it decides on by a copy of its own, so that nobody can call a recipient
/// something else. The first copy is believed as it comes: compare its hash with somebody whom you
/// trust, or say the hash that they told you with --sha256. From then on the home knows that agent by
/// the id of its home, and takes over a later version only if the administrators whom your copy names
/// have signed it, and so on from version to version; you see by whom and what it changes, and are
/// asked; the one before stays as policy.old.toml. Where the signatures do not lead there, --sha256
/// takes the version over whose hash an administrator told you.
///
/// A version for an emergency (break-glass) does not replace your copy: it is kept beside it, verified
/// by its quorum, and names what you decide on until its 24 hours are over.
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
    let own = desk.lasting.clone();
    let standing = match &own {
        // Whoever named no administrators has nobody whose signature could be asked for.
        Some(own) if args.sha256.is_none() && own.administrators().is_some() => {
            lineage::since(&client, &desk, own)?
        }
        _ => lineage::newest(&client, &desk)?,
    };
    if let Some(expected) = args.sha256 {
        expect(&standing.followed, expected)?;
    }
    let news = News::of(&desk, own.as_deref(), &standing);
    // Whoever runs the agent could call another address by a name that is known.
    if own.is_some() && news.is_any() && (args.sha256.is_none() || news.alarm) {
        let compared = news.compared();
        output::note(&compared.page);
        args.uncompared.accept(compared.is_whole)?;
        args.consent.ask("Take it over as your own copy?")?;
    }
    take_over(&desk, &news)?;
    Ok(Output::new(&news.value(&desk), answer(global, &desk, &news, args.sha256.is_some())))
}

/// Is it the bundle whose hash somebody told?
fn expect(followed: &Followed, expected: Hex<32>) -> Result<(), CliError> {
    let Followed { policy, emergency, .. } = followed;
    if expected.0 == policy.hash() {
        return Ok(());
    }
    if emergency.as_ref().is_some_and(|emergency| emergency.policy.hash() == expected.0) {
        return Err(CliError::Unverified(format!(
            "{expected} is the hash of a bundle for an emergency, which is in force for a day only; nothing was taken over. \
             Ask whoever told you that hash for the one of version {}, which it stands in for",
            policy.version()
        )));
    }
    Err(CliError::Unverified(format!(
        "the agent decides by version {} of the policy, whose SHA-256 is {}, not {expected}; nothing was taken over. Ask whoever told you that hash",
        policy.version(),
        Hex(policy.hash())
    )))
}

/// What is new for this home.
struct News<'a> {
    own: Option<&'a Policy>,
    standing: &'a Standing,
    changed: bool,
    /// Is there a bundle for an emergency that was not taken over yet?
    alarm: bool,
}

impl<'a> News<'a> {
    fn of(desk: &Desk, own: Option<&'a Policy>, standing: &'a Standing) -> Self {
        let Followed { policy, emergency, .. } = &standing.followed;
        let changed = own.is_none_or(|own| own.hash() != policy.hash());
        let known = desk.pinned.as_ref().and_then(|pinned| pinned.break_glass);
        // Its day is the agent's word: one that ends later than it was said to is news, too.
        let alarm = emergency.as_ref().is_some_and(|emergency| Some(kept(emergency)) != known);
        Self { own, standing, changed, alarm }
    }

    fn is_any(&self) -> bool {
        self.changed || self.alarm
    }

    /// What it changes for somebody who has a copy.
    fn compared(&self) -> Compared {
        let mut page = Page::new();
        let mut is_whole = true;
        let mut put = |page: &mut Page, compared: Compared| {
            is_whole &= compared.is_whole;
            page.append(compared.page);
        };
        let Followed { policy, steps, emergency } = &self.standing.followed;
        if let (true, Some(own)) = (self.changed, self.own) {
            page.styled(Style::Warn, format!("The policy changed: version {} is your copy.", own.version()));
            if own.administrators().is_none() {
                page.styled(Style::Warn, "Nobody signs for the change: your copy names no administrators.");
            }
            if policy.version() < own.version() {
                page.styled(Style::Bad, "The agent's is an older version: ask who runs the agent.");
            }
            lineage::steps(&mut page, own, steps);
            put(&mut page, diff::between(own, policy));
        }
        if let Some(emergency) = emergency {
            lineage::emergency(&mut page, policy, emergency);
            put(&mut page, diff::between(policy, &emergency.policy));
        }
        Compared { page, is_whole }
    }

    fn value(&self, desk: &Desk) -> Value {
        let Followed { policy, steps, emergency } = &self.standing.followed;
        let steps: Vec<_> = steps
            .iter()
            .map(|step| {
                json!({
                    "version": step.version, "hash": step.sha256, "at": step.at, "by": step.by,
                })
            })
            .collect();
        json!({
            "version": policy.version(), "hash": Hex(policy.hash()), "file": desk.policy_path(),
            "first": self.own.is_none(), "changed": self.changed, "home": self.standing.home, "steps": steps,
            "before": self.own.map(|own| json!({ "version": own.version(), "hash": Hex(own.hash()) })),
            "break_glass": emergency.as_ref().map(|emergency| json!({
                "version": emergency.policy.version(), "hash": Hex(emergency.policy.hash()),
                "until": emergency.until, "by": emergency.by, "file": desk.home.path().join(pinned::BREAK_GLASS),
            })),
        })
    }
}

/// What is remembered of a bundle for an emergency.
fn kept(emergency: &Emergency) -> pinned::Emergency {
    pinned::Emergency { sha256: Hex(emergency.policy.hash()), until: emergency.until }
}

/// Writes the copy, what was the copy before, and what is known of the agent.
fn take_over(desk: &Desk, news: &News) -> Result<(), CliError> {
    let folder = desk.home.path();
    let Standing { home, followed } = news.standing;
    let break_glass = match &followed.emergency {
        // Kept when it is over: shown again, it does not begin again.
        None => desk.pinned.as_ref().and_then(|pinned| pinned.break_glass),
        Some(emergency) => {
            // Before it is said that it counts.
            write(&folder.join(pinned::BREAK_GLASS), emergency.policy.text())?;
            Some(kept(emergency))
        }
    };
    let known = Pinned { home: *home, break_glass };
    if desk.pinned.as_ref() != Some(&known) {
        known.save(folder)?;
    }
    if news.changed {
        if let Some(own) = news.own {
            write(&folder.join(OLD), own.text())?;
        }
        write(&desk.policy_path(), followed.policy.text())?;
    }
    Ok(())
}

fn answer(global: &Global, desk: &Desk, news: &News, is_expected: bool) -> Page {
    let mut page = Page::new();
    let (path, followed) = (desk.policy_path(), &news.standing.followed);
    let policy = &followed.policy;
    if is_expected || news.own.is_none() {
        page.append(news.compared().page);
    } else if let Some(emergency) = &followed.emergency {
        lineage::emergency(&mut page, policy, emergency);
    }
    match news.own {
        None if is_expected => page.line("The policy has the hash that you expect."),
        None => {
            page.styled(Style::Warn, "This is the first copy, and it is believed as it came.");
            page.line("Compare its hash with somebody whom you trust before you decide on anything:");
        }
        Some(_) if !news.changed => page.line("The policy has not changed."),
        Some(own) => {
            page.styled(
                Style::Good,
                format!(
                    "Your own copy is version {} now; it was version {}.",
                    policy.version(),
                    own.version()
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
        ("agent's home", news.standing.home.to_string().into()),
    ]);
    page
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
    let inbox = source.inbox(desk)?;
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
