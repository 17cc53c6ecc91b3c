//! Where connections come in: the Unix socket, and TCP with TLS. Both have the same limits.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use bursar_core::name::Name;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

use super::caller::{Caller, Stranger};
use super::crowd::{Crowd, Hall, Inside, Network};
use super::error::Problem;
use super::patient::Patient;
use super::seldom::Seldom;
use super::shares::Full;
use crate::caller::{Identity, Role};
use crate::config::Callers;

/// Most connections at once through the Unix socket of callers that the configuration names, and of one
/// of them: more than the payments that it has under way, so that it can still ask how things are.
const LOCAL: (usize, usize) = (288, 144);
/// Likewise of approvers and administrators: whoever only asks does not keep them from a freeze.
const LOCAL_DECIDERS: (usize, usize) = (224, 144);
/// Most of one member of a group that shares a name.
const MEMBER: usize = 48;
/// Likewise of other users of this machine.
const LOCAL_STRANGERS: (usize, usize) = (32, 8);
/// Most connections at once through TCP of callers that the configuration names, and of one of them.
const REMOTE: (usize, usize) = (128, 64);
/// Likewise of approvers and administrators.
const REMOTE_DECIDERS: (usize, usize) = (96, 32);
/// Likewise of other certificates, by their network: none of them takes a place of those.
const REMOTE_STRANGERS: (usize, usize) = (16, 4);
/// Likewise of those whose certificate is not known yet. All together fit the 1,024 open files that a
/// process has by default.
const UNKNOWN: (usize, usize) = (96, 64);
/// Most that are told at once that they have too many.
const TOO_MANY: (usize, usize) = (16, 4);
/// For the headers to arrive; a connection on which nothing is asked for as long is closed.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// For a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// For a stranger to ask once and hear why there is no answer.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(10);
/// To hear that there are too many connections.
const TOO_MANY_TIMEOUT: Duration = Duration::from_secs(2);

/// What a connection needs, whichever way it came in.
#[derive(Clone)]
pub struct House {
    router: Router,
    callers: Arc<Callers>,
    stop: watch::Receiver<bool>,
    too_many: Arc<Crowd<String>>,
}

impl House {
    /// With every route, and whom the configuration names; `stop` changes when the agent stops.
    pub fn new(router: Router, callers: Arc<Callers>, stop: watch::Receiver<bool>) -> Self {
        Self { router, callers, stop, too_many: Crowd::new(TOO_MANY.0, TOO_MANY.1) }
    }

    /// Serves a connection in its place, if it got one, and otherwise says why not.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin, P>(
        self,
        stream: S,
        caller: Caller,
        place: Result<P, Full>,
    ) {
        let full = match place {
            Ok(_place) => return connection(stream, caller, self).await,
            Err(full) => full,
        };
        let Ok(_place) = self.too_many.enter(caller.to_string()) else { return };
        let full = move || async move {
            let detail = match full {
                Full::Own => {
                    "this caller has as many connections open as one may have; close some, then try again"
                }
                Full::All => "all connections for callers like this one are taken; try again",
            };
            ([(CONNECTION, "close")], Problem::no_place(detail.to_owned()))
        };
        let told = Self { router: Router::new().fallback(full), ..self };
        let _ = tokio::time::timeout(TOO_MANY_TIMEOUT, connection(stream, caller, told)).await;
    }
}

/// Connections of callers that the configuration names.
#[derive(Clone)]
struct Known {
    others: Arc<Crowd<Name>>,
    deciders: Arc<Crowd<Name>>,
    members: Arc<Crowd<u32>>,
}

/// The place of one of them: its name's, and its own as a member of a group.
type KnownPlace = (Inside<Name>, Option<Inside<u32>>);

impl Known {
    fn new(others: (usize, usize), deciders: (usize, usize)) -> Self {
        Self {
            others: Crowd::new(others.0, others.1),
            deciders: Crowd::new(deciders.0, deciders.1),
            members: Crowd::new(usize::MAX, MEMBER),
        }
    }

    fn enter(&self, caller: &Identity) -> Result<KnownPlace, Full> {
        let decides = caller.roles.has(Role::Approver) || caller.roles.has(Role::Administrator);
        let crowd = if decides { &self.deciders } else { &self.others };
        let member = caller.user.filter(|user| user.shares).map(|user| self.members.enter(user.uid));
        let member = member.transpose()?;
        Ok((crowd.enter(caller.name.clone())?, member))
    }
}

/// Answers whoever connects to the Unix socket, until the agent stops.
pub async fn local(listener: UnixListener, house: House) {
    let known = Known::new(LOCAL, LOCAL_DECIDERS);
    let strangers = Crowd::new(LOCAL_STRANGERS.0, LOCAL_STRANGERS.1);
    let accept = || async { listener.accept().await.map(|(stream, _)| stream) };
    accepting(accept, house.stop.clone(), |stream| {
        let (caller, house) = (Caller::of_socket(&stream, &house.callers), house.clone());
        // In the order in which they came.
        match &caller {
            Caller::Known(identity) => {
                let place = known.enter(identity);
                tokio::spawn(house.serve(stream, caller, place));
            }
            Caller::Stranger(_) => {
                let place = strangers.enter(stream.peer_cred().ok().map(|peer| peer.uid()));
                tokio::spawn(house.serve(stream, caller, place));
            }
        }
    })
    .await;
}

/// Answers whoever connects with TLS, until the agent stops.
pub async fn remote(listener: TcpListener, tls: Arc<ServerConfig>, house: House) {
    let acceptor = TlsAcceptor::from(tls);
    let failures = Arc::new(Seldom::default());
    let unknown = Hall::new(UNKNOWN.0, UNKNOWN.1);
    let known = Known::new(REMOTE, REMOTE_DECIDERS);
    let strangers = Crowd::new(REMOTE_STRANGERS.0, REMOTE_STRANGERS.1);
    accepting(
        || listener.accept(),
        house.stop.clone(),
        |(stream, from)| {
            let from = Network::from(from.ip());
            let (acceptor, house, failures) = (acceptor.clone(), house.clone(), failures.clone());
            let (known, strangers, hall) = (known.clone(), strangers.clone(), unknown.clone());
            unknown.enter(from, |number| async move {
                let shaken = handshake(&acceptor, stream, &failures).await;
                hall.leave(number);
                let Some(stream) = shaken else { return };
                let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                let caller = Caller::of_certificate(certificate.map(AsRef::as_ref), &house.callers);
                match &caller {
                    Caller::Known(identity) => {
                        let place = known.enter(identity);
                        house.serve(stream, caller, place).await;
                    }
                    // A stranger hears why, once, and leaves.
                    Caller::Stranger(_) => {
                        let Ok(_place) = strangers.enter(from) else { return };
                        let told = connection(stream, caller, house);
                        let _ = tokio::time::timeout(STRANGER_TIMEOUT, told).await;
                    }
                }
            });
        },
    )
    .await;
}

/// Takes connections as they come; how many there may be is said where it is known whose they are.
async fn accepting<S, F: Future<Output = std::io::Result<S>>>(
    accept: impl Fn() -> F,
    mut stop: watch::Receiver<bool>,
    take: impl Fn(S),
) {
    loop {
        let accepted = tokio::select! {
            accepted = accept() => accepted,
            _ = stop.changed() => return,
        };
        match accepted {
            Ok(stream) => take(stream),
            Err(error) => {
                // Out of file descriptors, most likely: give others time to close theirs.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
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

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(stream: S, caller: Caller, house: House) {
    let House { router, mut stop, .. } = house;
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
