//! Payments: create, get, list, envelope, receipt.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bursar_core::log::Hash;
use rusqlite::Connection;
use serde::Deserialize;

use super::inbox::current;
use super::{blocking, placed, reading};
use crate::agent::Agent;
use crate::book::read;
use crate::book::request::{IdempotencyKey, SpendRequest};
use crate::book::view::{self, Spend};
use crate::caller::Identity;
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;
use crate::http::input::{Object, Path, Query};
use crate::http::wire::Spends;
use crate::ledger::embedded::Embedded;
use crate::ledger::embedded::proof::{ProvenReceipt, ReceiptError};
use crate::store::StoreError;

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
        (status = 429, description = "too many payments of this caller are under way; Retry-After"),
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
    let name = caller.name.clone();
    // First its turn, which a caller that hangs up does not wait for any more; then a place.
    let asks = crate::spend::in_turn(&shared.agent, caller, key).await;
    let place = shared.shares.spend(&name).map_err(|full| full.problem(&name))?;
    // A task of its own: a caller that hangs up does not stop a payment half way.
    let payment = tokio::spawn(async move {
        let spend = crate::spend::spend(&shared.agent, asks, request).await;
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

/// Lists spends, newest first: everybody's for approvers, auditors and administrators, for others what
/// they have asked for themselves. A page may be short, or empty, and not be the last: `next` says.
#[utoipa::path(get, path = "/v1/spends", params(Page), responses((status = 200, body = Spends)))]
pub async fn list(
    State(shared): State<Shared>,
    Named(caller): Named,
    Query(page): Query<Page>,
) -> Result<Json<Spends>, Problem> {
    let (name, of) = (caller.name.clone(), caller.sight().cloned());
    let limit = page.limit.unwrap_or(100);
    let list =
        reading(&shared, &name, read::open, move |book| read::spends(book, of.as_ref(), page.before, limit));
    let (spends, next) = list.await?;
    Ok(Json(Spends { spends, next }))
}

/// A spend; to a caller who may not see it, it is as if there were none.
pub(super) fn seen(book: &Connection, id: u64, caller: &Identity) -> Result<Option<Spend>, StoreError> {
    Ok(read::spend(book, id)?.filter(|spend| caller.sees(&spend.caller)))
}

/// Shows one spend.
#[utoipa::path(get, path = "/v1/spends/{id}", responses((status = 200, body = Spend), (status = 404)))]
pub async fn show(
    State(shared): State<Shared>,
    Named(caller): Named,
    Path(id): Path<u64>,
) -> Result<Json<Spend>, Problem> {
    let name = caller.name.clone();
    let spend = reading(&shared, &name, read::open, move |book| seen(book, id, &caller));
    match spend.await? {
        // Only the book knows who has approved it so far.
        Some(spend) if spend.state == view::State::Waiting => {
            let place = shared.shares.read(&name).await;
            placed(place, async move { current(&shared, id).await }).await.map(Json)
        }
        Some(spend) => Ok(Json(spend)),
        None => Err(Problem::not_found(&format!("spend {id}"))),
    }
}

/// The signed DSSE envelope of a spend.
#[utoipa::path(get, path = "/v1/spends/{id}/envelope", responses((status = 200, description = "DSSE envelope"), (status = 404)))]
pub async fn envelope(
    State(shared): State<Shared>,
    Named(caller): Named,
    Path(id): Path<u64>,
) -> Result<Response, Problem> {
    let name = caller.name.clone();
    let agent = shared.agent.clone();
    let envelope = reading(&shared, &name, read::open, move |book| match seen(book, id, &caller)? {
        // What is signed and has not left yet may still be stopped.
        None | Some(Spend { state: view::State::Signed, .. }) => Ok(None),
        // Whoever has not fetched it yet does not get it while nothing may leave.
        Some(Spend { state: view::State::HandedOut | view::State::Refused, account, .. })
            if agent.book.is_frozen(&account) =>
        {
            Ok(None)
        }
        Some(_) => read::envelope(book, id),
    });
    let envelope = envelope.await?;
    let envelope = envelope.ok_or_else(|| Problem::not_found(&format!("signed envelope of spend {id}")))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], envelope.to_json()).into_response())
}

/// The ledger's receipt of a spend, with everything to verify it offline.
#[utoipa::path(get, path = "/v1/spends/{id}/receipt", responses((status = 200, description = "record, inclusion proof, signed checkpoint"), (status = 404)))]
pub async fn receipt(
    State(shared): State<Shared>,
    Named(caller): Named,
    Path(id): Path<u64>,
) -> Result<Response, Problem> {
    let missing =
        || Problem::not_found(&format!("receipt of spend {id}; a spend has one when it is recorded"));
    let name = caller.name.clone();
    let spend = reading(&shared, &name, read::open, move |book| seen(book, id, &caller)).await?;
    let digest =
        spend.filter(|spend| spend.receipt.is_some()).and_then(|spend| spend.digest).ok_or_else(missing)?.0;
    let embedded = shared.agent.embedded.clone().ok_or_else(missing)?;
    let place = shared.shares.read(&name).await;
    Ok(Json(placed(place, proven(shared.agent, embedded, digest)).await?).into_response())
}

/// With a fresh checkpoint, if the last one does not cover it.
async fn proven(agent: Arc<Agent>, embedded: Arc<Embedded>, digest: Hash) -> Result<ProvenReceipt, Problem> {
    let unavailable = |error: String| Problem::later("unavailable", "The receipt could not be made", error);
    let proven = match prove(embedded.clone(), digest).await? {
        Err(ReceiptError::NotCovered(_)) => {
            agent.ledger_checkpoint().await.map_err(|error| unavailable(error.to_string()))?;
            prove(embedded, digest).await?
        }
        proven => proven,
    };
    proven.map_err(|error| unavailable(error.to_string()))
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
