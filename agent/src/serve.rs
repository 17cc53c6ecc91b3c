//! The daemon: one per home, from its lock to its last anchor.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustls::ServerConfig;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::agent::{Agent, AgentError, Leniency};
use crate::config::Config;
use crate::http::Doors;
use crate::own_requests;
use crate::socket::{Address, SocketError};
use crate::tls::certificate::CertificateError;

/// In the home folder of a running agent: the address and port of its TCP listener, one line.
pub const LISTENING: &str = "listening";

/// In a home folder that goes when its agent ends.
pub const THROW_AWAY: &str = "throw-away";

/// How to serve.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// What the start may accept.
    pub leniency: Leniency,
    /// Stop when this process ends.
    pub until: Option<Pid>,
}

/// Why the daemon did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is one already.
    #[error("another agent runs on {0}; one home has one agent. Stop it with `bursar stop`")]
    Locked(PathBuf),
    /// Somebody else answers there.
    #[error("the socket {0} is in use by another program; set another `socket` under [agent] in config.toml")]
    SocketInUse(PathBuf),
    /// It cannot be made.
    #[error("the socket {path} cannot be made: {why}")]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// The TCP listener.
    #[error("{address}: {source}; set another `listen` under [agent] in config.toml")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The home's own certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The operating system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// Something the configuration names could not be opened.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// Longest path of a Unix socket, from `sockaddr_un` (108 bytes with the final zero).
const LONGEST_SOCKET: usize = 107;

/// Serves until SIGTERM or SIGINT; blocks.
pub fn run(config: Config, options: Options) -> Result<(), ServeError> {
    crate::harden::harden();
    let _lock = lock(&config.home)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(16)
        .enable_all()
        .build()
        .map_err(|source| ServeError::System { what: "no threads could be started", source })?;
    runtime.block_on(serve(config, options))
}

async fn serve(config: Config, options: Options) -> Result<(), ServeError> {
    // Listening for signals first: a stop during a long start is honoured when it is done.
    let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(signals)?;
    let mut parent = options.until.map(watch_process).transpose()?;
    let path = config.socket.clone();
    free(&config.home, &path)?;
    let _ = std::fs::remove_file(config.home.join(LISTENING));
    let remote = listen(&config).await?;
    let agent = Arc::new(Agent::open(config, options.leniency).await?);
    let local = bind(&path, agent.config.socket_group)?;
    if let Some((listener, _)) = &remote {
        announce(&agent.config.home, listener)?;
    }
    for warning in own_requests::warnings(&agent.config.callers, &agent.book.policy()) {
        tracing::warn!("{warning}");
    }
    tracing::info!(socket = %path.display(), token = %agent.token.about().label, device = %agent.token.about().line(), "ready");
    notify("READY=1");

    let (stop, stopped) = watch::channel(false);
    let tending = tokio::spawn({
        let agent = agent.clone();
        async move { agent.tend().await }
    });
    let serving = tokio::spawn(crate::http::serve(Doors { local, remote }, agent.clone(), stopped));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = ended(parent.as_mut()) => {}
    }
    tracing::info!("stopping");
    notify("STOPPING=1");
    let _ = stop.send(true);
    let _ = serving.await;
    tending.abort();
    let _ = std::fs::remove_file(&path);
    let _ = std::fs::remove_file(agent.config.home.join(LISTENING));
    let anchored = agent.anchor().await;
    agent.token.close().await;
    anchored?;
    tracing::info!("stopped");
    if parent.is_some() && agent.config.home.join(THROW_AWAY).exists() {
        // What is left of it is below the folder for temporary files.
        let _ = std::fs::remove_dir_all(&agent.config.home);
    }
    Ok(())
}

/// Hears when the process has ended; one that has ended already is not found.
fn watch_process(pid: Pid) -> Result<oneshot::Receiver<()>, ServeError> {
    let failed = |source| ServeError::System { what: "the process to end with cannot be watched", source };
    let handle = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
    let (tell, ended) = oneshot::channel();
    let watch = move || {
        while poll(&mut [PollFd::new(&handle, PollFlags::IN)], None).is_err_and(|error| error == Errno::INTR)
        {
        }
        // Nobody hears it while the agent stops.
        let _ = tell.send(());
    };
    std::thread::Builder::new().name("parent".to_owned()).spawn(watch).map_err(failed)?;
    Ok(ended)
}

/// Waits until the process has ended; for ever without one.
async fn ended(process: Option<&mut oneshot::Receiver<()>>) {
    match process {
        Some(process) => drop(process.await),
        None => std::future::pending().await,
    }
}

/// Takes the address for callers with a certificate, if there is to be one.
async fn listen(config: &Config) -> Result<Option<(TcpListener, Arc<ServerConfig>)>, ServeError> {
    let Some(address) = config.listen else { return Ok(None) };
    let tls = crate::tls::server(&config.home)?;
    let listener = TcpListener::bind(address).await;
    Ok(Some((listener.map_err(|source| ServeError::Listen { address, source })?, tls)))
}

/// Says where it listens: with port 0 nobody else knows.
fn announce(home: &Path, listener: &TcpListener) -> Result<(), ServeError> {
    let failed = |source| ServeError::System { what: "the file `listening` cannot be written", source };
    let address = listener.local_addr().map_err(failed)?;
    crate::durable::replace(&home.join(LISTENING), format!("{address}\n").as_bytes()).map_err(failed)?;
    tracing::info!(%address, "listening for callers with a certificate");
    Ok(())
}

/// Tells systemd, or whoever set `NOTIFY_SOCKET`, what the agent is doing (sd_notify(3)).
fn notify(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let sent = std::os::unix::net::UnixDatagram::unbound()
        .and_then(|socket| socket.send_to(state.as_bytes(), &path));
    if let Err(error) = sent {
        tracing::warn!(%error, "NOTIFY_SOCKET does not answer");
    }
}

fn signals(source: std::io::Error) -> ServeError {
    ServeError::System { what: "signals cannot be received", source }
}

/// Takes the home for this process alone; the kernel lets go when it ends, however it ends.
pub fn lock(home: &Path) -> Result<File, ServeError> {
    let path = home.join("lock");
    let failed =
        |source| ServeError::System { what: "the lock file in the home folder cannot be used", source };
    let file =
        File::options().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            // For `bursar stop`: whom to signal.
            let pid = format!("{}\n", std::process::id());
            file.set_len(0).and_then(|()| file.write_all_at(pid.as_bytes(), 0)).map_err(failed)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(ServeError::Locked(home.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Removes a socket that an earlier run left behind; refuses one on which somebody answers.
fn free(home: &Path, path: &Path) -> Result<(), ServeError> {
    if path.as_os_str().len() > LONGEST_SOCKET {
        let why = format!(
            "its path has {} bytes and {LONGEST_SOCKET} fit; set a shorter `socket` under [agent] in config.toml",
            path.as_os_str().len()
        );
        return Err(ServeError::Socket { path: path.to_owned(), why });
    }
    let address = Address::of_home(home, path);
    if let Err(why @ SocketError::Folder { .. }) = address.check_folder() {
        return Err(ServeError::Socket { path: path.to_owned(), why: why.to_string() });
    }
    // Whoever takes no connections now is there all the same.
    let blocks = |error: &std::io::Error| error.kind() == ErrorKind::WouldBlock;
    if crate::socket::connect(path).map_or_else(|error| blocks(&error), |_| true) {
        return Err(ServeError::SocketInUse(path.to_owned()));
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
            std::fs::remove_file(path)
                .map_err(|source| ServeError::System { what: "an old socket cannot be removed", source })
        }
        Ok(_) => Err(ServeError::Socket {
            path: path.to_owned(),
            why: "there is a file that is no socket; move it away".to_owned(),
        }),
        Err(_) => Ok(()),
    }
}

fn bind(path: &Path, group: Option<u32>) -> Result<UnixListener, ServeError> {
    let failed = |error: std::io::Error| ServeError::Socket {
        path: path.to_owned(),
        why: format!("{error}; look at the folder's permissions"),
    };
    // Nobody else reaches the socket before it is theirs, wherever it is.
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(path).map_err(failed);
    rustix::process::umask(before);
    let listener = bound?;
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    std::os::unix::fs::chown(path, None, group).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    Ok(listener)
}
