//! Who calls: the user on the other end of the Unix socket, as the kernel knows them.

use std::collections::HashMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bursar_core::name::Name;
use tokio::net::UnixStream;

use super::error::Problem;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Named in the configuration.
    Known(Name),
    /// Not named there.
    Unknown(Option<u32>),
}

impl Caller {
    /// Asks the kernel.
    pub fn of(stream: &UnixStream, callers: &HashMap<u32, Name>) -> Self {
        let uid = stream.peer_cred().ok().map(|peer| peer.uid());
        match uid.and_then(|uid| callers.get(&uid)) {
            Some(name) => Self::Known(name.clone()),
            None => Self::Unknown(uid),
        }
    }
}

/// A caller that the configuration names; others are refused before their request is read.
#[derive(Clone, Debug)]
pub struct Named(pub Name);

impl<S: Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::Known(name)) => Ok(Self(name.clone())),
            Some(Caller::Unknown(Some(uid))) => Err(Problem::new(
                403,
                "unknown-caller",
                "This user may not call",
                format!(
                    "user id {uid} is no caller of this agent; add `[callers.NAME]` with `uid = {uid}` to config.toml and start it again"
                ),
            )),
            _ => Err(Problem::new(
                403,
                "unknown-caller",
                "This user may not call",
                "the other end of the socket cannot be known; call from this machine".to_owned(),
            )),
        }
    }
}
