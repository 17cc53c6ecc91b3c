//! `bursar policy diff`

mod wait;
mod words;

use std::path::PathBuf;

use bursar_core::policy::Policy;
use bursar_core::policy::diff::{self, Difference};
use bursar_core::time::Timestamp;
use serde::Serialize;

use super::offline;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{Output, Page, Style, Table};
use crate::clock;

/// Compare two policy bundles: what is newly allowed, and newly denied
///
/// Says for which payments the bundles differ, with one payment for each kind of difference, and
/// what else was changed: administrators, approvers, recipients and so on. A payment is allowed if
/// a rule allows it, budgets have room and people approve: budgets and the like are compared as they
/// are written, not as they are filled. No difference means that both mean the same.
///
/// Example: bursar policy diff policy.toml new.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The bundle that is in force
    old: PathBuf,
    /// The bundle that would be
    new: PathBuf,
    /// Compare all times from this one on, like 2026-11-22T09:30:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// End with exit code 1 if there is a difference
    #[arg(long)]
    exit_code: bool,
}

#[derive(Serialize)]
struct Answer {
    same: bool,
    #[serde(flatten)]
    difference: Difference,
}

/// Does what the arguments say.
pub fn run(args: Args) -> Result<Output, CliError> {
    let old = offline::policy(&args.old)?;
    let new = offline::policy(&args.new)?;
    let since = args.since.unwrap_or_else(|| clock::wall().whole_seconds());
    let difference = wait::noting("Comparing…", || diff::diff(&old, &new, since))
        .map_err(|error| CliError::Home(error.to_string()))?;
    let same = difference.is_none();
    let page = page(&difference);
    let output = Output::new(&Answer { same, difference }, page);
    Ok(if args.exit_code && !same { output.with_exit(Exit::Denied) } else { output })
}

/// What another bundle changes, for somebody who is asked to agree to it. Two that are too large to
/// be compared say so.
pub fn between(old: &Policy, new: &Policy) -> Page {
    match diff::diff(old, new, clock::wall().whole_seconds()) {
        Ok(difference) => page(&difference),
        Err(error) => {
            let mut page = Page::new();
            page.styled(Style::Warn, format!("The two cannot be compared: {error}"));
            page
        }
    }
}

fn page(difference: &Difference) -> Page {
    let mut page = Page::new();
    for warning in &difference.warnings {
        page.styled(Style::Warn, format!("Warning: {warning}"));
    }
    if difference.is_none() {
        page.styled(Style::Good, "No difference: both mean the same.");
        return page;
    }
    page.line(match difference.regions.len() {
        0 => "Every payment is judged the same.".to_owned(),
        1 => "One kind of payment is judged differently:".to_owned(),
        kinds => format!("{kinds} kinds of payments are judged differently:"),
    });
    for (number, region) in (1..).zip(&difference.regions) {
        page.blank();
        words::region(&mut page, number, region);
    }
    if !difference.changes.is_empty() {
        let mut table = Table::new(["CHANGED", "NAME", "OLD", "NEW"]);
        for change in &difference.changes {
            let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned()).into();
            let name = change.name.as_ref().map(ToString::to_string);
            table.row([change.about.to_string().into(), or(&name), or(&change.old), or(&change.new)]);
        }
        page.blank();
        page.table(table);
    }
    page
}
