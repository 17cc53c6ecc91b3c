//! Asking again with the same key until there is an answer, a bounded number of times.

use std::time::Duration;

use crate::book::view::{Spend, State};
use crate::cli::client::{Ask, ClientError, Link};

/// How often one payment is asked for at most.
const ATTEMPTS: u32 = 5;
/// Before the second attempt; doubled each time.
const PAUSE: Duration = Duration::from_millis(200);

/// Why there is no answer, after all attempts.
#[derive(Debug)]
pub struct Unanswered {
    /// The last attempt's.
    pub error: ClientError,
    /// Did any attempt perhaps lead to a decision? Then only the same key tells what became of it.
    pub in_doubt: bool,
}

/// Asks for a payment. A denial is an answer like any other.
///
/// Asking again is safe, because the agent pays once under one key. An agent that has gone away
/// since the first attempt may be starting again.
pub async fn insist(link: &Link, ask: &Ask) -> Result<Spend, Unanswered> {
    let (mut attempt, mut in_doubt) = (1, false);
    loop {
        let answer = once(link, ask).await;
        let at_least = match &answer {
            Ok(spend) if matches!(spend.state, State::Reserved | State::Signed) => Some(Duration::ZERO),
            Ok(_) => None,
            Err(ClientError::NotRunning { .. }) if in_doubt => Some(Duration::ZERO),
            Err(error) => {
                in_doubt |= error.may_be_decided();
                error.retry()
            }
        };
        let Some(at_least) = at_least.filter(|_| attempt < ATTEMPTS) else {
            return answer.map_err(|error| Unanswered { error, in_doubt });
        };
        tokio::time::sleep(at_least.max(PAUSE * 2_u32.pow(attempt - 1))).await;
        attempt += 1;
    }
}

async fn once(link: &Link, ask: &Ask) -> Result<Spend, ClientError> {
    match link.ask(ask).await?.decode() {
        Err(ClientError::Problem(problem)) => match problem.denied() {
            Some(spend) => Ok(spend),
            None => Err(ClientError::Problem(problem)),
        },
        answer => answer,
    }
}
