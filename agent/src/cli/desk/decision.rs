//! A signed decision on its way to the agent.

use std::fmt;

use bursar_core::approval::{
    ApprovalError, BreakGlass, Freeze, Lift, PolicyChange, Signed, Statement as _, Verdict, Vote,
};
use bursar_core::envelope::Envelope;
use bursar_core::name::Name;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::id::Id;
use crate::cli::client::Ask;

/// Where it is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Route {
    /// Decisions on payments.
    #[serde(rename = "/v1/votes")]
    Votes,
    /// Decisions on policy bundles.
    #[serde(rename = "/v1/agreements")]
    Agreements,
    /// Accounts that stop.
    #[serde(rename = "/v1/freezes")]
    Freezes,
    /// Decisions whether they go on.
    #[serde(rename = "/v1/lifts")]
    Lifts,
}

impl Route {
    fn path(self) -> &'static str {
        match self {
            Self::Votes => "/v1/votes",
            Self::Agreements => "/v1/agreements",
            Self::Freezes => "/v1/freezes",
            Self::Lifts => "/v1/lifts",
        }
    }
}

/// A decision whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// On a payment.
    Vote(Box<Vote>),
    /// On a policy bundle, and its number where it is known.
    Change(Signed<PolicyChange>, Option<u64>),
    /// On a bundle for an emergency, and its number where it is known.
    BreakGlass(Signed<BreakGlass>, Option<u64>),
    /// An account stops.
    Freeze(Signed<Freeze>),
    /// Whether it goes on.
    Lift(Signed<Lift>),
}

/// A line of a file of decisions, and what is posted: `{"route":"/v1/votes","body":{…}}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    route: Route,
    body: Box<RawValue>,
}

impl Decision {
    fn route(&self) -> Route {
        match self {
            Self::Vote(_) => Route::Votes,
            Self::Change(..) | Self::BreakGlass(..) => Route::Agreements,
            Self::Freeze(_) => Route::Freezes,
            Self::Lift(_) => Route::Lifts,
        }
    }

    fn body(&self) -> Box<RawValue> {
        let json = match self {
            Self::Vote(vote) => vote.to_json(),
            Self::Change(signed, _) => signed.to_json(),
            Self::BreakGlass(signed, _) => signed.to_json(),
            Self::Freeze(signed) => signed.to_json(),
            Self::Lift(signed) => signed.to_json(),
        };
        // What a statement writes is JSON.
        RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }

    /// The question that delivers it.
    pub fn to_ask(&self) -> Ask {
        Ask::post(self.route().path(), &self.body())
    }

    /// As a line of a file, without its end.
    pub fn to_line(&self) -> String {
        // A route and a JSON text become JSON.
        serde_json::to_string(&Wire { route: self.route(), body: self.body() }).unwrap_or_default()
    }

    /// Reads a line of a file, and verifies what it carries.
    pub fn from_line(line: &[u8]) -> Result<Self, String> {
        let Wire { route, body } = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let body = body.get().as_bytes();
        let read = || -> Result<Self, ApprovalError> {
            Ok(match route {
                Route::Votes => Self::Vote(Box::new(Vote::parse(body)?)),
                Route::Freezes => Self::Freeze(Signed::parse(body)?),
                Route::Lifts => Self::Lift(Signed::parse(body)?),
                Route::Agreements => {
                    let envelope = Envelope::from_json(body)?;
                    if envelope.payload_type == BreakGlass::PAYLOAD_TYPE {
                        Self::BreakGlass(Signed::from_envelope(&envelope)?, None)
                    } else {
                        Self::Change(Signed::from_envelope(&envelope)?, None)
                    }
                }
            })
        };
        read().map_err(|error| error.to_string())
    }

    /// Who decides.
    pub fn person(&self) -> &Name {
        match self {
            Self::Vote(vote) => &vote.ballot().statement().approver,
            Self::Change(signed, _) => &signed.statement().administrator,
            Self::BreakGlass(signed, _) => &signed.statement().approver,
            Self::Freeze(signed) => &signed.statement().approver,
            Self::Lift(signed) => &signed.statement().approver,
        }
    }

    /// Yes or no; a freeze is neither.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Vote(vote) => Some(vote.ballot().statement().verdict),
            Self::Change(signed, _) => Some(signed.statement().verdict),
            Self::BreakGlass(signed, _) => Some(signed.statement().verdict),
            Self::Freeze(_) => None,
            Self::Lift(signed) => Some(signed.statement().verdict),
        }
    }
}

/// What it is about, as people name it.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vote(vote) => Id::Payment(vote.item().request).fmt(f),
            Self::Change(_, Some(number)) | Self::BreakGlass(_, Some(number)) => Id::Policy(*number).fmt(f),
            Self::Change(signed, None) => write!(f, "policy version {}", signed.statement().version),
            Self::BreakGlass(signed, None) => write!(f, "policy version {}", signed.statement().version),
            Self::Freeze(signed) => write!(f, "freeze-{}", signed.statement().account),
            Self::Lift(signed) => Id::Lift(signed.statement().account.clone()).fmt(f),
        }
    }
}
