//! One row: whether it is paid now, or was before, is for the agent to say, which never forgets a key.

use super::row::Payment;
use super::send::Fate;
use crate::book::view::State;
use crate::cli::client::{Ask, Link};
use crate::cli::pay::insist::{Unanswered, insist};

/// How often a row may be changed after a denial.
pub const ATTEMPTS: u32 = 16;

/// Asks under the row's first key. Where that stands for a payment with other content which can never
/// be made any more, the row was mended since, and is asked under the next one.
pub async fn ask(link: &Link, payment: &Payment) -> Result<Fate, Unanswered> {
    for attempt in 1..=ATTEMPTS {
        let ask = Ask::post("/v1/spends", &payment.request).keyed(&payment.key(attempt));
        let unanswered = match insist(link, &ask).await {
            Ok(spend) => return Ok(Fate::Decided(Box::new(spend))),
            Err(unanswered) => unanswered,
        };
        let Some(earlier) = unanswered.error.conflict() else { return Err(unanswered) };
        // Nothing has come of this row, so nothing is in doubt if it cannot be looked at.
        let earlier = insist(link, &Ask::get(format!("/v1/spends/{earlier}")))
            .await
            .map_err(|unanswered| Unanswered { in_doubt: false, ..unanswered })?;
        if !matches!(earlier.state, State::Denied | State::Expired) {
            return Ok(Fate::Taken { spend: Box::new(earlier), by_other: false });
        }
    }
    Ok(Fate::Refused(format!("it was changed {ATTEMPTS} times and never paid; give it a new id")))
}
