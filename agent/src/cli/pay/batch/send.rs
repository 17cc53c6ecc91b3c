//! Sends the rows to the agent, a bounded number at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use super::ask::ask;
use super::row::{Payment, Row};
use crate::book::view::{Spend, State};
use crate::cli::client::{Client, ClientError, Link};
use crate::cli::exit::Exit;
use crate::cli::pay::insist::Unanswered;

/// What became of a row.
#[derive(Clone, Debug)]
pub enum Fate {
    /// The agent decided.
    Decided(Box<Spend>),
    /// It is no payment: as the file was read, or as the agent said.
    Refused(String),
    /// Its id stands for another payment already; nothing was paid.
    Taken {
        /// That payment.
        spend: Box<Spend>,
        /// Whose content is another, unless another caller has made it.
        by_other: bool,
    },
    /// It was asked, and there was no answer.
    Unanswered {
        /// Why.
        why: String,
        /// The payment, where the agent has said that it holds it.
        spend: Option<u64>,
        /// May it have been decided?
        in_doubt: bool,
    },
    /// It was not asked, because the agent was away or in trouble.
    NotAsked,
}

impl Fate {
    /// One word.
    pub fn state(&self) -> String {
        match self {
            Self::Decided(spend) => spend.state.to_string(),
            Self::Refused(_) => "bad-row".to_owned(),
            Self::Taken { .. } => "conflict".to_owned(),
            Self::Unanswered { .. } => "unanswered".to_owned(),
            Self::NotAsked => "not-asked".to_owned(),
        }
    }

    /// The spend that answers the row, if there is one.
    pub fn spend(&self) -> Option<&Spend> {
        if let Self::Decided(spend) = self { Some(spend) } else { None }
    }

    /// The spend to look at, whether it answers the row or stands in its way.
    pub fn id(&self) -> Option<u64> {
        match self {
            Self::Decided(spend) | Self::Taken { spend, .. } => Some(spend.id),
            Self::Unanswered { spend, .. } => *spend,
            Self::Refused(_) | Self::NotAsked => None,
        }
    }

    /// May a payment be under way that has not ended?
    pub fn in_doubt(&self) -> bool {
        match self {
            Self::Decided(spend) => matches!(spend.state, State::Reserved | State::Signed),
            Self::Unanswered { in_doubt, .. } => *in_doubt,
            Self::Taken { .. } | Self::Refused(_) | Self::NotAsked => false,
        }
    }

    /// Why it is not paid; empty if it is.
    pub fn reason(&self, row: &Row) -> String {
        match self {
            Self::Decided(spend) => spend.reason.clone().unwrap_or_default(),
            Self::Refused(why) => format!("line {}: {why}", row.line),
            Self::Taken { spend, by_other } => taken(row, spend, *by_other),
            Self::Unanswered { why, .. } => why.clone(),
            Self::NotAsked => "the agent was away or in trouble; give the same file again".to_owned(),
        }
    }
}

fn taken(row: &Row, spend: &Spend, by_other: bool) -> String {
    let Spend { id, amount, asset, recipient, state, caller, .. } = spend;
    let was = if spend.state.is_final() { "was paid" } else { "is held" };
    let how = if by_other { format!("by the caller {caller}") } else { "with other content".to_owned() };
    format!(
        "line {}: row {} {was} as spend {id} {how} ({amount} {asset} to {recipient}, {state}); nothing was paid; use a \
         new id for a new payment",
        row.line, row.id
    )
}

/// Sends every row that is a payment, in the order of the file, `jobs` at once, but for those that
/// other callers have paid. Answers every row's fate, and what ended it before its end.
pub fn send(
    client: &Client,
    rows: &[Row],
    mut others: HashMap<usize, Spend>,
    jobs: usize,
) -> (Vec<Fate>, Option<ClientError>) {
    let bar = bar(rows.len());
    let mut fates: Vec<Fate> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| match (&row.payment, others.remove(&i)) {
            (Err(why), _) => Fate::Refused(why.clone()),
            (Ok(_), Some(spend)) => Fate::Taken { spend: Box::new(spend), by_other: true },
            (Ok(_), None) => Fate::NotAsked,
        })
        .collect();
    let payments: Vec<_> = rows
        .iter()
        .enumerate()
        .zip(&fates)
        .filter(|(_, fate)| matches!(fate, Fate::NotAsked))
        .filter_map(|((i, row), _)| Some((i, row.payment.clone().ok()?)))
        .collect();
    bar.inc((rows.len() - payments.len()) as u64);
    let stopped = client.run(|link| {
        all(link, payments.into_iter(), jobs, |i, fate| {
            bar.inc(1);
            if let Some(place) = fates.get_mut(i) {
                *place = fate;
            }
        })
    });
    bar.finish_and_clear();
    (fates, stopped)
}

async fn all(
    link: Arc<Link>,
    mut payments: impl Iterator<Item = (usize, Payment)>,
    jobs: usize,
    mut done: impl FnMut(usize, Fate),
) -> Option<ClientError> {
    let (mut under_way, mut stopped) = (JoinSet::new(), None);
    loop {
        while stopped.is_none() && under_way.len() < jobs {
            let Some((i, payment)) = payments.next() else { break };
            let link = link.clone();
            under_way.spawn(async move { (i, ask(&link, &payment).await) });
        }
        // A task that panicked leaves its row not asked, without anything that stopped it.
        let Ok((i, answer)) = under_way.join_next().await? else { continue };
        match answer {
            Ok(fate) => done(i, fate),
            Err(Unanswered { error, .. }) if error.exit() == Exit::Usage => {
                done(i, Fate::Refused(error.to_string()))
            }
            Err(Unanswered { error, in_doubt }) => {
                done(i, Fate::Unanswered { why: error.to_string(), spend: error.spend(), in_doubt });
                stopped.get_or_insert(error);
            }
        }
        if under_way.is_empty() && stopped.is_some() {
            return stopped;
        }
    }
}

/// On standard error, and only where that is a terminal.
fn bar(rows: usize) -> ProgressBar {
    let bar = ProgressBar::new(rows as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
