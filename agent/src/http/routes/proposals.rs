//! Policy bundles: the one in force, and those that are put forward.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bursar_core::approval::{ApprovalError, BreakGlass, PolicyChange, Signed, Statement as _};
use bursar_core::envelope::Envelope;
use bursar_core::policy::Policy;
use serde::Deserialize;
use serde_json::{Value, json};

use super::inbox::{bytes, discounted, signed};
use super::{blocking, placed, reading};
use crate::agent::Agent;
use crate::book::hex::Hex;
use crate::book::lineage::{self, Shown};
use crate::book::read;
use crate::book::record::Way;
use crate::book::{Agreement, Install, Proposing, Statement, Which};
use crate::caller::Identity;
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;
use crate::http::input::{Object, Path, Query};
use crate::spend::SpendError;

/// A bundle to be put forward.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBundle {
    /// Its text, TOML.
    bundle: String,
    /// How it would come into force.
    #[serde(default = "change")]
    way: Way,
}

fn change() -> Way {
    Way::Change
}

/// The bundle in force, as it is written.
#[utoipa::path(get, path = "/v1/policy/bundle", responses((status = 200, description = "TOML", content_type = "application/toml")))]
pub async fn in_force(State(shared): State<Shared>) -> Result<Response, Problem> {
    Ok(toml(shared.agent.book.shown().await?.policy.text().to_owned()))
}

/// Where in the history of the policy.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// SHA-256 of the bundle after which it begins, 64 hex digits; only the last bundle if absent.
    #[param(value_type = Option<String>)]
    since: Option<Hex<32>>,
}

/// The bundles that came into force after one, each with the signed decisions by which it did.
#[utoipa::path(get, path = "/v1/policy/lineage", params(Since),
    responses((status = 200, description = "home, policy (sha-256 of the bundle in force), steps (at, bundle, agreements) oldest first, more, break_glass"), (status = 404, description = "that bundle was never in force here")))]
pub async fn lineage(
    State(shared): State<Shared>,
    Named(caller): Named,
    Query(Since { since }): Query<Since>,
) -> Result<Json<Shown>, Problem> {
    let stretch = shared.agent.book.lineage(since.map(|since| since.0)).await?;
    let stretch =
        stretch.ok_or_else(|| Problem::not_found("bundle with this hash in the policy's history"))?;
    let read = reading(&shared, &caller.name, read::open, move |book| lineage::shown(book, stretch));
    Ok(Json(read.await?))
}

/// A bundle that is put forward, as it is written.
#[utoipa::path(get, path = "/v1/proposals/{id}/bundle", responses((status = 200, description = "TOML", content_type = "application/toml"), (status = 404)))]
pub async fn bundle(
    State(shared): State<Shared>,
    Named(caller): Named,
    Path(id): Path<u64>,
) -> Result<Response, Problem> {
    let place = shared.shares.question(&caller.name).await;
    let text = placed(place, async move { shared.agent.book.proposed(id).await }).await?;
    text.map(toml).ok_or_else(|| Problem::not_found(&format!("proposal {id}")))
}

fn toml(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/toml")], text).into_response()
}

/// Puts a bundle forward: those who have to agree find it in their inbox.
#[utoipa::path(post, path = "/v1/proposals", request_body = NewBundle,
    responses((status = 200, description = "its number"), (status = 422, description = "no bundle, or it may not follow the one in force")))]
pub async fn propose(
    State(shared): State<Shared>,
    Named(caller): Named,
    body: Result<Json<Object<NewBundle>>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(Object(NewBundle { bundle, way })) = body?;
    let (place, agent) = (shared.shares.question(&caller.name).await, shared.agent.clone());
    let put = async move {
        let policy = parse(&agent, bundle).await?;
        let (hash, version) = (policy.hash(), policy.version());
        let put = agent.book.propose(Arc::new(policy), way, caller.name).await?;
        Ok::<_, Problem>((hash, version, put))
    };
    let (hash, version, put) = placed(place, put).await?;
    let number = match put {
        Proposing::Waits(number) => number,
        Proposing::Refused(why) => return Err(refused(why)),
        Proposing::Suspect(suspect) => return Err(SpendError::Suspect(suspect).into()),
    };
    Ok(Json(json!({ "proposal": number, "version": version, "policy": Hex(hash) })))
}

/// Beside the writer's thread, which goes on with payments meanwhile.
async fn parse(agent: &Agent, bundle: String) -> Result<Policy, Problem> {
    let policy =
        blocking(move || Policy::parse(&bundle)).await?.map_err(|error| refused(error.to_string()))?;
    agent.check_policy(&policy).map_err(|error| refused(error.to_string()))?;
    Ok(policy)
}

fn refused(detail: String) -> Problem {
    Problem::new(422, "policy", "This bundle cannot come into force", detail)
}

/// Takes a person's signed decision on a bundle that is put forward.
#[utoipa::path(post, path = "/v1/agreements", request_body = Object,
    responses((status = 200, description = "it counts"), (status = 400), (status = 404), (status = 409, description = "it does not count; says why")))]
pub async fn agree(
    State(shared): State<Shared>,
    Named(caller): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    const ROUTE: &str = "POST /v1/agreements";
    let statement = signed(&shared, &caller, ROUTE, statement(&bytes(body)?)).await?;
    let answer = shared.agent.book.agree(statement).await?;
    agreed(&shared, &caller, ROUTE, answer).await
}

fn statement(json: &[u8]) -> Result<Statement, ApprovalError> {
    let envelope = Envelope::from_json(json)?;
    Ok(if envelope.payload_type == BreakGlass::PAYLOAD_TYPE {
        Statement::BreakGlass(Signed::from_envelope(&envelope)?)
    } else {
        Statement::Change(Signed::<PolicyChange>::from_envelope(&envelope)?)
    })
}

/// What became of a decision on a bundle or a frozen account.
pub(super) async fn agreed(
    shared: &Shared,
    caller: &Identity,
    route: &str,
    answer: Agreement,
) -> Result<Json<Value>, Problem> {
    match answer {
        Agreement::Counted => Ok(Json(json!({ "state": "counted" }))),
        Agreement::Settled => Ok(Json(json!({ "state": "settled" }))),
        Agreement::NotCounted(why) => Err(discounted(shared, caller, route, &why).await),
        Agreement::Unknown => Err(Problem::not_found("bundle or frozen account that this is about")),
        Agreement::Suspect(suspect) => Err(SpendError::Suspect(suspect).into()),
    }
}

/// Puts a bundle in force that enough have agreed to.
#[utoipa::path(post, path = "/v1/proposals/{id}/install",
    responses((status = 200, description = "in force"), (status = 404), (status = 409, description = "too few agreed; says who is missing"), (status = 422)))]
pub async fn install(
    State(shared): State<Shared>,
    Named(caller): Named,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Problem> {
    let unknown = move || Problem::not_found(&format!("proposal {id}"));
    let (place, agent) = (shared.shares.question(&caller.name).await, shared.agent.clone());
    let find = async move {
        let text = agent.book.proposed(id).await?.ok_or_else(unknown)?;
        Ok::<_, Problem>(Arc::new(parse(&agent, text).await?))
    };
    let policy = placed(place, find).await?;
    match shared.agent.book.install(id, policy, caller.roles).await? {
        Install::InForce { version, until } => {
            if let Some(until) = until {
                tracing::warn!(version, %until, "BREAK-GLASS: another policy bundle is in force");
            } else {
                tracing::info!(version, "another policy bundle is in force");
            }
            // The token remembers the new one at once, so that an older book is noticed.
            if let Err(error) = shared.agent.anchor().await {
                tracing::error!(%error, "the anchor could not be written");
            }
            // What waited and needs nobody any more is signed at once, and not with the next look.
            let agent = shared.agent.clone();
            tokio::spawn(async move { agent.resume(Which::All).await });
            Ok(Json(json!({ "state": "in-force", "version": version, "until": until })))
        }
        Install::Missing { need, have } => {
            let names = |names: &[bursar_core::name::Name]| {
                names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            };
            let agreed = if have.is_empty() { "nobody has".to_owned() } else { names(&have) };
            let detail = format!(
                "{} of {} ({}) have to agree, and so far {agreed}",
                need.need,
                need.label,
                names(&need.from)
            );
            Err(Problem::new(409, "too-few", "Too few have agreed", detail)
                .with("need", json!(need.need))
                .with("have", json!(have)))
        }
        Install::Refused(why) => Err(refused(why)),
        Install::Unknown => Err(unknown()),
        Install::Suspect(suspect) => Err(SpendError::Suspect(suspect).into()),
    }
}
