//! `bursar policy propose`

use std::path::PathBuf;

use bursar_core::policy::Policy;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::offline;
use crate::book::hex::Hex;
use crate::book::record::Way;
use crate::cli::client::{Ask, Client};
use crate::cli::desk::Desk;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, Style};

/// Put a new version of the policy forward, for those who have to agree
///
/// They find it in their inbox as policy-N, look at what it changes, and approve or refuse it within
/// 7 days; then `bursar policy install N` puts it in force. With --break-glass those decide whom the
/// policy in force names for emergencies, and it holds for 24 hours.
///
/// Example: bursar policy propose policy.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The bundle; its version is higher than the one in force
    file: PathBuf,
    /// For an emergency: for 24 hours in place of the one in force
    #[arg(long)]
    break_glass: bool,
}

/// What the agent answers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Proposed {
    /// Its number.
    pub proposal: u64,
    version: u64,
    policy: Hex<32>,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let policy = offline::policy(&args.file)?;
    let way = if args.break_glass { Way::BreakGlass } else { Way::Change };
    let client = Desk::client_of(&global.any_home()?, global)?;
    let proposed = propose(&client, &policy, way)?;
    let number = proposed.proposal;
    let mut page = Page::new();
    if args.break_glass {
        page.styled(Style::Bad, "BREAK-GLASS: this version is put forward for an emergency.");
    }
    page.styled(Style::Good, format!("Version {} is put forward as policy-{number}.", proposed.version));
    page.pairs([("sha-256", proposed.policy.to_string().into())]);
    page.line(format!("Those who have to agree: {}", global.command(&format!("approve policy-{number}"))));
    page.line(format!("When enough have agreed: {}", global.command(&format!("policy install {number}"))));
    Ok(Output::new(&proposed, page))
}

/// Puts it forward; the same bundle again gets the same number.
pub fn propose(client: &Client, policy: &Policy, way: Way) -> Result<Proposed, CliError> {
    let body = json!({ "bundle": policy.text(), "way": way });
    let proposed: Proposed = client.ask(&Ask::post("/v1/proposals", &body))?;
    if proposed.policy != Hex(policy.hash()) {
        let what = "the agent took another text than the one that was sent; nobody should agree to it";
        return Err(CliError::Unverified(what.to_owned()));
    }
    Ok(proposed)
}
