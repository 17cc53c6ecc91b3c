//! Errors as the agent sends them: RFC 9457 problem details.

use std::time::Duration;

use serde::Deserialize;

use crate::book::view::Spend;
use crate::cli::exit::Exit;

/// What every type of ours begins with.
const PREFIX: &str = "urn:bursar:problem:";

/// A problem that the agent reported. Members that are not known are passed over (section 3.2).
#[derive(Clone, Debug, Deserialize)]
pub struct Problem {
    /// A URN that names the kind of problem.
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    #[serde(default)]
    detail: String,
    /// A spend, or its id.
    #[serde(default)]
    spend: serde_json::Value,
    /// When it is worth asking again.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// What an answer without problem details says.
    pub(super) fn bare(status: u16, text: &str) -> Self {
        let detail = format!(
            "the agent answered with HTTP status {status} {}",
            text.chars().take(200).collect::<String>()
        );
        Self {
            kind: String::new(),
            title: String::new(),
            status,
            detail: detail.trim_end().to_owned(),
            spend: serde_json::Value::Null,
            retry_after: None,
        }
    }

    /// The last part of its type: `denied`, `busy`, …; empty if it is none of ours.
    pub fn kind(&self) -> &str {
        self.kind.strip_prefix(PREFIX).unwrap_or_default()
    }

    /// The stored denial, if it is one.
    pub fn denied(&self) -> Option<Spend> {
        if self.kind() == "denied" { serde_json::from_value(self.spend.clone()).ok() } else { None }
    }

    /// The spend that it is about, by its id.
    pub fn spend(&self) -> Option<u64> {
        self.spend.as_u64().or_else(|| self.spend.get("id")?.as_u64())
    }

    /// The spend that the key stands for already, if that is the problem.
    pub fn conflict(&self) -> Option<u64> {
        if self.kind() == "idempotency-conflict" { self.spend() } else { None }
    }

    /// Was the payment perhaps decided? A clock is looked at before, and where there was no place for the
    /// connection nothing was; anything else can happen after.
    pub fn may_be_decided(&self) -> bool {
        (self.status >= 500 || self.status == 429) && !matches!(self.kind(), "clock-suspect" | "no-place")
    }

    /// Is it worth asking again at once, with the same key? A token or a clock needs somebody first.
    pub fn is_passing(&self) -> bool {
        (self.status >= 500 || self.status == 429) && !matches!(self.kind(), "token" | "clock-suspect")
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match (self.kind(), self.status) {
            ("denied", _) => Exit::Denied,
            ("token", _) => Exit::Token,
            ("unknown-caller" | "role", _) => Exit::Home,
            (_, 429) => Exit::Busy,
            (_, 400..=499) => Exit::Usage,
            _ => Exit::Busy,
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.detail.is_empty() { &self.title } else { &self.detail })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn case_table() {
        for (kind, status, exit, passing, decided) in [
            ("urn:bursar:problem:denied", 403, Exit::Denied, false, false),
            ("urn:bursar:problem:unknown-caller", 403, Exit::Home, false, false),
            ("urn:bursar:problem:role", 403, Exit::Home, false, false),
            ("urn:bursar:problem:idempotency-conflict", 409, Exit::Usage, false, false),
            ("urn:bursar:problem:unknown-account", 422, Exit::Usage, false, false),
            ("urn:bursar:problem:busy", 503, Exit::Busy, true, true),
            ("urn:bursar:problem:too-many", 429, Exit::Busy, true, true),
            ("urn:bursar:problem:no-place", 429, Exit::Busy, true, false),
            ("urn:bursar:problem:unavailable", 503, Exit::Busy, true, true),
            ("urn:bursar:problem:token", 503, Exit::Token, false, true),
            ("urn:bursar:problem:clock-suspect", 503, Exit::Busy, false, false),
            ("about:blank", 500, Exit::Busy, true, true),
        ] {
            let text = format!(
                r#"{{"type":"{kind}","title":"t","status":{status},"detail":"d","spend":7,"more":1}}"#
            );
            let problem: Problem = serde_json::from_str(&text).unwrap();
            assert_eq!((problem.exit(), problem.is_passing()), (exit, passing), "{kind}");
            assert_eq!((problem.may_be_decided(), problem.spend()), (decided, Some(7)), "{kind}");
            assert_eq!(problem.conflict(), (status == 409).then_some(7), "{kind}");
            assert_eq!(problem.to_string(), "d");
        }
    }
}
