//! The audit log: records and checkpoint.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{placed, reading};
use crate::agent::AgentError;
use crate::book::read;
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;
use crate::http::input::Query;
use crate::http::wire::Records;

/// Which part of the log.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The first position; 0 if absent.
    from: Option<u64>,
    /// At most this many; 100 if absent, 1,000 at most.
    limit: Option<u32>,
}

/// Records in order, each in the exact bytes that are the leaf of the Merkle log.
#[utoipa::path(get, path = "/v1/audit/records", params(Range), responses((status = 200, body = Records)))]
pub async fn records(
    State(shared): State<Shared>,
    Named(caller): Named,
    Query(range): Query<Range>,
) -> Result<Json<Records>, Problem> {
    let (from, limit) = (range.from.unwrap_or(0), range.limit.unwrap_or(100).min(read::PAGE));
    let records =
        reading(&shared, &caller.name, read::open, move |book| read::raw_records(book, from, limit)).await?;
    let full = limit > 0 && records.len() as u64 == u64::from(limit);
    Ok(Json(Records { next: full.then_some(from.saturating_add(u64::from(limit))), records }))
}

/// A checkpoint of the log as it is now, in C2SP format, signed by the audit key.
#[utoipa::path(get, path = "/v1/audit/checkpoint", responses((status = 200, description = "signed note", content_type = "text/plain"), (status = 503)))]
pub async fn checkpoint(State(shared): State<Shared>, Named(caller): Named) -> Result<Response, Problem> {
    let unsigned = |error: AgentError| {
        Problem::later("unavailable", "The checkpoint could not be signed", error.to_string())
    };
    let place = shared.shares.read(&caller.name).await;
    let sign = async move { shared.agent.audit_checkpoint().await.map_err(unsigned) };
    let signed = placed(place, sign).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], signed.as_str().to_owned()).into_response())
}
