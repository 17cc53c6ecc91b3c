//! What runs beside the requests: retries, expiries, the token, the anchor.

use std::time::Duration;

use super::Agent;
use crate::book::{Overdue, Which};
use crate::ledger::Status;
use crate::spend;
use crate::token::{TokenError, pin};

/// How often the anchor and the checkpoints are brought up to date.
const ANCHOR_EVERY: Duration = Duration::from_secs(60);
/// How often payments that are stuck or overdue are looked at.
const TEND_EVERY: Duration = Duration::from_secs(5);

impl Agent {
    /// Runs until it is dropped.
    pub async fn tend(&self) {
        let mut tend = tokio::time::interval(TEND_EVERY);
        let mut anchor = tokio::time::interval_at(tokio::time::Instant::now() + ANCHOR_EVERY, ANCHOR_EVERY);
        let mut last = None;
        loop {
            tokio::select! {
                _ = tend.tick() => {
                    let which = if self.lapse().await { Which::All } else { Which::Stuck };
                    self.expire().await;
                    self.resume(which).await;
                    self.look_after_token().await;
                }
                _ = anchor.tick() => {
                    // Nothing new, nothing to write: flash wears out.
                    let head = self.book.head().await.ok();
                    if head.is_none() || head != last {
                        let written = self.anchor().await;
                        last = written.inspect_err(|error| tracing::error!(%error, "the anchor could not be written")).ok();
                    }
                }
            }
        }
    }

    /// Ends what too few have approved in time; true if another bundle is in force since, by which
    /// something may not have to wait any more.
    async fn lapse(&self) -> bool {
        let lapsed = self.book.lapse().await;
        lapsed
            .inspect_err(|error| tracing::warn!(%error, "what waits could not be looked at"))
            .unwrap_or(false)
    }

    /// Goes on with what an earlier run had begun.
    pub(super) async fn recover(&self) {
        self.lapse().await;
        self.expire().await;
        self.resume(Which::All).await;
    }

    /// Signs the identical bytes, sends the same bytes, each in its turn.
    pub async fn resume(&self, which: Which) {
        let unfinished = match self.book.unfinished(which).await {
            Ok(unfinished) => unfinished,
            Err(error) => return tracing::warn!(%error, "could not look for unfinished payments"),
        };
        if !unfinished.is_empty() {
            tracing::info!(payments = unfinished.len(), "finishing what was begun");
        }
        for turn in unfinished {
            let (spend, turn) = (turn.spend, self.turns.wait(turn.of).await);
            if let Err(error) = spend::go_on(self, turn, spend).await {
                tracing::warn!(%error, spend, "a payment stays unfinished");
            }
        }
    }

    /// Gives back what overdue payments hold, if they were never signed or the ledger proves that
    /// they are not recorded.
    async fn expire(&self) {
        let Ok(overdue) = self.book.overdue().await else { return };
        for Overdue { spend, digest, signed } in overdue {
            let status = if signed { self.ledger.status(&digest).await.map(Some) } else { Ok(None) };
            let done = match status {
                Ok(None) => self.book.expire(spend, digest, None).await.map(|_| ()),
                Ok(Some(Status::Absent { as_of })) => {
                    self.book.expire(spend, digest, Some(as_of)).await.map(|_| ())
                }
                Ok(Some(Status::Recorded(receipt))) => {
                    self.book.settle(spend, digest, receipt.into()).await.map(|_| ())
                }
                Err(error) => {
                    tracing::warn!(%error, spend, "the ledger does not say what became of an overdue payment");
                    Ok(())
                }
            };
            if let Err(error) = done {
                tracing::warn!(%error, spend, "an overdue payment could not be closed");
            }
        }
    }

    /// Starts the module again when the device is gone, so that one that comes back is found.
    async fn look_after_token(&self) {
        match self.token.recover().await {
            Ok(true) => tracing::info!("the token is back"),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "the token does not answer");
                self.heed(&error);
            }
        }
    }

    /// A PIN that the token refused while the agent ran is not tried by the next start either.
    pub fn heed(&self, error: &TokenError) {
        if error.is_pin_refused()
            && let Err(error) = pin::refused(&self.config.home)
        {
            tracing::error!(%error, "the refused PIN could not be marked");
        }
    }
}
