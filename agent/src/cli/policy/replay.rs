//! `bursar policy replay`

use std::path::PathBuf;
use std::time::Duration;

use bursar_core::policy::{Answer, Flip, Said};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::offline;
use crate::book::hex::Hex;
use crate::book::rejudge::{Around, Flipped, Rejudged, Sum, rejudge};
use crate::book::{past, read};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::output::{Cell, Output, Page, Style, Table, count};
use crate::keys_file::KeysFile;

/// Judge the book's whole history by another bundle: which payments would flip
///
/// Every payment that was ever asked for is judged again in its order, as if NEW had been in force
/// from the beginning: its budgets fill with what it allows. A payment flips if it was allowed and
/// would be denied, or the other way round, or would have waited for somebody's approval. Nothing is
/// changed. Works with and without a running agent.
///
/// Example: bursar policy replay new.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The bundle that judges
    new: PathBuf,
    /// Exit code 1 if any payment flips
    #[arg(long)]
    exit_code: bool,
}

/// Records between two steps of the bar.
const STRIDE: u64 = 4096;

#[derive(Serialize)]
struct Answered {
    file: PathBuf,
    hash: Hex<32>,
    version: u64,
    /// Payments that were judged.
    payments: u64,
    flips: u64,
    sums: Vec<Sum>,
    skipped: u64,
    /// The first of them.
    flipped: Vec<Flipped>,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let policy = offline::policy(&args.new)?;
    let config = global.config()?;
    let around = Around {
        accounts: KeysFile::load(&config.home)?.accounts,
        ledger: offline::ledger(&config)?,
        valid_for: config.valid_for,
    };
    let book = read::open(&config.home)?;
    let bar = bar(past::size(&book)?);
    let progress = |position: u64| {
        if position.is_multiple_of(STRIDE) {
            bar.set_position(position);
        }
    };
    let Rejudged { payments, flips, sums, skipped, flipped, rewritten } =
        rejudge(&book, &policy, &around, progress)?;
    bar.finish_and_clear();
    if let Some(asset) = rewritten {
        return Err(CliError::Home(format!(
            "{} writes {asset} with other decimals than the book, and so means other amounts; it could not come into force: give the asset another name",
            args.new.display()
        )));
    }
    let (hash, version) = (Hex(policy.hash()), policy.version());
    let answered = Answered { file: args.new, hash, version, payments, flips, sums, skipped, flipped };
    let exit = if args.exit_code && flips > 0 { Exit::Denied } else { Exit::Done };
    Ok(Output::new(&answered, page(&answered)).with_exit(exit))
}

/// On standard error, and only where that is a terminal.
fn bar(records: u64) -> ProgressBar {
    let bar = ProgressBar::new(records);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} records, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn page(replayed: &Answered) -> Page {
    let mut page = Page::new();
    let (flips, payments) = (replayed.flips, count(replayed.payments, "payment"));
    if flips == 0 {
        page.styled(Style::Good, format!("None of {payments} would flip."));
    } else {
        page.styled(Style::Warn, format!("{flips} of {payments} would flip."));
        for sum in &replayed.sums {
            page.line(format!("{} {}, would be {}", sum.flips, sum.then, sum.now));
        }
        page.blank();
        let mut table = Table::new([">ID", "ASKED", "PAYMENT", "THEN", "NOW", "WHY"]);
        for flipped in &replayed.flipped {
            let Flip { then, now } = &flipped.flip;
            // A denial names its rule by itself.
            let by = |said: &Said| match (&said.rule, &said.why) {
                (_, Some(why)) => why.clone(),
                (Some(rule), None) => format!("rule \"{rule}\""),
                (None, None) => String::new(),
            };
            let why = if now.verdict == Answer::Allowed {
                format!("{}; then: {}", by(now), by(then))
            } else {
                by(now)
            };
            table.row([
                flipped.spend.to_string().into(),
                flipped.at.to_string().into(),
                flipped.payment.as_str().into(),
                answer(then.verdict),
                answer(now.verdict),
                why.into(),
            ]);
        }
        page.table(table);
        let listed = replayed.flipped.len() as u64;
        if listed < flips {
            page.blank();
            page.styled(Style::Dim, format!("These are the first {listed}."));
        }
    }
    if replayed.skipped > 0 {
        page.blank();
        page.styled(
            Style::Warn,
            format!(
                "{} could not be judged again: the account is none of this home, or the words make no payment.",
                count(replayed.skipped, "payment")
            ),
        );
    }
    page
}

fn answer(answer: Answer) -> Cell {
    let style = match answer {
        Answer::Allowed => Style::Good,
        Answer::Waiting => Style::Warn,
        Answer::Denied => Style::Bad,
    };
    Cell::new(answer.to_string(), style)
}
