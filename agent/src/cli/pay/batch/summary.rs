//! What people and programs hear about a file of payments.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Paid;
use super::send::Fate;
use crate::book::view::State;
use crate::cli::exit::Exit;
use crate::cli::output::{Cell, Output, Page, Style, Table, count};
use crate::cli::spend_page;

/// Most rows that are listed; the result file has all of them.
const LISTED: usize = 30;

#[derive(Serialize)]
struct Answer<'a> {
    result: &'a std::path::Path,
    states: BTreeMap<String, usize>,
    stopped: Option<String>,
    rows: Vec<RowAnswer<'a>>,
}

#[derive(Serialize)]
struct RowAnswer<'a> {
    line: u64,
    id: &'a str,
    state: String,
    spend: Option<u64>,
    reason: String,
}

/// The answer, with the exit code that says whether every row was paid.
pub fn output(paid: &Paid) -> Output {
    let mut states = BTreeMap::new();
    for (_, fate) in &paid.rows {
        *states.entry(fate.state()).or_insert(0) += 1;
    }
    let rows = paid.rows.iter().map(|(row, fate)| RowAnswer {
        line: row.line,
        id: &row.id,
        state: fate.state(),
        spend: fate.id(),
        reason: fate.reason(row),
    });
    let stopped = paid.stopped.as_ref().map(ToString::to_string);
    let answer = Answer { result: &paid.result, states, stopped, rows: rows.collect() };
    Output::new(&answer, page(paid, &answer)).with_exit(exit(paid))
}

fn page(paid: &Paid, answer: &Answer<'_>) -> Page {
    let mut page = Page::new();
    let mut table = Table::new([">LINE", "ID", "STATE", ">SPEND", "REASON"]);
    let mut unpaid = 0;
    for (row, fate) in paid.rows.iter().filter(|(_, fate)| !is_paid(fate) && !matches!(fate, Fate::NotAsked))
    {
        unpaid += 1;
        if unpaid <= LISTED {
            table.row([
                row.line.to_string().into(),
                row.id.as_str().into(),
                state(fate),
                fate.id().map(|id| id.to_string()).unwrap_or_default().into(),
                fate.reason(row).trim_start_matches(&format!("line {}: ", row.line)).into(),
            ]);
        }
    }
    if !table.is_empty() {
        page.table(table);
        page.blank();
    }
    if unpaid > LISTED {
        page.line(format!("{} more rows were not paid; the result names them.", unpaid - LISTED));
    }
    let counts: Vec<_> = answer.states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let counts = if counts.is_empty() { "nothing to pay".to_owned() } else { counts.join(", ") };
    page.line(format!("{}: {counts}", count(paid.rows.len() as u64, "row")));
    if let Some(stopped) = &answer.stopped {
        page.styled(Style::Bad, format!("Stopped: {stopped}"));
        page.line("Nothing is lost: give the same file again, and what was answered is not paid again.");
    }
    if paid.rows.iter().any(|(_, fate)| fate.in_doubt()) {
        page.styled(
            Style::Warn,
            "Not everything is finished: give the same file again, and no row another id, or it is paid twice.",
        );
    }
    page.line(format!("Result: {}", paid.result.display()));
    page
}

fn state(fate: &Fate) -> Cell {
    match fate {
        Fate::Decided(spend) => spend_page::state_cell(spend.state),
        Fate::Refused(_) | Fate::Taken { .. } => Cell::new(fate.state(), Style::Bad),
        Fate::Unanswered { .. } | Fate::NotAsked => Cell::new(fate.state(), Style::Warn),
    }
}

fn is_paid(fate: &Fate) -> bool {
    matches!(fate.spend().map(|spend| spend.state), Some(State::Recorded | State::HandedOut))
}

/// The gravest thing that a script has to know: that something may be under way, that it stopped, that
/// rows were refused.
fn exit(paid: &Paid) -> Exit {
    let any = |what: fn(&Fate) -> bool| paid.rows.iter().any(|(_, fate)| what(fate));
    match &paid.stopped {
        _ if any(Fate::in_doubt) => Exit::Unfinished,
        Some(error) => error.exit(),
        None if any(|fate| matches!(fate, Fate::Unanswered { .. } | Fate::NotAsked)) => Exit::Unfinished,
        None if any(|fate| !is_paid(fate)) => Exit::Rows,
        None => Exit::Done,
    }
}
