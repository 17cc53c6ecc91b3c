//! Who calls: the user on the other end of the Unix socket, as the kernel knows them, or the
//! certificate on the other end of a TLS connection.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio::net::UnixStream;

use super::error::Problem;
use crate::caller::Identity;
use crate::config::Callers;
use crate::tls::fingerprint::Fingerprint;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Named in the configuration.
    Known(Identity),
    /// Not named there.
    Stranger(Stranger),
}

/// Somebody whom the configuration does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// A user on this machine: user id and primary group id.
    User(u32, u32),
    /// Whoever has the key of this certificate.
    Certificate(Fingerprint),
    /// Somebody of whom nothing is known.
    Nobody,
}

impl Caller {
    /// Asks the kernel (`SO_PEERCRED`): user id and primary group of the process that connected.
    /// Its other groups are not known.
    pub fn of_socket(stream: &UnixStream, callers: &Callers) -> Self {
        let Ok(peer) = stream.peer_cred() else { return Self::Stranger(Stranger::Nobody) };
        let known = callers.of_user(peer.uid(), peer.gid());
        known.map_or(Self::Stranger(Stranger::User(peer.uid(), peer.gid())), Self::Known)
    }

    /// By the certificate whose key has signed the handshake.
    pub fn of_certificate(der: Option<&[u8]>, callers: &Callers) -> Self {
        let Some(fingerprint) = der.map(Fingerprint::of) else { return Self::Stranger(Stranger::Nobody) };
        let known = callers.of_certificate(&fingerprint);
        known.map_or(Self::Stranger(Stranger::Certificate(fingerprint)), |id| Self::Known(id.clone()))
    }
}

/// As it stands in the audit log. No caller's name reads like a stranger: none begins with `uid ` or
/// has a colon in it.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(identity) => identity.name.fmt(f),
            Self::Stranger(Stranger::User(uid, _)) => write!(f, "uid {uid}"),
            Self::Stranger(Stranger::Certificate(fingerprint)) => write!(f, "certificate {fingerprint}"),
            Self::Stranger(Stranger::Nobody) => f.write_str("uid unknown"),
        }
    }
}

impl Stranger {
    /// Is it on this machine? Then it may hear at least how the agent is.
    pub fn is_local(self) -> bool {
        matches!(self, Self::User(..))
    }

    /// What it is told.
    pub fn problem(self) -> Problem {
        let (who, line) = match self {
            Self::User(uid, gid) => (
                format!("user id {uid} (group id {gid})"),
                format!("`uid = {uid}`, or `gid = {gid}` for the whole group,"),
            ),
            Self::Certificate(fingerprint) => {
                (format!("the certificate {fingerprint}"), format!("`certificate = \"{fingerprint}\"`"))
            }
            Self::Nobody => {
                let detail = "the other end of the connection cannot be known; call from this machine";
                return Problem::new(403, KIND, TITLE, detail.to_owned());
            }
        };
        let detail = format!(
            "{who} is no caller of this agent; add `[callers.NAME]` with {line} to config.toml and start it again"
        );
        Problem::new(403, KIND, TITLE, detail)
    }
}

const KIND: &str = "unknown-caller";
const TITLE: &str = "This caller has no name here";

/// A caller that the configuration names; others are refused before their request is read.
#[derive(Clone, Debug)]
pub struct Named(pub Identity);

impl<S: Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::Known(identity)) => Ok(Self(identity.clone())),
            Some(Caller::Stranger(stranger)) => Err(stranger.problem()),
            None => Err(Stranger::Nobody.problem()),
        }
    }
}
