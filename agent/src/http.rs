//! HTTP over a Unix socket: who calls is known from the socket, how much they may send is bounded.

pub mod caller;
pub mod error;
pub mod input;
pub mod openapi;
pub mod routes;
pub mod wire;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use axum::{Router, response::Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

use crate::agent::Agent;
use caller::Caller;

/// Largest body in bytes.
pub const MAX_BODY: usize = 16 * 1024;
/// Most connections at once.
const MAX_CONNECTIONS: usize = 512;
/// Most payments at once; beyond that the caller is told to come back.
pub const MAX_SPENDS: usize = 512;
/// Most questions about the policy at once.
const MAX_QUESTIONS: usize = 2;
/// For the headers to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// For a request to arrive and to be answered.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// For the payments under way when the agent stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// What every route can reach.
#[derive(Clone)]
pub struct Shared {
    /// The agent.
    pub agent: Arc<Agent>,
    /// Payments under way.
    pub spends: Arc<Semaphore>,
    /// Questions under way that work through the whole policy; the writer serves payments first.
    pub questions: Arc<Semaphore>,
}

/// Every route.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/spends", post(routes::spends::create).get(routes::spends::list))
        .route("/v1/spends/{id}", get(routes::spends::show))
        .route("/v1/spends/{id}/envelope", get(routes::spends::envelope))
        .route("/v1/spends/{id}/receipt", get(routes::spends::receipt))
        .route("/v1/accounts", get(routes::keys::accounts))
        .route("/v1/keys", get(routes::keys::keys))
        .route("/v1/policy", get(routes::policy::show))
        .route("/v1/policy/explain", post(routes::policy::explain))
        .route("/v1/audit/records", get(routes::audit::records))
        .route("/v1/audit/checkpoint", get(routes::audit::checkpoint))
        .route("/v1/ledger", get(routes::ledger::show))
        .route("/v1/clock/confirm", post(routes::health::confirm_clock))
        .route("/healthz", get(routes::health::live))
        .route("/readyz", get(routes::health::ready))
        .route("/openapi.json", get(openapi::document))
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::no_method)
        .layer(middleware::from_fn(input::announced))
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

/// Answers connections until `stop` changes, then lets what is under way finish.
pub async fn serve(listener: UnixListener, agent: Arc<Agent>, mut stop: watch::Receiver<bool>) {
    let spends = Arc::new(Semaphore::new(MAX_SPENDS));
    let shared = Shared { agent, spends, questions: Arc::new(Semaphore::new(MAX_QUESTIONS)) };
    let spends = shared.spends.clone();
    let router = router(shared.clone());
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let places = connections.clone();
        let accept = async { (places.acquire_owned().await, listener.accept().await) };
        let (place, accepted) = tokio::select! {
            accepted = accept => accepted,
            _ = stop.changed() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: give others time to close theirs.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (router, stop) = (router.clone(), stop.clone());
        let caller = Caller::of(&stream, &shared.agent.config.callers);
        tokio::spawn(async move {
            connection(stream, caller, router, stop).await;
            drop(place);
        });
    }
    let all = u32::try_from(MAX_SPENDS).unwrap_or(u32::MAX);
    if tokio::time::timeout(DRAIN_TIMEOUT, spends.acquire_many(all)).await.is_err() {
        tracing::warn!("some payments are still under way; the next start finishes them");
    }
}

async fn connection(stream: UnixStream, caller: Caller, router: Router, mut stop: watch::Receiver<bool>) {
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        let router = router.clone();
        async move {
            Ok::<_, Infallible>(
                router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {}),
            )
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(32 * 1024)
        .half_close(false);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}
