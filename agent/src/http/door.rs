//! Where connections come in: the Unix socket, and TCP with TLS. Both have the same limits.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

use super::REQUEST_TIMEOUT;
use super::caller::{Caller, Stranger};
use super::patient::Patient;
use super::seldom::Seldom;
use crate::config::Callers;

/// Most connections at once through the Unix socket.
const MAX_LOCAL: usize = 512;
/// Most connections at once through TCP. Strangers can take these, so they are others than the local
/// ones; both together fit the 1,024 open files that a process has by default.
const MAX_REMOTE: usize = 256;
/// For the headers to arrive; a connection on which nothing is asked for as long is closed.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// For a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection needs, whichever way it came in.
#[derive(Clone)]
pub struct Hall {
    /// Every route.
    pub router: Router,
    /// Whom the configuration names.
    pub callers: Arc<Callers>,
    /// Changes when the agent stops.
    pub stop: watch::Receiver<bool>,
}

/// Answers whoever connects to the Unix socket, until the agent stops.
pub async fn local(listener: UnixListener, hall: Hall) {
    let accept = || async { listener.accept().await.map(|(stream, _)| stream) };
    accepting(accept, MAX_LOCAL, hall.stop.clone(), |stream, place| {
        let (caller, hall) = (Caller::of_socket(&stream, &hall.callers), hall.clone());
        tokio::spawn(async move {
            connection(stream, caller, hall).await;
            drop(place);
        });
    })
    .await;
}

/// Answers whoever connects with TLS, until the agent stops.
pub async fn remote(listener: TcpListener, tls: Arc<ServerConfig>, hall: Hall) {
    let acceptor = TlsAcceptor::from(tls);
    let failures = Arc::new(Seldom::default());
    let accept = || async { listener.accept().await.map(|(stream, _)| stream) };
    accepting(accept, MAX_REMOTE, hall.stop.clone(), |stream, place| {
        let (acceptor, hall, failures) = (acceptor.clone(), hall.clone(), failures.clone());
        tokio::spawn(async move {
            if let Some(stream) = handshake(&acceptor, stream, &failures).await {
                guest(stream, hall).await;
            }
            drop(place);
        });
    })
    .await;
}

/// Takes connections for as long as there are places for them.
async fn accepting<S, F: Future<Output = std::io::Result<S>>>(
    accept: impl Fn() -> F,
    places: usize,
    mut stop: watch::Receiver<bool>,
    take: impl Fn(S, OwnedSemaphorePermit),
) {
    let places = Arc::new(Semaphore::new(places));
    loop {
        let next = async { (places.clone().acquire_owned().await, accept().await) };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stop.changed() => return,
        };
        match (place, accepted) {
            (Ok(place), Ok(stream)) => take(stream, place),
            (_, Err(error)) => {
                // Out of file descriptors, most likely: give others time to close theirs.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // Nobody closes the semaphore.
            (Err(_), _) => return,
        }
    }
}

/// Until it is done, the other end is nobody: it gets no more than these seconds.
async fn handshake(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    failures: &Seldom,
) -> Option<TlsStream<TcpStream>> {
    // Where it cannot be set, small answers only take longer.
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr().ok();
    let failed = match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("not done within {} s", HANDSHAKE_TIMEOUT.as_secs()),
    };
    if let Some(left_out) = failures.admit(Instant::now()) {
        tracing::info!(?peer, why = failed, left_out, "a TLS handshake failed");
    }
    None
}

async fn guest(stream: TlsStream<TcpStream>, hall: Hall) {
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let caller = Caller::of_certificate(certificate.map(AsRef::as_ref), &hall.callers);
    match caller {
        Caller::Known(_) => connection(stream, caller, hall).await,
        // A stranger hears why, once, and leaves.
        Caller::Stranger(_) => {
            let _ = tokio::time::timeout(REQUEST_TIMEOUT, connection(stream, caller, hall)).await;
        }
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(stream: S, caller: Caller, hall: Hall) {
    let Hall { router, mut stop, .. } = hall;
    let leaves = matches!(&caller, Caller::Stranger(Stranger::Certificate(_) | Stranger::Nobody));
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        let router = router.clone();
        async move {
            let answered = router.oneshot(request.map(Body::new)).await;
            let mut answer = answered.unwrap_or_else(|never| match never {});
            if leaves {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(32 * 1024)
        .half_close(false);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(Patient::new(stream)), service));
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
