//! Is it alive, can it pay, is the clock right.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;

/// The process answers.
#[utoipa::path(get, path = "/healthz", responses((status = 200)))]
pub async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Token, book and queue can take a payment.
#[utoipa::path(get, path = "/readyz", responses((status = 200), (status = 503, description = "what is missing")))]
pub async fn ready(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    shared.probe.ask().await?;
    let head = shared.agent.book.head().await?;
    let waiting = crate::store::QUEUE - shared.agent.book.room();
    Ok(Json(
        json!({ "status": "ready", "records": head.size, "waiting": waiting, "device": shared.agent.token.about() }),
    ))
}

/// Takes the clock's time as right after it had jumped.
#[utoipa::path(post, path = "/v1/clock/confirm", responses((status = 200), (status = 503)))]
pub async fn confirm_clock(
    State(shared): State<Shared>,
    Named(caller): Named,
) -> Result<Json<Value>, Problem> {
    shared.agent.book.confirm_clock(caller.name).await?;
    Ok(Json(json!({ "status": "confirmed", "now": crate::clock::wall() })))
}
