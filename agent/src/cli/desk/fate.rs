//! Posting decisions, and what became of each.

use bursar_core::approval::Verdict;
use serde::Serialize;
use serde_json::Value;

use super::decision::Decision;
use crate::book::view::{Spend, State};
use crate::cli::client::{Client, ClientError};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{Cell, Output, Page, Style, Table, note_text};

/// What became of one decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// What it is about, as people name it.
    pub id: String,
    /// Who decided.
    pub person: String,
    /// In a word.
    pub state: String,
    /// What is missing, or why it came to nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Did it count, and come to what was decided so far?
    pub good: bool,
}

impl Fate {
    /// Is it not known whether it counts? The agent may have taken it before it was in trouble.
    pub fn is_unknown(&self) -> bool {
        self.state == UNKNOWN
    }
}

/// The state of a decision of which nobody knows whether it counts.
const UNKNOWN: &str = "unknown";

/// Delivers decisions in their order, all to one agent. When that is away they are all where they
/// were; when it goes away in between, the rest was not delivered, and says so.
pub fn deliver(client: &Client, decisions: &[Decision]) -> Result<Vec<Fate>, CliError> {
    let mut fates: Vec<Fate> = Vec::with_capacity(decisions.len());
    let mut gone = None;
    for decision in decisions {
        let detail = match &gone {
            Some(detail) => detail,
            None => match client.ask::<Value>(&decision.to_ask()) {
                Err(error) if !matches!(error, ClientError::Problem(_)) => {
                    if fates.is_empty() && !error.may_be_decided() {
                        return Err(error.into());
                    }
                    gone.insert(error.to_string())
                }
                answer => {
                    fates.push(fate(decision, answer));
                    continue;
                }
            },
        };
        fates.push(of(decision, UNKNOWN, detail.clone(), false));
    }
    Ok(fates)
}

fn of(decision: &Decision, state: &str, detail: String, good: bool) -> Fate {
    Fate {
        id: decision.to_string(),
        person: decision.person().to_string(),
        state: state.to_owned(),
        detail,
        good,
    }
}

/// What an answer means for a decision.
fn fate(decision: &Decision, answer: Result<Value, ClientError>) -> Fate {
    match answer {
        Ok(value) => match serde_json::from_value::<Spend>(value.clone()) {
            Ok(spend) => {
                let good = !matches!(spend.state, State::Denied | State::Refused | State::Expired);
                let detail = spend.reason.clone().filter(|_| spend.state != State::Recorded);
                of(decision, &spend.state.to_string(), detail.unwrap_or_default(), good)
            }
            Err(_) => match (decision, value["state"].as_str()) {
                (Decision::Freeze(_), Some("settled")) => of(decision, "frozen", on_their_way(&value), true),
                (Decision::Lift(_), Some("settled")) => of(decision, "lifted", String::new(), true),
                (_, Some("settled")) => {
                    of(decision, "withdrawn", "it is out of the question now".to_owned(), true)
                }
                (_, Some(state)) => of(decision, state, String::new(), true),
                (_, None) => of(decision, UNKNOWN, "the agent's answer says nothing".to_owned(), false),
            },
        },
        Err(ClientError::Problem(problem)) => match problem.kind() {
            // What was refused is denied: that is what it came to.
            "denied" if decision.verdict() == Some(Verdict::Refuse) => {
                of(decision, "refused", problem.to_string(), true)
            }
            "denied" => of(decision, "denied", problem.to_string(), false),
            "not-counted" => of(decision, "not-counted", problem.to_string(), false),
            "over" | "not-found" => of(decision, "over", problem.to_string(), false),
            _ if problem.may_be_decided() => of(decision, UNKNOWN, problem.to_string(), false),
            _ => of(decision, "failed", problem.to_string(), false),
        },
        Err(error) => of(decision, UNKNOWN, error.to_string(), false),
    }
}

/// What a frozen account had handed to the ledger before, without an answer yet.
fn on_their_way(answer: &Value) -> String {
    let spends: Vec<u64> =
        answer["on_their_way"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    match spends.as_slice() {
        [] if answer["handed_out"] == true => {
            "there is no ledger: what callers have fetched before stays valid until its time has passed"
                .to_owned()
        }
        [] => String::new(),
        spends => {
            let ids: Vec<String> = spends.iter().map(u64::to_string).collect();
            format!("sent before it, and may still be recorded: spend {}", ids.join(", "))
        }
    }
}

/// All of them as the answer of a command. Exit code 0 when each counted, otherwise 11.
pub fn output(fates: &[Fate]) -> Output {
    let mut table = Table::new(["ID", "STATE", "DETAIL"]);
    for fate in fates {
        let style = match (fate.good, fate.state.as_str()) {
            (false, _) => Style::Bad,
            (true, "waiting" | "counted") => Style::Warn,
            (true, _) => Style::Good,
        };
        table.row([
            fate.id.as_str().into(),
            Cell::new(fate.state.as_str(), style),
            // May quote what a payer or another person wrote.
            note_text(&fate.detail).into(),
        ]);
    }
    let mut page = Page::new();
    page.table(table);
    let exit = if fates.iter().all(|fate| fate.good) { Exit::Done } else { Exit::Rows };
    Output::new(&fates, page).with_exit(exit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_what_was_sent_before_a_freeze() {
        assert_eq!(on_their_way(&json!({ "state": "settled", "on_their_way": [] })), "");
        assert_eq!(on_their_way(&json!({ "state": "settled" })), "", "an older agent");
        let says = on_their_way(&json!({ "on_their_way": [], "handed_out": true }));
        assert!(says.contains("stays valid until its time has passed"), "{says}");
        let says = on_their_way(&json!({ "state": "settled", "on_their_way": [17, 18] }));
        assert_eq!(says, "sent before it, and may still be recorded: spend 17, 18");
    }
}
