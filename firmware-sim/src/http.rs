//! The connector's HTTP protocol: `GET /connector/status`, `POST /connector/api`.
//!
//! Source: Yubico's yubihsm-connector 3.0.7.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::unit::Unit;

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

type Answer = Response<Full<Bytes>>;

/// Serves connections for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, unit: Unit) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
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
        let unit = unit.clone();
        tokio::spawn(async move {
            if let Err(error) = connection(stream, unit).await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, unit: Unit) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let address = stream.local_addr()?;
    let service = service_fn(move |request| answer(request, unit.clone(), address));
    // Headers and body in one write: the Rust client reads no more than one segment.
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADERS).writev(false).max_buf_size(16 << 10);
    Ok(server.serve_connection(TokioIo::new(stream), service).await?)
}

async fn answer(request: Request<Incoming>, unit: Unit, address: SocketAddr) -> Result<Answer, Infallible> {
    Ok(match (request.uri().path(), request.method()) {
        ("/connector/status", &Method::GET) => status(address),
        ("/connector/api", &Method::POST) => api(request, unit).await,
        ("/connector/status", _) => not_allowed("GET"),
        ("/connector/api", _) => not_allowed("POST"),
        _ => plain(StatusCode::NOT_FOUND, "no such page; there are /connector/status and /connector/api\n"),
    })
}

fn status(address: SocketAddr) -> Answer {
    let (pid, ip, port) = (process::id(), address.ip(), address.port());
    let text = format!("status=OK\nserial=*\nversion={VERSION}\npid={pid}\naddress={ip}\nport={port}\n");
    plain(StatusCode::OK, text)
}

async fn api(request: Request<Incoming>, unit: Unit) -> Answer {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(length) = length.filter(|length| LENGTHS.contains(length)) else {
        return plain(StatusCode::BAD_REQUEST, "a message has a Content-Length from 3 to 3139\n");
    };
    let limit = usize::try_from(length).unwrap_or_default();
    let message = match timeout(BODY, Limited::new(request.into_body(), limit).collect()).await {
        Ok(Ok(body)) => body.to_bytes().to_vec(),
        Ok(Err(_)) => return plain(StatusCode::BAD_REQUEST, "the message did not come whole\n"),
        Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, "the message did not come within 10 s\n"),
    };
    match unit.transceive(message).await {
        Ok(bytes) => {
            let mut answer = Response::new(Full::new(bytes.into()));
            let octets = HeaderValue::from_static("application/octet-stream");
            answer.headers_mut().insert(CONTENT_TYPE, octets);
            answer
        }
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn not_allowed(method: &'static str) -> Answer {
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, format!("this page takes {method} only\n"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    answer
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
