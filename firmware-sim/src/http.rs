//! The connector's HTTP protocol: `GET /connector/status`, `POST /connector/api`.
//!
//! Source: Yubico's yubihsm-connector 3.0.7.

mod answer;
mod control;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::unit::{Reply, Unit};
use answer::{Answer, not_allowed, octets, plain};

/// Connections at the same time; the next ones wait to be accepted.
const CONNECTIONS: usize = 256;
/// Bytes of a message that the connector takes.
const LENGTHS: std::ops::RangeInclusive<u64> = 3..=3139;
/// How long a client may take for a request's headers, or be silent between two requests.
const HEADERS: Duration = Duration::from_secs(120);
/// How long a client may take for a request's body.
const BODY: Duration = Duration::from_secs(10);
/// The connector that is simulated. The suffix tells clients that no device is behind it.
const VERSION: &str = "3.0.7-sim";

/// What is served.
#[derive(Clone)]
pub(crate) struct Server {
    pub unit: Unit,
    /// Is there a control endpoint?
    pub control: bool,
}

/// Serves connections for as long as it is polled; they end with it.
pub(crate) async fn serve(listener: TcpListener, server: Server) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                // Out of file descriptors, most likely: some will be given back.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let server = server.clone();
        connections.spawn(async move {
            if let Err(error) = connection(stream, server).await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
}

async fn connection(
    stream: TcpStream,
    server: Server,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let address = stream.local_addr()?;
    let service = service_fn(move |request| answer(request, server.clone(), address));
    // Headers and body in one write: the Rust client reads no more than one segment.
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADERS).writev(false).max_buf_size(16 << 10);
    Ok(server.serve_connection(TokioIo::new(stream), service).await?)
}

async fn answer(
    request: Request<Incoming>,
    server: Server,
    address: SocketAddr,
) -> Result<Answer, Infallible> {
    // Browsers send one with whatever a page of others sends; clients of a connector never do.
    if request.headers().contains_key(ORIGIN) {
        return Ok(plain(StatusCode::FORBIDDEN, "no web page may talk to a device; ask without an Origin\n"));
    }
    Ok(match (request.uri().path(), request.method()) {
        ("/connector/status", &Method::GET) => status(address, &server.unit),
        ("/connector/api", &Method::POST) => api(request, server.unit).await,
        ("/connector/status", _) => not_allowed("GET"),
        ("/connector/api", _) => not_allowed("POST"),
        (path, _) if path == control::PATH || path.starts_with(control::FAULTS) => {
            if server.control {
                control::answer(request, server.unit).await
            } else {
                control::is_off()
            }
        }
        _ => plain(StatusCode::NOT_FOUND, "no such page; there are /connector/status and /connector/api\n"),
    })
}

fn status(address: SocketAddr, unit: &Unit) -> Answer {
    let status = if unit.condition().borrow().plugged { "OK" } else { "NO_DEVICE" };
    let (pid, ip, port) = (process::id(), address.ip(), address.port());
    let text =
        format!("status={status}\nserial=*\nversion={VERSION}\npid={pid}\naddress={ip}\nport={port}\n");
    plain(StatusCode::OK, text)
}

async fn api(request: Request<Incoming>, unit: Unit) -> Answer {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(length) = length.filter(|length| LENGTHS.contains(length)) else {
        return plain(StatusCode::BAD_REQUEST, "a message has a Content-Length from 3 to 3139\n");
    };
    let limit = usize::try_from(length).unwrap_or_default();
    let message = match body(request.into_body(), limit).await {
        Ok(message) => message,
        Err(refused) => return refused,
    };
    match unit.transceive(message).await {
        Ok(Reply::Whole(bytes)) => octets(bytes.into()),
        Ok(Reply::Cut(bytes)) => octets(answer::cut(bytes)),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// A request's body of at most so many bytes.
async fn body(body: Incoming, limit: usize) -> Result<Vec<u8>, Answer> {
    match timeout(BODY, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(_)) => Err(plain(StatusCode::BAD_REQUEST, "the body is too long, or did not come whole\n")),
        Err(_) => Err(plain(StatusCode::REQUEST_TIMEOUT, "the body did not come within 10 s\n")),
    }
}
