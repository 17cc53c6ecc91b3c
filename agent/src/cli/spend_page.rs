//! One spend, as people see it.

use super::exit::Exit;
use super::output::{Cell, Page, Style, note_text};
use crate::book::view::{Spend, State};
use crate::caller::asker;

/// How a state looks.
pub fn state_cell(state: State) -> Cell {
    let style = match state {
        State::Recorded | State::HandedOut => Style::Good,
        State::Denied | State::Refused | State::Expired => Style::Bad,
        State::Waiting | State::Reserved | State::Signed => Style::Warn,
    };
    Cell::new(state.to_string(), style)
}

/// What a state means for whoever asked for the payment.
pub fn exit(state: State) -> Exit {
    match state {
        State::Recorded | State::HandedOut => Exit::Done,
        State::Denied => Exit::Denied,
        State::Refused | State::Expired => Exit::Refused,
        State::Waiting => Exit::Waiting,
        State::Reserved | State::Signed => Exit::Unfinished,
    }
}

/// All of it.
pub fn page(spend: &Spend) -> Page {
    let text = |text: Option<String>| Cell::from(text.unwrap_or_default());
    let receipt = spend.receipt.map(|at| format!("position {} at {}", at.position, at.recorded));
    let mut page = Page::new();
    page.pairs([
        ("state", state_cell(spend.state)),
        ("reason", text(spend.reason.clone())),
        ("spend", spend.id.to_string().into()),
        ("action", text((!spend.action.is_pay()).then(|| spend.action.to_string()))),
        ("amount", format!("{} {}", spend.amount, spend.asset).into()),
        ("from", spend.account.as_str().into()),
        ("to", spend.recipient.as_str().into()),
        ("memo", note_text(spend.memo.as_str()).into()),
        ("rule", text(spend.rule.as_ref().map(ToString::to_string))),
        ("decided", spend.decided.to_string().into()),
        ("on the ledger", text(receipt)),
        ("asked by", asker(&spend.caller, spend.user).into()),
        ("uid", text(spend.user.filter(|user| !user.shares).map(|user| user.uid.to_string()))),
        ("key", spend.key.as_str().into()),
        ("transaction", text(spend.digest.map(|digest| digest.to_string()))),
        // Once it is recorded, its time does not matter any more.
        (
            "valid until",
            text(spend.valid_until.filter(|_| spend.state != State::Recorded).map(|t| t.to_string())),
        ),
    ]);
    page
}
