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
        spend: fate.spend().map(|spend| spend.id),
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
                fate.spend().map(|spend| spend.id.to_string()).unwrap_or_default().into(),
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
    page.line(format!("Result: {}", paid.result.display()));
    page
}

fn state(fate: &Fate) -> Cell {
    match fate {
        Fate::Decided(spend) => spend_page::state_cell(spend.state),
        Fate::Refused(_) => Cell::new(fate.state(), Style::Bad),
        Fate::Unanswered(_) | Fate::NotAsked => Cell::new(fate.state(), Style::Warn),
    }
}

fn is_paid(fate: &Fate) -> bool {
    matches!(fate.spend().map(|spend| spend.state), Some(State::Recorded | State::HandedOut))
}

/// The gravest thing that a script has to know: that it stopped, that something is not finished,
/// that rows were refused.
fn exit(paid: &Paid) -> Exit {
    if let Some(error) = &paid.stopped {
        return error.exit();
    }
    let unfinished = |fate: &Fate| match fate {
        Fate::Decided(spend) => matches!(spend.state, State::Reserved | State::Signed),
        Fate::Unanswered(_) | Fate::NotAsked => true,
        Fate::Refused(_) => false,
    };
    if paid.rows.iter().any(|(_, fate)| unfinished(fate)) {
        Exit::Busy
    } else if paid.rows.iter().any(|(_, fate)| !is_paid(fate)) {
        Exit::Rows
    } else {
        Exit::Done
    }
}
