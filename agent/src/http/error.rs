//! What callers hear when there is no answer: RFC 9457 problem details.

use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::book::draft::DraftError;
use crate::book::view::Spend;
use crate::spend::SpendError;
use crate::store::{StoreError, WriteError};
use crate::token::TokenError;

/// A problem; its type is `urn:bursar:problem:KIND`.
#[derive(Debug)]
pub struct Problem {
    status: u16,
    kind: &'static str,
    title: &'static str,
    detail: String,
    retry_after: bool,
    more: Map<String, Value>,
}

impl Problem {
    /// A problem without further members.
    pub fn new(status: u16, kind: &'static str, title: &'static str, detail: String) -> Self {
        Self { status, kind, title, detail, retry_after: false, more: Map::new() }
    }

    /// Not now; `Retry-After: 1`.
    pub fn later(kind: &'static str, title: &'static str, detail: String) -> Self {
        Self { retry_after: true, ..Self::new(503, kind, title, detail) }
    }

    /// One caller takes too much; `Retry-After: 1` (RFC 6585, section 4).
    pub fn too_many(detail: String) -> Self {
        const TITLE: &str = "This caller has too much under way";
        Self { retry_after: true, ..Self::new(429, "too-many", TITLE, detail) }
    }

    /// There is no place for a connection, on which nothing was read; `Retry-After: 1`.
    pub fn no_place(detail: String) -> Self {
        const TITLE: &str = "Too many connections";
        Self { retry_after: true, ..Self::new(429, "no-place", TITLE, detail) }
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// A spend that the policy denied, with the rule and what would be allowed.
    pub fn denied(spend: &Spend) -> Self {
        let detail = spend.reason.clone().unwrap_or_default();
        let code = spend.denial.as_ref().and_then(|denial| serde_json::to_value(denial.code).ok());
        Self::new(403, "denied", "The policy does not allow this payment", detail)
            .with("code", code.unwrap_or_default())
            .with("rule", json!(spend.rule))
            .with("spend", json!(spend))
    }

    /// The record or spend does not exist.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not-found", "There is no such thing", format!("there is no {what}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = self.more;
        body.insert("type".to_owned(), json!(format!("urn:bursar:problem:{}", self.kind)));
        body.insert("title".to_owned(), json!(self.title));
        body.insert("status".to_owned(), json!(self.status));
        body.insert("detail".to_owned(), json!(self.detail));
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
        if self.retry_after {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status().as_u16();
        let (kind, title) = match status {
            413 => ("too-large", "The request is too large"),
            415 => ("media-type", "The request is not JSON"),
            _ => ("malformed", "The request cannot be read"),
        };
        Self::new(if status == 422 { 400 } else { status }, kind, title, rejection.body_text())
    }
}

impl From<SpendError> for Problem {
    fn from(error: SpendError) -> Self {
        let detail = error.to_string();
        match error {
            SpendError::Account { .. } => {
                Self::new(422, "unknown-account", "There is no such account", detail)
            }
            SpendError::Draft(DraftError::Amount(_)) => {
                Self::new(422, "amount", "This is not an amount", detail)
            }
            SpendError::Draft(DraftError::Transfer(_)) => {
                Self::new(422, "transfer", "This is not a payment", detail)
            }
            SpendError::Conflict(spend) => {
                Self::new(409, "idempotency-conflict", "The key belongs to another request", detail)
                    .with("spend", json!(spend))
            }
            SpendError::Suspect(_) => Self::later("clock-suspect", "The clock cannot be trusted", detail),
            SpendError::Write(WriteError::Busy) => {
                Self::later("busy", "Too many requests are waiting", detail)
            }
            SpendError::Write(WriteError::Unknown(_)) => {
                Self::later("unavailable", "The disk failed", detail)
            }
            SpendError::Token { spend, .. } => {
                Self::later("token", "The token did not sign", detail).with("spend", json!(spend))
            }
            SpendError::Random(_) => Self::later("unavailable", "There are no random numbers", detail),
        }
    }
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        Self::from(SpendError::Write(error))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a file could not be read");
        Self::later(
            "unavailable",
            "A file could not be read",
            "a file could not be read; the agent's log says why".to_owned(),
        )
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::later("token", "The token did not answer", error.to_string())
    }
}

/// No such route.
pub async fn no_route() -> Problem {
    Problem::not_found("route of this name; /openapi.json lists them all")
}

/// No such method on this route.
pub async fn no_method() -> Problem {
    Problem::new(405, "method", "This method is not allowed here", "/openapi.json lists what is".to_owned())
}

/// The request took too long.
pub fn too_slow() -> Response {
    Problem::later(
        "timeout",
        "This took too long",
        "ask again with the same Idempotency-Key; a payment that was begun is finished meanwhile".to_owned(),
    )
    .into_response()
}
