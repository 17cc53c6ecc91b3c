//! The story: from a request to a record.
//!
//! Each step consumes what the step before it made, and nothing else can make it:
//! `Draft -> Reserved -> Signed -> Kept -> Outcome -> Spend`. What was judged is what is signed.

use bursar_core::name::Name;

use crate::agent::Agent;
use crate::book::draft::{Draft, DraftError};
use crate::book::request::{IdempotencyKey, KeyUse, SpendRequest};
use crate::book::view::Spend;
use crate::book::{Decision, Keeping, Kept, Outcome, Reserved, Unfinished};
use crate::caller::Identity;
use crate::clock::Suspect;
use crate::ledger::LedgerError;
use crate::store::WriteError;
use crate::token::{self, TokenError};
use crate::turns::Guard;

/// A caller whose turn it is under this key: one at a time. Only [`in_turn`] makes one.
#[derive(Debug)]
#[must_use = "others wait for it"]
pub struct InTurn {
    caller: Identity,
    used: KeyUse,
    turn: Guard,
}

/// Waits for the turn of a key. Whoever waits has nothing yet that others need.
pub async fn in_turn(agent: &Agent, caller: Identity, key: IdempotencyKey) -> InTurn {
    let used = KeyUse { caller: caller.name.clone(), user: caller.user, key };
    let turn = agent.turns.wait(used.turn()).await;
    InTurn { caller, used, turn }
}

/// Pays, or says why not. The same caller, key and request again: the same answer, paid once.
#[tracing::instrument(level = "debug", skip_all, fields(caller = %asks.caller.name))]
pub async fn spend(agent: &Agent, asks: InTurn, request: SpendRequest) -> Result<Spend, SpendError> {
    let InTurn { caller, used, turn: _turn } = asks; // one at a time under one key
    let reserved = match decide(agent, caller, used, request).await? {
        Decision::Reserved(reserved) => reserved,
        Decision::Answered(spend) => return Ok(*spend), // denied, waiting for approvals, or answered before
        Decision::Unfinished(unfinished) => return resume(agent, unfinished).await,
        Decision::Conflict(spend) => return Err(SpendError::Conflict(spend)),
        Decision::Suspect(suspect) => return Err(SpendError::Suspect(suspect)),
        Decision::Stale => return Err(SpendError::Write(WriteError::Busy)),
    };
    match sign(agent, reserved).await? {
        Keeping::Kept(kept) => forward(agent, kept).await, // to the ledger, and written down
        Keeping::Ended(spend) => Ok(*spend),
    }
}

/// Judged and held in one durable step, by the policy in force; names are looked up again if that
/// has changed in between.
async fn decide(
    agent: &Agent,
    caller: Identity,
    used: KeyUse,
    request: SpendRequest,
) -> Result<Decision, SpendError> {
    let mut decision = Decision::Stale;
    for _ in 0..3 {
        decision = match draft(agent, caller.clone(), used.key.clone(), request.clone()) {
            Ok(draft) => {
                crate::crash::gate("drafted").await;
                agent.book.reserve(draft).await?
            }
            Err(error) => agent.book.lookup(used.clone(), request.hash()).await?.ok_or(error)?,
        };
        if !matches!(decision, Decision::Stale) {
            break;
        }
    }
    Ok(decision)
}

/// Goes on with a payment that a crash, a token or a ledger had stopped.
async fn resume(agent: &Agent, unfinished: Unfinished) -> Result<Spend, SpendError> {
    let keeping = match unfinished {
        Unfinished::Reserved(reserved) => sign(agent, reserved).await?,
        Unfinished::Kept(kept) => Keeping::Kept(kept),
    };
    match keeping {
        Keeping::Kept(kept) => forward(agent, kept).await,
        Keeping::Ended(spend) => Ok(*spend),
    }
}

/// Goes on with an unfinished payment in the turn of its key. `None` if it has ended meanwhile, or may
/// not leave now.
pub async fn go_on(agent: &Agent, _turn: Guard, spend: u64) -> Result<Option<Spend>, SpendError> {
    match agent.book.take_up(spend).await? {
        Some(unfinished) => resume(agent, unfinished).await.map(Some),
        None => Ok(None),
    }
}

/// Reads a request: what would be paid, in the exact bytes that would be signed.
pub fn draft(
    agent: &Agent,
    caller: Identity,
    key: IdempotencyKey,
    request: SpendRequest,
) -> Result<Draft, SpendError> {
    let Some(from) = agent.keys.account(request.from.as_str()) else {
        return Err(SpendError::Account { asked: request.from, known: agent.account_names() });
    };
    let around = agent.circumstances(*from.public())?;
    Ok(Draft::new(&agent.book.policy(), caller, key, request, around)?)
}

/// In the token, verified, durable.
async fn sign(agent: &Agent, reserved: Reserved) -> Result<Keeping, SpendError> {
    let spend = reserved.spend();
    crate::crash::point("reserved");
    crate::crash::gate("before-sign").await;
    let Some(key) = agent.keys.account(reserved.account().as_str()) else {
        return Err(SpendError::Account { asked: reserved.account().clone(), known: agent.account_names() });
    };
    let signed = match token::sign(&agent.token, key, reserved, agent.watch.steady()).await {
        Ok(signed) => signed,
        Err(error) => {
            // The budget stays held: whether anything was signed is not known, and the same bytes will do.
            agent.book.failed(spend, error.to_string()).await?;
            agent.heed(&error);
            return Err(SpendError::Token { spend, error });
        }
    };
    crate::crash::point("signed");
    crate::crash::gate("before-keep").await;
    let kept = agent.book.keep(signed).await?;
    crate::crash::point("kept");
    Ok(kept)
}

#[tracing::instrument(name = "ledger.submit", level = "debug", skip_all, fields(spend = kept.spend()))]
async fn forward(agent: &Agent, kept: Kept) -> Result<Spend, SpendError> {
    crate::crash::gate("before-forward").await;
    let Some(on_its_way) = agent.book.depart(&kept) else {
        // Frozen since it was signed: the signature stays here, and leaves when that is lifted.
        return Ok(agent.book.hold(kept.spend()).await?);
    };
    crate::crash::gate("departed").await;
    let digest = kept.transfer().payload().digest();
    let outcome = match agent.ledger.submit(kept.transfer()).await {
        Ok(outcome) => outcome.into(),
        Err(LedgerError::Refused(refusal)) => Outcome::Refused(refusal.to_string()),
        // Not known whether it arrived: the same bytes are sent again later, never others.
        Err(error) => return Ok(agent.book.failed(kept.spend(), error.to_string()).await?),
    };
    crate::crash::point("forwarded");
    let is_refused = matches!(outcome, Outcome::Refused(_));
    let spend = agent.book.settle(kept.spend(), digest, outcome).await?;
    if !is_refused {
        on_its_way.arrived();
    }
    Ok(spend)
}

/// Why there is no answer; nothing was paid twice, and asking again with the same key is safe.
#[derive(Debug, thiserror::Error)]
pub enum SpendError {
    /// The agent has no such account.
    #[error("there is no account {asked:?}; this agent has {known}")]
    Account {
        /// What was asked for.
        asked: Name,
        /// What there is.
        known: String,
    },
    /// The request is not a payment.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The key belongs to another request.
    #[error("this Idempotency-Key was used for another request, spend {0}; use a new key for a new payment")]
    Conflict(u64),
    /// The clock jumped.
    #[error(transparent)]
    Suspect(#[from] Suspect),
    /// The book is busy, or its disk failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The token did not sign; the reservation is held.
    #[error("{error}; the payment is held as spend {spend}: ask again with the same key when that is mended")]
    Token {
        /// The spend's id.
        spend: u64,
        /// What happened.
        error: TokenError,
    },
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers ({0}); nothing was signed")]
    Random(String),
}
