//! What waits for a person, and their decisions on payments.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use bursar_core::approval::{ApprovalError, Code, NotCounted, Vote};
use serde::Deserialize;
use serde_json::json;

use super::spends::{answer, seen};
use super::{placed, reading};
use crate::book::inbox::{Inbox, Part};
use crate::book::turned_away::Refusal;
use crate::book::view::Spend;
use crate::book::{Voted, not_counted, read};
use crate::caller::Identity;
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;
use crate::http::input::{Path, Query};
use crate::http::wire::Votes;
use crate::spend::SpendError;

const ROUTE: &str = "POST /v1/votes";

/// Which part of what waits.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only payments with a higher id, oldest first; what is no payment stands on the first page alone.
    after: Option<u64>,
    /// At most this many payments; 100 if absent, 1,000 at most.
    limit: Option<u32>,
}

/// Everything that waits for a person: payments, policy bundles, frozen accounts. Who is no approver,
/// auditor or administrator sees what it has asked for itself.
#[utoipa::path(get, path = "/v1/inbox", params(Page), responses((status = 200, description = "payments, proposals, frozen accounts; the policy that decisions are about; and `next`, to go on after, until the last page")))]
pub async fn show(
    State(shared): State<Shared>,
    Named(caller): Named,
    Query(page): Query<Page>,
) -> Result<Json<Inbox>, Problem> {
    let limit = usize::try_from(page.limit.unwrap_or(100)).unwrap_or(usize::MAX);
    let part = Part { after: page.after, limit, of: caller.sight().cloned() };
    let place = shared.shares.question(&caller.name).await;
    Ok(Json(placed(place, async move { shared.agent.book.inbox(part).await }).await?))
}

/// Takes a person's signed decision on one payment that waits. The decision that completes a quorum
/// has the payment judged again, signed and forwarded.
#[utoipa::path(post, path = "/v1/votes", request_body = Object,
    responses(
        (status = 201, description = "it was the last one missing; the payment is recorded", body = crate::book::view::Spend),
        (status = 202, description = "it counts; the payment waits for others, or is not finished", body = crate::book::view::Spend),
        (status = 400, description = "no vote, or its signature or proof does not hold"),
        (status = 403, description = "the payment is denied now: by this refusal, or because the policy says so"),
        (status = 404, description = "no such payment"),
        (status = 409, description = "the decision does not count, or nothing waits any more; says why"),
        (status = 503)))]
pub async fn vote(
    State(shared): State<Shared>,
    Named(caller): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let vote = signed(&shared, &caller, ROUTE, Vote::parse(&bytes(body)?)).await?;
    let turn = match shared.agent.book.vote(vote).await? {
        Voted::Complete(turn) => turn,
        Voted::Counted(spend) => return Ok(answer(&spend)),
        Voted::NotCounted(why) => {
            return Err(discounted(&shared, &caller, ROUTE, &why).await);
        }
        Voted::Over(spend) => {
            let detail = format!("spend {} does not wait for approvals; it is {}", spend.id, spend.state);
            return Err(
                Problem::new(409, "over", "Nothing waits for this", detail).with("spend", json!(spend))
            );
        }
        Voted::Unknown(spend) => return Err(Problem::not_found(&format!("spend {spend} that waits"))),
        Voted::Suspect(suspect) => return Err(SpendError::Suspect(suspect).into()),
    };
    let spend = turn.spend;
    let (agent, shares) = (shared.agent.clone(), shared.shares.clone());
    // A task of its own: an approver who hangs up does not stop a payment half way.
    let payment = tokio::spawn(async move {
        let turn = agent.turns.wait(turn.of).await;
        let place = shares.spend_in_turn(&caller.name).await;
        let done = crate::spend::go_on(&agent, turn, spend).await;
        drop(place);
        done
    });
    match payment.await {
        Ok(done) => match done? {
            Some(spend) => Ok(answer(&spend)),
            // Whoever asked for it has asked again, and that was faster.
            None => current(&shared, spend).await.map(|spend| answer(&spend)),
        },
        Err(_) => Err(Problem::later(
            "unavailable",
            "The payment stopped",
            format!("the decision counts, and spend {spend} is finished later; the log says why it stopped"),
        )),
    }
}

/// A spend as of now.
pub(super) async fn current(shared: &Shared, spend: u64) -> Result<Spend, Problem> {
    let known = shared.agent.book.spend(spend).await?;
    known.ok_or_else(|| Problem::not_found(&format!("spend {spend}")))
}

/// The decisions on a payment that had to wait for them, to be verified offline.
#[utoipa::path(get, path = "/v1/spends/{id}/approvals", responses((status = 200, body = Votes), (status = 404)))]
pub async fn approvals(
    State(shared): State<Shared>,
    Named(caller): Named,
    Path(id): Path<u64>,
) -> Result<Json<Votes>, Problem> {
    let name = caller.name.clone();
    let votes = reading(&shared, &name, read::open, move |book| match seen(book, id, &caller)? {
        Some(_) => read::votes(book, id),
        None => Ok(None),
    });
    let votes = votes.await?;
    votes.map(|votes| Json(Votes { votes })).ok_or_else(|| Problem::not_found(&format!("spend {id}")))
}

/// The body as it is: what was signed is read by the type that was signed.
pub(super) fn bytes(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|rejection| {
        Problem::new(
            rejection.status().as_u16(),
            "malformed",
            "The request cannot be read",
            rejection.body_text(),
        )
    })
}

/// What somebody signed. A signature or a proof that does not hold is written down: it is forged.
pub(super) async fn signed<T>(
    shared: &Shared,
    caller: &Identity,
    route: &str,
    read: Result<T, ApprovalError>,
) -> Result<T, Problem> {
    let error = match read {
        Ok(statement) => return Ok(statement),
        Err(error) => error,
    };
    if matches!(error, ApprovalError::Signature { .. } | ApprovalError::Proof(_)) {
        turned_away(shared, caller, route, error.to_string(), None).await;
    }
    Err(Problem::new(400, "statement", "This is not a signed statement", error.to_string()))
}

/// Forged, repeated, self-made, revoked, expired, about something else: it does not count, and that
/// is written down.
pub(super) async fn discounted(shared: &Shared, caller: &Identity, route: &str, why: &NotCounted) -> Problem {
    turned_away(shared, caller, route, not_counted(why), Some(why.code)).await;
    let detail = format!("the decision of {} does not count: {}", why.approver, why.why);
    Problem::new(409, "not-counted", "This decision does not count", detail)
        .with("code", json!(why.code))
        .with("approver", json!(why.approver))
}

async fn turned_away(shared: &Shared, caller: &Identity, route: &str, why: String, code: Option<Code>) {
    let refusal = Refusal { who: caller.name.to_string(), route: route.to_owned(), why, code };
    if let Err(error) = shared.agent.book.turned_away(refusal).await {
        tracing::error!(%error, "a refusal was not recorded");
    }
}
