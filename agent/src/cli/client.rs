//! The agent's HTTP API as a command asks it: over its Unix socket, or over TLS where the home names a
//! remote agent.

mod link;
mod problem;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

pub use link::{Answer, Ask, Link};
pub use problem::Problem;

use super::error::CliError;
use super::exit::Exit;
use super::global::Global;
use crate::config::Config;
use crate::config::person::{Person, Place};
use crate::remote::RemoteError;
use crate::socket::{Address, SocketError};
use link::Way;

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the socket.
    #[error("the agent is not running; start it with: {start}")]
    NotRunning {
        /// The command that starts it.
        start: String,
    },
    /// The socket is there, but not for this user.
    #[error("this user may not use {socket}; run the command as the owner of the home folder")]
    Forbidden {
        /// The socket.
        socket: PathBuf,
    },
    /// Somebody listens on the socket, and takes no connections.
    #[error(
        "the agent takes no connections at {socket}: it stands still, or too many ask; try again, or see what `bursar status` \
         and its log say"
    )]
    Full {
        /// The socket.
        socket: PathBuf,
    },
    /// Whoever listens on the socket need not be the agent.
    #[error("{socket}: {why}")]
    Untrusted {
        /// The socket.
        socket: PathBuf,
        /// Why not.
        why: SocketError,
    },
    /// The socket cannot be reached for another reason.
    #[error("{socket}: {source}; check `agent.socket` in config.toml")]
    Socket {
        /// The socket.
        socket: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no connection to the agent on another machine.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// No answer in time.
    #[error("the agent did not answer within {} s; it is not known what became of the request: ask again with the same key", .0.as_secs())]
    Timeout(Duration),
    /// The connection broke before the answer was there.
    #[error(
        "the connection to the agent broke ({0}); it is not known what became of the request: ask again with the same key"
    )]
    Lost(String),
    /// Not what an agent answers.
    #[error(
        "the agent's answer cannot be read ({0}); is the program of another version than the running agent? Stop it and start it again"
    )]
    Unreadable(String),
    /// The agent says what is wrong.
    #[error("{0}")]
    Problem(Box<Problem>),
}

impl ClientError {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NotRunning { .. } => Exit::NotRunning,
            Self::Forbidden { .. } | Self::Socket { .. } | Self::Untrusted { .. } => Exit::Home,
            Self::Remote(RemoteError::Away { .. }) => Exit::NotRunning,
            Self::Remote(RemoteError::Wrong { .. }) => Exit::Unverified,
            Self::Remote(RemoteError::Handshake { .. }) => Exit::Home,
            Self::Full { .. } | Self::Timeout(_) | Self::Lost(_) | Self::Unreadable(_) => Exit::Busy,
            Self::Problem(problem) => problem.exit(),
        }
    }

    /// Did the request perhaps reach the agent, so that a payment may have come of it?
    pub fn may_be_decided(&self) -> bool {
        match self {
            Self::NotRunning { .. }
            | Self::Full { .. }
            | Self::Forbidden { .. }
            | Self::Untrusted { .. }
            | Self::Socket { .. }
            | Self::Remote(_) => false,
            Self::Timeout(_) | Self::Lost(_) | Self::Unreadable(_) => true,
            Self::Problem(problem) => problem.may_be_decided(),
        }
    }

    /// The spend that the agent names in its problem.
    pub fn spend(&self) -> Option<u64> {
        if let Self::Problem(problem) = self { problem.spend() } else { None }
    }

    /// The spend that the key stands for already, if that is the problem.
    pub fn conflict(&self) -> Option<u64> {
        if let Self::Problem(problem) = self { problem.conflict() } else { None }
    }

    /// Is it worth asking again with the same key, and after how long at least?
    pub fn retry(&self) -> Option<Duration> {
        match self {
            Self::Full { .. } | Self::Timeout(_) | Self::Lost(_) => Some(Duration::ZERO),
            Self::Problem(problem) if problem.is_passing() => Some(problem.retry_after.unwrap_or_default()),
            _ => None,
        }
    }
}

/// One thread that asks and waits.
pub struct Client {
    runtime: tokio::runtime::Runtime,
    link: Arc<Link>,
}

impl Client {
    /// For the agent that this home asks: its own, or one on another machine; nothing is opened yet.
    pub fn new(global: &Global) -> Result<Self, CliError> {
        Self::to(global, &global.config()?)
    }

    /// For the agent that a home with this configuration asks.
    pub fn to(global: &Global, config: &Config) -> Result<Self, CliError> {
        match &config.remote {
            Some(remote) => Self::by(&config.socket, Way::Remote(remote.door(&config.home)?)),
            None => Self::local(global, config),
        }
    }

    /// For the agent that a person's home names.
    pub fn of_person(person: &Person) -> Result<Self, CliError> {
        match &person.agent {
            Some(Place::Remote(remote)) => Self::by(&person.home, Way::Remote(remote.door(&person.home)?)),
            Some(Place::Socket(socket)) => {
                let start = "bursar serve --background, with --home and the agent's home folder".to_owned();
                Self::by(socket, Way::Local { socket: Address::of_folder(socket), start })
            }
            None => Err(CliError::Home(
                "this home names no agent; add [remote] with `socket`, or `url` and `certificate`, to config.toml, or work with \
                 files: --inbox FILE --out FILE"
                    .to_owned(),
            )),
        }
    }

    /// For the agent of the home itself, whatever other one its commands ask.
    pub fn local(global: &Global, config: &Config) -> Result<Self, CliError> {
        let start = global.command("serve --background");
        let socket = Address::of_home(&config.home, &config.socket);
        Self::by(&config.socket, Way::Local { socket, start })
    }

    fn by(about: &Path, way: Way) -> Result<Self, CliError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| ClientError::Socket { socket: about.to_owned(), source })?;
        Ok(Self { runtime, link: Arc::new(Link::new(way)) })
    }

    /// Asks, waits, decodes.
    pub fn ask<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, ClientError> {
        self.runtime.block_on(self.link.ask(ask))?.decode()
    }

    /// Asks, waits, and answers with the text.
    pub fn text(&self, ask: &Ask) -> Result<String, ClientError> {
        self.runtime.block_on(self.link.ask(ask))?.text()
    }

    /// Does somebody answer?
    pub fn is_running(&self) -> Result<bool, ClientError> {
        match self.runtime.block_on(self.link.ask(&Ask::get("/healthz"))) {
            Err(ClientError::NotRunning { .. } | ClientError::Remote(RemoteError::Away { .. })) => Ok(false),
            // Whoever holds the socket is an agent that is in trouble, which is running all the same.
            Ok(_)
            | Err(
                ClientError::Problem(_)
                | ClientError::Timeout(_)
                | ClientError::Lost(_)
                | ClientError::Full { .. },
            ) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Runs something that asks several things at the same time.
    pub fn run<F: Future>(&self, work: impl FnOnce(Arc<Link>) -> F) -> F::Output {
        self.runtime.block_on(work(self.link.clone()))
    }
}
