//! Accounts and keys.

use axum::Json;
use axum::extract::State;

use super::placed;
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;
use crate::http::wire::{AccountView, KeyView};

/// Lists the accounts.
#[utoipa::path(get, path = "/v1/accounts", responses((status = 200, body = Vec<AccountView>)))]
pub async fn accounts(State(shared): State<Shared>) -> Json<Vec<AccountView>> {
    let view = shared.agent.keys.accounts().map(|(name, key)| AccountView {
        name: name.clone(),
        key: *key.public(),
        address: key.public().address(),
        label: key.label().to_owned(),
    });
    Json(view.collect())
}

/// Lists every key in the token, and its role.
#[utoipa::path(get, path = "/v1/keys", responses((status = 200, body = Vec<KeyView>), (status = 503)))]
pub async fn keys(State(shared): State<Shared>, Named(caller): Named) -> Result<Json<Vec<KeyView>>, Problem> {
    let place = shared.shares.read(&caller.name).await;
    let agent = shared.agent.clone();
    let keys = placed(place, async move { agent.token.keys().await }).await?;
    let view = keys.into_iter().map(|(key, _)| KeyView {
        label: key.label().to_owned(),
        key: *key.public(),
        role: shared.agent.keys.role(key.public()),
    });
    Ok(Json(view.collect()))
}
