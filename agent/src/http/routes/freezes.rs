//! Stopping an account, and letting it go on.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use bursar_core::approval::{Freeze, Lift, Signed};
use serde_json::{Value, json};

use super::inbox::{bytes, signed};
use super::proposals::agreed;
use crate::book::{Agreement, Which};
use crate::config::LedgerConfig;
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;
use crate::spend::SpendError;

/// How long a freeze waits for what is on its way to the ledger already.
const ARRIVAL: Duration = Duration::from_secs(1);

/// Takes a person's signed word that nothing leaves an account any more. What was handed to the ledger
/// just before, and has no answer yet, is named under `on_their_way`.
#[utoipa::path(post, path = "/v1/freezes", request_body = Object,
    responses((status = 200, description = "the account is frozen; `on_their_way` lists the spends that the ledger may still record, and `handed_out` says that there is none and what was handed out before stays valid"), (status = 400), (status = 409, description = "it does not count; says why")))]
pub async fn freeze(
    State(shared): State<Shared>,
    Named(caller): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    const ROUTE: &str = "POST /v1/freezes";
    let freeze = signed(&shared, &caller, ROUTE, Signed::<Freeze>::parse(&bytes(body)?)).await?;
    let Freeze { account, approver, .. } = freeze.statement().clone();
    if shared.agent.keys.account(account.as_str()).is_none() {
        // Better said than believed to be stopped.
        return Err(SpendError::Account { asked: account, known: shared.agent.account_names() }.into());
    }
    let answer = shared.agent.book.freeze(freeze).await?;
    if matches!(answer, Agreement::Settled) {
        tracing::warn!(%account, by = %approver, "FREEZE: nothing leaves the account");
        // The token remembers it at once, so that an older book is noticed; who froze does not wait for it.
        let agent = shared.agent.clone();
        tokio::spawn(async move {
            if let Err(error) = agent.anchor().await {
                tracing::error!(%error, "the anchor could not be written");
            }
        });
    }
    let settled = matches!(answer, Agreement::Settled);
    let Json(mut says) = agreed(&shared, &caller, ROUTE, answer).await?;
    if settled {
        says["on_their_way"] = json!(shared.agent.book.on_their_way(&account, ARRIVAL).await);
        // Without a ledger nobody says what became of those; each ends when its own time has passed.
        if matches!(shared.agent.config.ledger, LedgerConfig::None { .. }) {
            says["handed_out"] = json!(true);
        }
    }
    Ok(Json(says))
}

/// Takes a person's signed decision whether a frozen account goes on.
#[utoipa::path(post, path = "/v1/lifts", request_body = Object,
    responses((status = 200, description = "it counts; settled when the account goes on"), (status = 400), (status = 404), (status = 409)))]
pub async fn lift(
    State(shared): State<Shared>,
    Named(caller): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    const ROUTE: &str = "POST /v1/lifts";
    let lift = signed(&shared, &caller, ROUTE, Signed::<Lift>::parse(&bytes(body)?)).await?;
    let account = lift.statement().account.clone();
    let answer = shared.agent.book.lift(lift).await?;
    if matches!(answer, Agreement::Settled) {
        tracing::warn!(%account, "the freeze is lifted: the account goes on");
        // What it stopped on its way goes on at once, and not with the next look.
        let agent = shared.agent.clone();
        tokio::spawn(async move { agent.resume(Which::All).await });
    }
    agreed(&shared, &caller, ROUTE, answer).await
}
