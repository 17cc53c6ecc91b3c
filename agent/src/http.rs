//! HTTP over a Unix socket and over TLS: who calls is known from the connection, what they may ask for
//! stands in one table ([`access`]), how much they may send is bounded.

pub mod access;
pub mod caller;
mod crowd;
mod door;
pub mod error;
pub mod input;
pub mod openapi;
mod patient;
mod probe;
pub mod routes;
mod seldom;
pub mod shares;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::{Router, response::Response};
use rustls::ServerConfig;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use crate::agent::Agent;
pub use door::HEADER_TIMEOUT as IDLE_TIMEOUT;
use door::House;
use probe::Probe;
use shares::Shares;

/// Largest body in bytes.
pub const MAX_BODY: usize = 16 * 1024;
/// Largest body in bytes that puts a policy bundle forward: its text as JSON.
pub const MAX_BUNDLE: usize = 2 * bursar_core::policy::MAX_TEXT;
/// Where that goes.
pub const PROPOSALS: &str = "/v1/proposals";
/// For a request to arrive and to be answered.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// For the payments under way when the agent stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// What every route can reach.
#[derive(Clone)]
pub struct Shared {
    /// The agent.
    pub agent: Arc<Agent>,
    /// What each caller may take of it.
    pub shares: Arc<Shares>,
    /// Asks whether the token answers.
    pub probe: Probe,
}

/// Every route.
pub fn router(shared: Shared) -> Router {
    access::router(&shared)
        .layer(middleware::from_fn(deadline))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

async fn deadline(request: axum::extract::Request, next: middleware::Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => error::too_slow(),
    }
}

/// Where connections come in.
#[derive(Debug)]
pub struct Doors {
    /// For users of this machine.
    pub local: UnixListener,
    /// For callers with a certificate.
    pub remote: Option<(TcpListener, Arc<ServerConfig>)>,
}

/// Answers connections until `stop` changes, then lets what is under way finish.
pub async fn serve(doors: Doors, agent: Arc<Agent>, stop: watch::Receiver<bool>) {
    let callers = Arc::new(agent.config.callers.clone());
    let shares = Arc::new(Shares::new(&callers));
    let probe = Probe::new(agent.token.clone());
    let router = router(Shared { agent, shares: shares.clone(), probe });
    let house = House::new(router, callers, stop);
    let remote = async {
        if let Some((listener, tls)) = doors.remote {
            door::remote(listener, tls, house.clone()).await;
        }
    };
    tokio::join!(door::local(doors.local, house.clone()), remote);
    if tokio::time::timeout(DRAIN_TIMEOUT, shares.drained()).await.is_err() {
        tracing::warn!("some payments are still under way; the next start finishes them");
    }
}
