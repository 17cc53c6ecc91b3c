//! The policy: show, and explain without spending.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use bursar_core::policy::BundleView;
use serde_json::{Value, json};

use super::placed;
use crate::book::Shown;
use crate::book::request::{IdempotencyKey, SpendRequest};
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;
use crate::http::input::Object;
use crate::spend::SpendError;

/// The bundle in force: rules, purposes, ledgers, payers, who decides what, and how full the budgets are.
#[utoipa::path(get, path = "/v1/policy", responses((status = 200, description = "hash, version, until (break-glass), assets, ledgers, payers, groups, approvers, administrators, break_glass, freeze, rules, budgets")))]
pub async fn show(State(shared): State<Shared>, Named(caller): Named) -> Result<Json<Value>, Problem> {
    let place = shared.shares.question(&caller.name).await;
    let ask = async move { shared.agent.book.shown().await };
    let Shown { policy, until, budgets } = placed(place, ask).await?;
    Ok(Json(json!(BundleView { until, ..BundleView::of(&policy, budgets) })))
}

/// What would be decided about a payment, rule by rule; nothing is spent or held.
#[utoipa::path(post, path = "/v1/policy/explain", request_body = SpendRequest,
    responses((status = 200, description = "verdict, deciding rule, conditions, budgets left, who has to approve, the smallest changes that would be allowed"), (status = 422)))]
pub async fn explain(
    State(shared): State<Shared>,
    Named(caller): Named,
    body: Result<Json<Object<SpendRequest>>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(Object(request)) = body?;
    let place = shared.shares.question(&caller.name).await;
    let ask = async move {
        let draft = crate::spend::draft(&shared.agent, caller, IdempotencyKey::none(), request)?;
        Ok::<_, SpendError>(shared.agent.book.explain(draft).await?)
    };
    let explanation = placed(place, ask).await?;
    Ok(Json(json!(explanation)))
}
