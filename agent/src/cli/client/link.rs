//! Connections to the agent, kept for the next question.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

use super::{ClientError, Problem};
use crate::http::IDLE_TIMEOUT;
use crate::remote::Door;
use crate::socket::{Address, PAUSE, SocketError};

/// A Unix socket answers at once or its queue is full: for that to end.
const CONNECT: Duration = Duration::from_secs(5);
/// Longer than the agent's own limit for a request, so that its answer is heard.
const ANSWER: Duration = Duration::from_secs(60);
/// Longest answer in bytes.
const LONGEST: usize = 64 << 20;
/// Longest wait that an agent can ask for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection on which nothing is asked may be used again. The agent closes it after
/// [`IDLE_TIMEOUT`], which nobody notices here while a person is asked something; a question that is
/// sent then is lost, and may be one that must not be asked twice.
const KEPT: Duration = Duration::from_secs(2);
const _: () =
    assert!(KEPT.as_millis() * 2 < IDLE_TIMEOUT.as_millis(), "the agent may have closed it already");

/// One question.
#[derive(Clone, Debug)]
pub struct Ask {
    method: Method,
    path: String,
    key: Option<String>,
    body: Bytes,
}

impl Ask {
    /// Reads.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), key: None, body: Bytes::new() }
    }

    /// Changes something.
    pub fn post(path: impl Into<String>, body: &impl Serialize) -> Self {
        // Requests hold text and numbers only, which always become JSON.
        let body = serde_json::to_vec(body).unwrap_or_default().into();
        Self { method: Method::POST, path: path.into(), key: None, body }
    }

    /// With an Idempotency-Key, so that asking twice does it once.
    #[must_use]
    pub fn keyed(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::builder().method(&self.method).uri(&self.path).header(HOST, "bursar");
        if let Some(key) = &self.key {
            request = request.header("idempotency-key", key);
        }
        if self.method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(self.body.clone()))
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Bytes,
}

impl Answer {
    /// The value, or the problem that came in its place.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(self.success()?).map_err(|error| ClientError::Unreadable(error.to_string()))
    }

    /// The text, or the problem that came in its place.
    pub fn text(&self) -> Result<String, ClientError> {
        String::from_utf8(self.success()?.to_vec())
            .map_err(|error| ClientError::Unreadable(error.to_string()))
    }

    fn success(&self) -> Result<&[u8], ClientError> {
        if self.status.is_success() {
            return Ok(&self.body);
        }
        let bare = || Problem::bare(self.status.as_u16(), &String::from_utf8_lossy(&self.body));
        let mut problem = serde_json::from_slice(&self.body).unwrap_or_else(|_| bare());
        problem.status = self.status.as_u16();
        problem.retry_after = self.retry_after;
        Err(ClientError::Problem(Box::new(problem)))
    }
}

/// Where the agent is.
#[derive(Debug)]
pub(super) enum Way {
    /// On this machine, behind a socket; and the command that starts it.
    Local {
        /// The socket, and whose process has to listen there.
        socket: Address,
        /// The command.
        start: String,
    },
    /// On another one, behind its certificate.
    Remote(Door),
}

/// A way to the agent; any number of questions at a time, each on a connection of its own.
#[derive(Debug)]
pub struct Link {
    way: Way,
    /// Those on which nothing is asked now, each with the time of its last answer; newest last.
    idle: Mutex<Vec<(SendRequest<Full<Bytes>>, Instant)>>,
}

impl Link {
    pub(super) fn new(way: Way) -> Self {
        Self { way, idle: Mutex::new(Vec::new()) }
    }

    /// Asks and waits for the whole answer, which may be a problem.
    pub async fn ask(&self, ask: &Ask) -> Result<Answer, ClientError> {
        match tokio::time::timeout(ANSWER, self.exchange(ask)).await {
            Ok(answer) => answer,
            Err(_) => Err(ClientError::Timeout(ANSWER)),
        }
    }

    async fn exchange(&self, ask: &Ask) -> Result<Answer, ClientError> {
        let unreadable = |error: hyper::http::Error| ClientError::Unreadable(error.to_string());
        while let Some(mut kept) = self.take() {
            // The agent closes connections that were idle for long; then nothing was sent.
            if kept.ready().await.is_err() {
                continue;
            }
            match kept.send_request(ask.request().map_err(unreadable)?).await {
                Err(error) if error.is_canceled() => {}
                answer => return self.read(kept, answer).await,
            }
        }
        let mut fresh = self.connect().await?;
        let answer = fresh.send_request(ask.request().map_err(unreadable)?).await;
        self.read(fresh, answer).await
    }

    async fn read(
        &self,
        connection: SendRequest<Full<Bytes>>,
        answer: hyper::Result<hyper::Response<hyper::body::Incoming>>,
    ) -> Result<Answer, ClientError> {
        let answer = answer.map_err(lost)?;
        let status = answer.status();
        let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(answer.into_body(), LONGEST).collect().await.map_err(lost)?.to_bytes();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((connection, Instant::now()));
        let retry_after = seconds.map(|seconds| Duration::from_secs(seconds).min(PATIENCE));
        Ok(Answer { status, retry_after, body })
    }

    fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (connection, since) = idle.pop()?;
        if since.elapsed() < KEPT {
            return Some(connection);
        }
        // The others were idle for longer still.
        idle.clear();
        None
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        match &self.way {
            Way::Local { socket, start } => speak(local(socket, start).await?).await,
            Way::Remote(door) => speak(door.connect().await?).await,
        }
    }
}

async fn local(address: &Address, start: &str) -> Result<UnixStream, ClientError> {
    let begun = Instant::now();
    let connected = loop {
        match address.attempt() {
            Err(SocketError::Full) if begun.elapsed() < CONNECT => tokio::time::sleep(PAUSE).await,
            done => break done.and_then(|stream| Ok(UnixStream::from_std(stream)?)),
        }
    };
    let socket = || address.path().to_owned();
    connected.map_err(|error| match error {
        SocketError::Absent => ClientError::NotRunning { start: start.to_owned() },
        SocketError::Full => ClientError::Full { socket: socket() },
        SocketError::Forbidden => ClientError::Forbidden { socket: socket() },
        SocketError::Other(source) => ClientError::Socket { socket: socket(), source },
        why @ (SocketError::Folder { .. } | SocketError::Stranger { .. }) => {
            ClientError::Untrusted { socket: socket(), why }
        }
    })
}

async fn speak<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
) -> Result<SendRequest<Full<Bytes>>, ClientError> {
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    // Its errors reach the request that it carries.
    tokio::spawn(connection);
    Ok(sender)
}

fn lost(error: impl std::fmt::Display) -> ClientError {
    ClientError::Lost(error.to_string())
}
