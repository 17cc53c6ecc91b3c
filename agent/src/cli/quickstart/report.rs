//! What the quick start tells at its end.

use serde::Serialize;

use super::verify::Verified;
use crate::book::view::State;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::output::{Cell, Output, Page, Style, Table};
use crate::cli::pay::batch::row::Row;
use crate::cli::pay::batch::send::Fate;
use crate::cli::spend_page;
use crate::config::{Config, TokenPlace};

/// Everything that happened.
pub struct Report<'a> {
    pub global: &'a Global,
    pub config: &'a Config,
    /// Was the home made now?
    pub made: bool,
    /// Did an agent run before, which goes on?
    pub ran: bool,
    pub rows: &'a [(Row, Fate)],
    pub verified: Verified,
}

#[derive(Serialize)]
struct Answer<'a> {
    home: &'a std::path::Path,
    existed: bool,
    agent: &'static str,
    payments: Vec<Payment<'a>>,
    verified: Verified,
    next: Vec<String>,
}

#[derive(Serialize)]
struct Payment<'a> {
    id: &'a str,
    spend: Option<u64>,
    from: String,
    to: String,
    amount: String,
    state: String,
    rule: Option<String>,
    reason: String,
}

impl<'a> Payment<'a> {
    fn of((row, fate): &'a (Row, Fate)) -> Self {
        let request = row.payment.as_ref().ok().map(|payment| &payment.request);
        let text = |text: Option<String>| text.unwrap_or_default();
        Self {
            id: &row.id,
            spend: fate.spend().map(|spend| spend.id),
            from: text(request.map(|request| request.from.to_string())),
            to: text(request.map(|request| request.to.as_str().to_owned())),
            amount: text(row.payment.as_ref().ok().map(|payment| payment.amount.clone())),
            state: fate.state(),
            rule: fate.spend().and_then(|spend| spend.rule.as_ref()).map(ToString::to_string),
            reason: fate.reason(row),
        }
    }

    /// The rule that allowed it, or why it is not recorded.
    fn why(&self) -> String {
        match &self.rule {
            Some(rule) if self.reason.is_empty() => format!("rule \"{rule}\""),
            _ => self.reason.clone(),
        }
    }
}

impl Report<'_> {
    /// The answer; a row that is neither recorded nor denied is the only thing that can be wrong here.
    pub fn output(&self) -> Output {
        let payments: Vec<_> = self.rows.iter().map(Payment::of).collect();
        let next = self.next();
        let page = self.page(&payments, &next);
        let agent = if self.ran { "running" } else { "stopped" };
        let answer = Answer {
            home: &self.config.home,
            existed: !self.made,
            agent,
            payments,
            verified: self.verified,
            next,
        };
        let output = Output::new(&answer, page);
        if self.rows.iter().all(|(_, fate)| finished(fate)) { output } else { output.with_exit(Exit::Rows) }
    }

    fn page(&self, payments: &[Payment<'_>], next: &[String]) -> Page {
        let mut page = Page::new();
        let home = self.config.home.display();
        if self.made {
            let token = match self.config.token.place {
                TokenPlace::Simulated(_) => "simulated YubiHSM",
                _ => "token",
            };
            page.line(format!("Made the home folder {home} with a {token}, keys, policy and ledger."));
        } else {
            page.line(format!("The home folder {home} exists, and nothing is paid twice: what was answered before is the answer."));
        }
        page.blank();
        let mut table = Table::new([">SPEND", "FROM", "TO", ">AMOUNT", "STATE", "WHY"]);
        for (payment, (_, fate)) in payments.iter().zip(self.rows) {
            table.row([
                payment.spend.map(|id| id.to_string()).unwrap_or_default().into(),
                payment.from.as_str().into(),
                payment.to.as_str().into(),
                payment.amount.as_str().into(),
                state(fate),
                payment.why().into(),
            ]);
        }
        page.table(table);
        page.blank();
        let Verified { entries, records, signed } = self.verified;
        page.styled(
            Style::Good,
            format!("Ledger verified: {entries} payments, every signature and balance."),
        );
        let by_key = signed.map_or_else(
            || "no checkpoint yet".to_owned(),
            |size| format!("{size} signed for by the audit key in the token"),
        );
        page.styled(Style::Good, format!("Audit log verified: {records} records, {by_key}."));
        page.line(if self.ran {
            "The agent was running before and goes on."
        } else {
            "The agent has been stopped."
        });
        page.blank();
        page.line("Try next:");
        next.iter().for_each(|command| page.line(format!("  {command}")));
        page
    }

    /// Commands that run as pasted, now and later, in this order.
    fn next(&self) -> Vec<String> {
        let start = (!self.ran).then_some("serve --background");
        let then = [
            "pay 20.00 EUR --from expenses --to 'Fresh Market'",
            "pay 250.00 EUR --from expenses --to 'Fresh Market'",
            "policy explain 50.00 EUR --from expenses --to 'Fresh Market'",
            "policy show",
            "spends",
            "show 1 --envelope",
            "key list",
            "ledger verify",
            "audit verify",
            "stop",
        ];
        start.into_iter().chain(then).map(|rest| self.global.command(rest)).collect()
    }
}

fn finished(fate: &Fate) -> bool {
    matches!(fate.spend().map(|spend| spend.state), Some(State::Recorded | State::Denied))
}

fn state(fate: &Fate) -> Cell {
    match fate.spend() {
        Some(spend) => spend_page::state_cell(spend.state),
        None => Cell::new(fate.state(), Style::Bad),
    }
}
