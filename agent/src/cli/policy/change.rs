//! `bursar policy propose`, `install` and `fetch`: another bundle, and the own copy of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::offline;
use crate::book::hex::Hex;
use crate::book::record::Way;
use crate::cli::client::{Ask, Client};
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, Style};
use crate::durable;

/// Put another bundle forward: those who have to agree find it in their inbox
///
/// It has a higher version than the bundle in force. With --break-glass those whom the bundle in
/// force names for emergencies agree instead of the administrators, and it lasts 24 hours.
///
/// Example: bursar policy propose policy.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Propose {
    /// The bundle
    file: PathBuf,
    /// For an emergency, for 24 hours
    #[arg(long)]
    break_glass: bool,
}

/// Put a bundle in force that enough have agreed to
///
/// Takes the number that `policy propose` printed. Every approval that was given before is void,
/// and what waits is judged again.
///
/// Example: bursar policy install 1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Install {
    /// The number of the proposal
    proposal: u64,
}

/// Take over the bundle in force as this home's own copy
///
/// For homes of people who decide: they read what waits by their own copy. The first time it is
/// taken on trust; compare its SHA-256 with somebody who knows it.
///
/// Example: bursar policy fetch
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Fetch {}

#[derive(Serialize, Deserialize)]
struct Proposed {
    proposal: u64,
    version: u64,
    policy: Hex<32>,
}

/// Puts it forward.
pub fn propose(global: &Global, args: Propose) -> Result<Output, CliError> {
    let policy = offline::policy(&args.file)?;
    let way = if args.break_glass { Way::BreakGlass } else { Way::Change };
    let body = json!({ "bundle": policy.text(), "way": way });
    let answer: Proposed = Client::new(global)?.ask(&Ask::post("/v1/proposals", &body))?;
    let mut page = Page::new();
    page.styled(
        Style::Good,
        format!("Version {} is put forward as policy-{}.", answer.version, answer.proposal),
    );
    page.pairs([("sha-256", answer.policy.to_string().into())]);
    page.line(format!(
        "Who has to agree: {}",
        global.command(&format!("approve policy-{}", answer.proposal))
    ));
    page.line(format!("Then: {}", global.command(&format!("policy install {}", answer.proposal))));
    Ok(Output::new(&answer, page))
}

/// Puts it in force.
pub fn install(global: &Global, args: Install) -> Result<Output, CliError> {
    let route = format!("/v1/proposals/{}/install", args.proposal);
    let answer: serde_json::Value = Client::new(global)?.ask(&Ask::post(route, &json!({})))?;
    let mut page = Page::new();
    let version = answer["version"].as_u64().unwrap_or_default();
    match answer["until"].as_str() {
        Some(until) => {
            page.styled(Style::Bad, format!("BREAK-GLASS: version {version} is in force until {until}."))
        }
        None => page.styled(Style::Good, format!("Version {version} is in force.")),
    }
    Ok(Output::new(&answer, page))
}

/// Takes it over.
pub fn fetch(global: &Global, _: Fetch) -> Result<Output, CliError> {
    let config = global.config()?;
    let client = Client::to(global, &config)?;
    let text = client.run(|link| async move { link.ask(&Ask::get("/v1/policy/bundle")).await })?.text()?;
    let path = config.policy_path();
    let policy = bursar_core::policy::Policy::parse(&text)
        .map_err(|source| CliError::Policy { path: path.clone(), source })?;
    let before = offline::policy(&path).ok();
    let changed = before.as_ref().is_none_or(|before| before.hash() != policy.hash());
    let mut page = Page::new();
    if changed {
        if let Some(before) = &before {
            let kept = path.with_extension(format!("{}.toml", before.version()));
            durable::replace(&kept, before.text().as_bytes())
                .map_err(|source| CliError::File { path: kept.clone(), source })?;
            page.styled(
                Style::Warn,
                format!(
                    "It changed; your copy of version {} is kept in {}.",
                    before.version(),
                    kept.display()
                ),
            );
        }
        durable::replace(&path, text.as_bytes())
            .map_err(|source| CliError::File { path: path.clone(), source })?;
    }
    let said = if changed { "is your copy now" } else { "is what you have" };
    page.styled(Style::Good, format!("Version {} {said}.", policy.version()));
    page.pairs([("sha-256", Hex(policy.hash()).to_string().into())]);
    Ok(Output::new(
        &json!({ "version": policy.version(), "policy": Hex(policy.hash()), "changed": changed }),
        page,
    ))
}
