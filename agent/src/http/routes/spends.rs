//! Payments: create, get, list, envelope, receipt.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bursar_core::log::Hash;
use serde::Deserialize;

use super::inbox::current;
use super::{blocking, reading};
use crate::book::read;
use crate::book::request::{IdempotencyKey, SpendRequest};
use crate::book::view::{self, Spend};
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;
use crate::http::input::{Object, Path, Query};
use crate::http::wire::Spends;
use crate::ledger::embedded::Embedded;
use crate::ledger::embedded::proof::{ProvenReceipt, ReceiptError};

const KEY: &str = "idempotency-key";

/// Pays, or issues.
#[utoipa::path(post, path = "/v1/spends", request_body = SpendRequest,
    params(("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters; the same key and body again gives the stored answer")),
    responses(
        (status = 201, description = "recorded, or signed and handed out", body = Spend),
        (status = 202, description = "allowed and not finished; ask for it again", body = Spend),
        (status = 400, description = "no key, or not a request"),
        (status = 403, description = "denied: problem details with the rule and what would be allowed"),
        (status = 409, description = "the key was used for another request"),
        (status = 422, description = "unknown account, or not an amount"),
        (status = 503, description = "busy, token away, disk failed or clock suspect; Retry-After"),
    ))]
pub async fn create(
    State(shared): State<Shared>,
    Named(caller): Named,
    headers: HeaderMap,
    body: Result<Json<Object<SpendRequest>>, JsonRejection>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let Json(Object(request)) = body?;
    let Ok(place) = shared.spends.clone().try_acquire_owned() else {
        let detail = "too many payments are under way; try again in a second with the same key".to_owned();
        return Err(Problem::later("busy", "Too many requests are waiting", detail));
    };
    // A task of its own: a caller that hangs up does not stop a payment half way.
    let payment = tokio::spawn(async move {
        let spend = crate::spend::spend(&shared.agent, caller, key, request).await;
        drop(place);
        spend
    });
    let spend = payment.await.map_err(|_| {
        Problem::later(
            "unavailable",
            "The payment stopped",
            "ask again with the same key; the log says why".to_owned(),
        )
    })??;
    Ok(answer(&spend))
}

pub(super) fn answer(spend: &Spend) -> Response {
    let status = match spend.state {
        view::State::Denied => return Problem::denied(spend).into_response(),
        view::State::Recorded | view::State::HandedOut => StatusCode::CREATED,
        view::State::Waiting | view::State::Reserved | view::State::Signed | view::State::Refused => {
            StatusCode::ACCEPTED
        }
        view::State::Expired => StatusCode::OK,
    };
    (status, [(header::LOCATION, format!("/v1/spends/{}", spend.id))], Json(spend)).into_response()
}

fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let wrong =
        |detail: String| Problem::new(400, "idempotency-key", "An Idempotency-Key is required", detail);
    let mut keys = headers.get_all(KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(wrong("send exactly one Idempotency-Key header, a new one for each payment".to_owned()));
    };
    let text = key.to_str().unwrap_or_default();
    text.parse().map_err(|error: crate::book::request::RequestError| wrong(error.to_string()))
}

/// Which part of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only spends with a lower id.
    before: Option<u64>,
    /// At most this many; 100 if absent, 1,000 at most.
    limit: Option<u32>,
}

/// Lists spends, newest first.
#[utoipa::path(get, path = "/v1/spends", params(Page), responses((status = 200, body = Spends)))]
pub async fn list(State(shared): State<Shared>, Query(page): Query<Page>) -> Result<Json<Spends>, Problem> {
    let limit = page.limit.unwrap_or(100);
    let spends =
        reading(&shared.agent, read::open, move |book| read::spends(book, page.before, limit)).await?;
    Ok(Json(Spends { spends }))
}

/// Shows one spend.
#[utoipa::path(get, path = "/v1/spends/{id}", responses((status = 200, body = Spend), (status = 404)))]
pub async fn show(State(shared): State<Shared>, Path(id): Path<u64>) -> Result<Json<Spend>, Problem> {
    let spend = reading(&shared.agent, read::open, move |book| read::spend(book, id)).await?;
    match spend {
        // Only the book knows who has approved it so far.
        Some(spend) if spend.state == view::State::Waiting => current(&shared, id).await.map(Json),
        Some(spend) => Ok(Json(spend)),
        None => Err(Problem::not_found(&format!("spend {id}"))),
    }
}

/// The signed DSSE envelope of a spend.
#[utoipa::path(get, path = "/v1/spends/{id}/envelope", responses((status = 200, description = "DSSE envelope"), (status = 404)))]
pub async fn envelope(State(shared): State<Shared>, Path(id): Path<u64>) -> Result<Response, Problem> {
    let envelope = reading(&shared.agent, read::open, move |book| match read::spend(book, id)? {
        // What is signed and has not left yet may still be stopped.
        Some(Spend { state: view::State::Signed, .. }) => Ok(None),
        _ => read::envelope(book, id),
    })
    .await?;
    let envelope = envelope.ok_or_else(|| Problem::not_found(&format!("signed envelope of spend {id}")))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], envelope.to_json()).into_response())
}

/// The ledger's receipt of a spend, with everything to verify it offline.
#[utoipa::path(get, path = "/v1/spends/{id}/receipt", responses((status = 200, description = "record, inclusion proof, signed checkpoint"), (status = 404)))]
pub async fn receipt(State(shared): State<Shared>, Path(id): Path<u64>) -> Result<Response, Problem> {
    let missing =
        || Problem::not_found(&format!("receipt of spend {id}; a spend has one when it is recorded"));
    let spend = reading(&shared.agent, read::open, move |book| read::spend(book, id)).await?;
    let digest =
        spend.filter(|spend| spend.receipt.is_some()).and_then(|spend| spend.digest).ok_or_else(missing)?.0;
    let embedded = shared.agent.embedded.clone().ok_or_else(missing)?;
    let unavailable = |error: String| Problem::later("unavailable", "The receipt could not be made", error);
    let proven = match prove(embedded.clone(), digest).await? {
        Err(ReceiptError::NotCovered(_)) => {
            shared.agent.ledger_checkpoint().await.map_err(|error| unavailable(error.to_string()))?;
            prove(embedded, digest).await?
        }
        proven => proven,
    };
    Ok(Json(proven.map_err(|error| unavailable(error.to_string()))?).into_response())
}

/// By digest: the book's position alone would prove whatever the ledger has there.
async fn prove(
    embedded: Arc<Embedded>,
    digest: Hash,
) -> Result<Result<ProvenReceipt, ReceiptError>, Problem> {
    blocking(move || {
        let reader = embedded.reader()?;
        let receipt = reader.receipt(&digest)?;
        reader.prove(receipt.map_or(u64::MAX, |receipt| receipt.position))
    })
    .await
}
