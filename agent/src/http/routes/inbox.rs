//! What waits for a person, and their decisions on payments.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use bursar_core::approval::{ApprovalError, NotCounted, Vote};
use serde_json::json;

use super::reading;
use super::spends::answer;
use crate::book::inbox::Inbox;
use crate::book::turned_away::Refusal;
use crate::book::{Unfinished, Voted, not_counted, read};
use crate::http::Shared;
use crate::http::caller::Named;
use crate::http::error::Problem;
use crate::http::input::Path;
use crate::http::wire::Votes;
use crate::spend::SpendError;

/// Everything that waits for a person: payments, policy bundles, frozen accounts.
#[utoipa::path(get, path = "/v1/inbox", responses((status = 200, description = "payments, proposals, frozen accounts; and the policy that decisions are about")))]
pub async fn show(State(shared): State<Shared>) -> Result<Json<Inbox>, Problem> {
    Ok(Json(shared.agent.book.inbox().await?))
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
    let vote = Vote::parse(&bytes(body)?).map_err(unreadable)?;
    let reserved = match shared.agent.book.vote(vote).await? {
        Voted::Reserved(reserved) => reserved,
        Voted::Counted(spend) => return Ok(answer(&spend)),
        Voted::NotCounted(why) => {
            return Err(discounted(&shared, caller.name.to_string(), "POST /v1/votes", &why).await);
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
    let (spend, place) = (reserved.spend(), shared.spends.clone().acquire_owned().await);
    let agent = shared.agent.clone();
    // A task of its own: an approver who hangs up does not stop a payment half way.
    let payment = tokio::spawn(async move {
        let done = crate::spend::resume(&agent, Unfinished::Reserved(reserved)).await;
        drop(place);
        done
    });
    match payment.await {
        Ok(done) => Ok(answer(&done?)),
        Err(_) => Err(Problem::later(
            "unavailable",
            "The payment stopped",
            format!("the decision counts, and spend {spend} is finished later; the log says why it stopped"),
        )),
    }
}

/// The decisions on a payment that had to wait for them, to be verified offline.
#[utoipa::path(get, path = "/v1/spends/{id}/approvals", responses((status = 200, body = Votes), (status = 404)))]
pub async fn approvals(State(shared): State<Shared>, Path(id): Path<u64>) -> Result<Json<Votes>, Problem> {
    let votes = reading(&shared.agent, read::open, move |book| read::votes(book, id)).await?;
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

pub(super) fn unreadable(error: ApprovalError) -> Problem {
    Problem::new(400, "statement", "This is not a signed statement", error.to_string())
}

/// Forged, repeated, self-made, revoked, expired, about something else: it does not count, and that
/// is written down.
pub(super) async fn discounted(shared: &Shared, who: String, route: &str, why: &NotCounted) -> Problem {
    let refusal = Refusal { who, route: route.to_owned(), why: not_counted(why) };
    if let Err(error) = shared.agent.book.turned_away(refusal).await {
        tracing::error!(%error, "a refusal was not recorded");
    }
    let detail = format!("the decision of {} does not count: {}", why.approver, why.why);
    Problem::new(409, "not-counted", "This decision does not count", detail)
        .with("code", json!(why.code))
        .with("approver", json!(why.approver))
}
