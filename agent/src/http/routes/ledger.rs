//! The embedded ledger at a glance.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{blocking, placed};
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;
use crate::http::wire::LedgerView;

/// Name, id, assets, balances, size and root; the id alone where there is no embedded ledger.
#[utoipa::path(get, path = "/v1/ledger", responses((status = 200, description = "the ledger")))]
pub async fn show(State(shared): State<Shared>, Named(caller): Named) -> Result<Json<Value>, Problem> {
    let Some(embedded) = shared.agent.embedded.clone() else {
        return Ok(Json(json!({ "id": shared.agent.ledger.id(), "kind": "none" })));
    };
    let place = shared.shares.read(&caller.name).await;
    let overview =
        placed(
            place,
            async move { Ok::<_, Problem>(blocking(move || embedded.reader()?.overview()).await??) },
        );
    let overview = overview.await?;
    Ok(Json(json!(LedgerView::from(overview))))
}
