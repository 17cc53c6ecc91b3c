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
    let _one = shared.questions.acquire().await;
    let agent = shared.agent.clone();
    // The device may hang; the answer may not.
    let token = tokio::task::spawn_blocking(move || agent.token.health());
    match tokio::time::timeout(std::time::Duration::from_secs(2), token).await {
        Ok(Ok(health)) => health?,
        _ => {
            let detail = "the token has not answered for 2 s; look at the device, then start the agent again"
                .to_owned();
            return Err(Problem::later("token", "The token does not answer", detail));
        }
    }
    let head = shared.agent.book.head().await?;
    let waiting = crate::store::QUEUE - shared.agent.book.room();
    Ok(Json(json!({ "status": "ready", "records": head.size, "waiting": waiting })))
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
