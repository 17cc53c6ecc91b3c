//! Stopping an account, and letting it go on.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use bursar_core::approval::Signed;
use serde_json::Value;

use super::inbox::{bytes, unreadable};
use super::proposals::agreed;
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;

/// Takes a person's signed word that nothing leaves an account any more.
#[utoipa::path(post, path = "/v1/freezes", request_body = Object,
    responses((status = 200, description = "the account is frozen"), (status = 400), (status = 409, description = "it does not count; says why")))]
pub async fn freeze(
    State(shared): State<Shared>,
    Named(caller): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let freeze = Signed::parse(&bytes(body)?).map_err(unreadable)?;
    let account = freeze.statement() as &bursar_core::approval::Freeze;
    tracing::warn!(account = %account.account, by = %account.approver, "FREEZE");
    let answer = shared.agent.book.freeze(freeze).await?;
    agreed(&shared, caller.name.to_string(), "POST /v1/freezes", answer).await
}

/// Takes a person's signed decision whether a frozen account goes on.
#[utoipa::path(post, path = "/v1/lifts", request_body = Object,
    responses((status = 200, description = "it counts; settled when the account goes on"), (status = 400), (status = 404), (status = 409)))]
pub async fn lift(
    State(shared): State<Shared>,
    Named(caller): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let lift = Signed::parse(&bytes(body)?).map_err(unreadable)?;
    let answer = shared.agent.book.lift(lift).await?;
    agreed(&shared, caller.name.to_string(), "POST /v1/lifts", answer).await
}
