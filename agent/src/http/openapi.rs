//! The API's description, made from the routes themselves.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::routes::{audit, freezes, health, inbox, keys, ledger, policy, proposals, spends};

/// Every route, as OpenAPI 3.1.
#[derive(OpenApi)]
#[openapi(
    info(title = "Bursar", description = "Signs only what a spend policy allows. Problems are RFC 9457."),
    paths(
        spends::create,
        spends::list,
        spends::show,
        spends::envelope,
        spends::receipt,
        inbox::approvals,
        inbox::show,
        inbox::vote,
        freezes::freeze,
        freezes::lift,
        proposals::in_force,
        proposals::lineage,
        proposals::bundle,
        proposals::propose,
        proposals::agree,
        proposals::install,
        keys::accounts,
        keys::keys,
        policy::show,
        policy::explain,
        audit::records,
        audit::checkpoint,
        ledger::show,
        health::live,
        health::ready,
        health::confirm_clock
    )
)]
struct Api;

/// The document.
pub async fn document() -> Response {
    let json = text();
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

/// The document as JSON.
pub fn text() -> String {
    Api::openapi().to_json().unwrap_or_default()
}
