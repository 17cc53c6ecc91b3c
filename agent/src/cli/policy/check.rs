//! `bursar policy check`

use std::path::PathBuf;

use bursar_core::policy::Warning;
use serde::Serialize;

use super::offline;
use crate::book::hex::Hex;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, Style};

/// Check a policy bundle: does it parse, and can every rule come to bear
///
/// Without FILE it checks the one in the home folder. Warnings do not change the exit code.
///
/// Example: bursar policy check policy.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The bundle [default: policy.toml in the home folder]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    file: PathBuf,
    hash: Hex<32>,
    version: u64,
    assets: usize,
    recipients: usize,
    rules: usize,
    approvers: usize,
    administrators: usize,
    warnings: Vec<Warning>,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let file = offline::path(global, args.file)?;
    let policy = offline::policy(&file)?;
    let answer = Answer {
        hash: Hex(policy.hash()),
        version: policy.version(),
        assets: policy.assets().count(),
        recipients: policy.recipients().count(),
        rules: policy.rules().count(),
        approvers: policy.approvers().filter(|approver| !approver.revoked).count(),
        administrators: policy.administrators().map_or(0, |administrators| administrators.keys.len()),
        warnings: policy.warnings(),
        file,
    };
    let mut page = Page::new();
    page.styled(Style::Good, format!("{} is a policy bundle.", answer.file.display()));
    page.pairs([
        ("version", answer.version.to_string().into()),
        ("rules", answer.rules.to_string().into()),
        ("recipients", answer.recipients.to_string().into()),
        ("assets", answer.assets.to_string().into()),
        ("approvers", answer.approvers.to_string().into()),
        ("administrators", answer.administrators.to_string().into()),
        ("sha-256", answer.hash.to_string().into()),
    ]);
    for warning in &answer.warnings {
        page.styled(Style::Warn, format!("Warning: {}", warning.to_string().trim_start_matches("policy: ")));
    }
    Ok(Output::new(&answer, page))
}
