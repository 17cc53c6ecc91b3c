//! `bursar policy diff`

use std::path::PathBuf;

use bursar_core::policy::Policy;
use bursar_core::policy::diff::{Difference, Names, Range, Region, Said, Way, diff};

use super::offline;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, Style};
use crate::clock;

/// Compare two policy bundles: what is newly allowed and newly denied, with one payment each
///
/// Exact over all payments from now on: actions, accounts, assets, recipients, callers, roles,
/// ledgers, amounts, fees, hours and lifetimes. Budgets, spacing and quorums are compared as terms;
/// how full a budget is does not matter.
///
/// Example: bursar policy diff policy.toml new.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The bundle before
    old: PathBuf,
    /// The bundle after
    new: PathBuf,
    /// Exit code 1 if they differ
    #[arg(long)]
    exit_code: bool,
}

/// Does what the arguments say.
pub fn run(_: &Global, args: Args) -> Result<Output, CliError> {
    let (old, new) = (offline::policy(&args.old)?, offline::policy(&args.new)?);
    let found = diff(&old, &new, clock::wall()).map_err(|error| CliError::Usage(error.to_string()))?;
    let differ = args.exit_code && !found.is_none();
    let page = page(&found);
    Ok(Output::new(&found, page).with_exit(if differ { Exit::Denied } else { Exit::Done }))
}

/// What another bundle changes, for somebody who is asked to agree to it. Two that are too large to
/// be compared say so.
pub fn between(old: &Policy, new: &Policy) -> Page {
    let mut page = Page::new();
    match diff(old, new, clock::wall()) {
        Ok(found) => page.append(self::page(&found)),
        Err(error) => page.styled(Style::Warn, format!("The two cannot be compared: {error}")),
    }
    page
}

fn page(found: &Difference) -> Page {
    let mut page = Page::new();
    if found.is_none() {
        page.styled(Style::Good, "No difference: both mean the same.");
    }
    for warning in &found.warnings {
        page.styled(Style::Warn, format!("Warning: {warning}"));
    }
    for region in &found.regions {
        self::region(&mut page, region);
    }
    if !found.changes.is_empty() {
        page.styled(Style::Bold, "Beside the rules");
        for change in &found.changes {
            page.line(format!("  {change}"));
        }
    }
    page
}

fn region(page: &mut Page, region: &Region) {
    let (title, style) = match region.way {
        Way::NewlyAllowed => ("NEWLY ALLOWED", Style::Good),
        Way::NewlyDenied => ("NEWLY DENIED", Style::Bad),
        Way::OtherTerms => ("ALLOWED UNDER OTHER TERMS", Style::Warn),
    };
    page.styled(style, title);
    let actions: Vec<_> = region.actions.iter().map(ToString::to_string).collect();
    let range = |range: &Range| match &range.most {
        Some(most) if *most == range.least => most.clone(),
        Some(most) => format!("{} to {most}", range.least),
        None => format!("{} or more", range.least),
    };
    let fees = if region.no_fee { vec!["none".to_owned()] } else { region.fees.iter().map(range).collect() };
    let times = region.times.as_ref().map(|times| {
        let unless = if times.unless.is_empty() {
            String::new()
        } else {
            format!(", but not {}", times.unless.join(", "))
        };
        format!("{}{unless}", times.when.join(", "))
    });
    page.pairs([
        ("  actions", actions.join(", ").into()),
        ("  accounts", names(&region.accounts).into()),
        ("  payers", names(&region.payers).into()),
        ("  assets", names(&region.assets).into()),
        ("  recipients", names(&region.recipients).into()),
        ("  callers", names(&region.callers).into()),
        ("  roles", names(&region.roles).into()),
        ("  ledgers", names(&region.ledgers).into()),
        ("  selectors", names(&region.selectors).into()),
        ("  amounts", region.amounts.as_ref().map(range).unwrap_or_default().into()),
        ("  fees", if region.fees.is_empty() { String::new() } else { fees.join("; ") }.into()),
        ("  times", times.unwrap_or_default().into()),
        ("  before", said(&region.old).into()),
        ("  after", said(&region.new).into()),
        ("  for example", region.witness.to_string().into()),
    ]);
    page.blank();
}

fn names(names: &Names) -> String {
    match names {
        Names::Any => String::new(),
        Names::Only(some) => some.join(", "),
        Names::AllBut(some) => format!("all but {}", some.join(", ")),
    }
}

fn said(said: &Said) -> String {
    if let Some(denial) = &said.denial {
        return format!("denied: {}", denial.message);
    }
    let rule = said.rule.as_ref().map(|rule| format!("rule \"{rule}\"")).unwrap_or_default();
    let terms = if said.terms.is_empty() { String::new() } else { format!(": {}", said.terms.join("; ")) };
    format!("{}{rule}{terms}", if said.allowed { "allowed by " } else { "denied " })
}
