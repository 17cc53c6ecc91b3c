//! Sends the rows to the agent, a bounded number at once.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use super::row::Row;
use crate::book::view::Spend;
use crate::cli::client::{Ask, Client, ClientError, Link};
use crate::cli::exit::Exit;
use crate::cli::pay::insist::{Unanswered, insist};

/// What became of a row.
#[derive(Clone, Debug)]
pub enum Fate {
    /// The agent decided.
    Decided(Box<Spend>),
    /// It is no payment: as the file was read, or as the agent said.
    Refused(String),
    /// It was asked, and there was no answer.
    Unanswered(String),
    /// It was not asked, because the agent was away or in trouble.
    NotAsked,
}

impl Fate {
    /// One word.
    pub fn state(&self) -> String {
        match self {
            Self::Decided(spend) => spend.state.to_string(),
            Self::Refused(_) => "bad-row".to_owned(),
            Self::Unanswered(_) => "unanswered".to_owned(),
            Self::NotAsked => "not-asked".to_owned(),
        }
    }

    /// The spend, if there is one.
    pub fn spend(&self) -> Option<&Spend> {
        if let Self::Decided(spend) = self { Some(spend) } else { None }
    }

    /// Why it is not paid; empty if it is.
    pub fn reason(&self, row: &Row) -> String {
        match self {
            Self::Decided(spend) => spend.reason.clone().unwrap_or_default(),
            Self::Refused(why) => format!("line {}: {why}", row.line),
            Self::Unanswered(why) => why.clone(),
            Self::NotAsked => "the agent was away or in trouble; give the same file again".to_owned(),
        }
    }
}

/// Sends every row that is a payment, in the order of the file, `jobs` at once. Answers every row's
/// fate, and what ended it before its end.
pub fn send(client: &Client, rows: &[Row], jobs: usize) -> (Vec<Fate>, Option<ClientError>) {
    let bar = bar(rows.len());
    let mut fates: Vec<Fate> = rows
        .iter()
        .map(|row| match &row.payment {
            Ok(_) => Fate::NotAsked,
            Err(why) => Fate::Refused(why.clone()),
        })
        .collect();
    let payments = rows.iter().enumerate().filter_map(|(i, row)| {
        let payment = row.payment.as_ref().ok()?;
        Some((i, Ask::post("/v1/spends", &payment.request).keyed(payment.key.as_str())))
    });
    bar.inc((rows.len() - fates.iter().filter(|fate| matches!(fate, Fate::NotAsked)).count()) as u64);
    let stopped = client.run(|link| {
        all(link, payments, jobs, |i, fate| {
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
    mut payments: impl Iterator<Item = (usize, Ask)>,
    jobs: usize,
    mut done: impl FnMut(usize, Fate),
) -> Option<ClientError> {
    let (mut under_way, mut stopped) = (JoinSet::new(), None);
    loop {
        while stopped.is_none() && under_way.len() < jobs {
            let Some((i, ask)) = payments.next() else { break };
            let link = link.clone();
            under_way.spawn(async move { (i, insist(&link, &ask).await) });
        }
        // A task that panicked leaves its row not asked; there is nothing better to say of it.
        let Ok((i, answer)) = under_way.join_next().await? else { continue };
        match answer {
            Ok(spend) => done(i, Fate::Decided(Box::new(spend))),
            Err(Unanswered { error, .. }) if error.exit() == Exit::Usage => {
                done(i, Fate::Refused(error.to_string()))
            }
            Err(Unanswered { error, .. }) => {
                done(i, Fate::Unanswered(error.to_string()));
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
