//! `bursar policy test`

use std::path::PathBuf;

use bursar_core::policy::{Cases, CasesError, MAX_TEXT, Tried};
use serde::Serialize;

use super::offline;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, Style, count};

/// Test a policy bundle with cases: payments, each with the verdict that is expected
///
/// A case is a [[case]] of TOML with pay = "50.00 EUR" (or issue, endorse, call, record), account,
/// to, now and expect: "allow", "wait" or the code of a denial, like "per-payment". It may also say
/// caller, roles, approved_by, fee, ledger, payer and selector, and expect a rule and a message.
/// Cases are judged in turn on the same budgets; what becomes of an allowed payment says then:
/// "recorded", "held" or "released". Needs no home folder where --policy is given. Exit code 1 if
/// a case is not as expected.
///
/// Example: bursar policy test cases.toml --policy policy.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The cases
    cases: PathBuf,
    /// The bundle [default: policy.toml in the home folder]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

#[derive(Serialize)]
struct Tested {
    policy: PathBuf,
    cases: PathBuf,
    passed: usize,
    failed: usize,
    results: Vec<Tried>,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let path = offline::path(global, args.policy)?;
    let policy = offline::policy(&path)?;
    let text = offline::text(&args.cases, MAX_TEXT as u64)?;
    let wrong = |error: CasesError| CliError::Usage(format!("{}: {error}", args.cases.display()));
    let results = Cases::parse(&text).and_then(|cases| cases.run(&policy)).map_err(wrong)?;
    let failed = results.iter().filter(|tried| !tried.passed).count();
    let tested = Tested { policy: path, cases: args.cases, passed: results.len() - failed, failed, results };
    let exit = if failed == 0 { Exit::Done } else { Exit::Denied };
    Ok(Output::new(&tested, page(&tested)).with_exit(exit))
}

fn page(tested: &Tested) -> Page {
    let mut page = Page::new();
    for tried in tested.results.iter().filter(|tried| !tried.passed) {
        page.styled(
            Style::Bad,
            format!("{} line {}: {}, at {}", tested.cases.display(), tried.line, tried.payment, tried.now),
        );
        for difference in &tried.differences {
            page.line(format!("  {difference}"));
        }
        let told = tried.differences.iter().any(|difference| difference.field == "message");
        if let Some(message) = tried.message.as_ref().filter(|_| !told) {
            page.line(format!("  because {message}"));
        }
    }
    let all = count(tested.results.len() as u64, "case");
    if tested.failed == 0 {
        page.styled(Style::Good, format!("{all}, all as expected."));
    } else {
        page.styled(Style::Bad, format!("{all}, {} not as expected.", tested.failed));
    }
    page
}
