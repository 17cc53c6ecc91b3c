//! Why a command failed, and with which exit code.

use std::path::PathBuf;

use bursar_core::policy::PolicyError;

use super::client::ClientError;
use super::exit::Exit;
use crate::agent::AgentError;
use crate::anchor::AnchorError;
use crate::config::ConfigError;
use crate::config::pinned::PinnedError;
use crate::keys_file::KeysFileError;
use crate::serve::ServeError;
use crate::store::StoreError;
use crate::tls::certificate::CertificateError;
use crate::token::TokenError;
use crate::token::fault::Fault;

/// Why a command failed. Each message says what happened and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line is wrong in a way that its grammar cannot tell.
    #[error("{0}")]
    Usage(String),
    /// The home folder.
    #[error("{0}")]
    Home(String),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The policy bundle.
    #[error("{path}: {source}")]
    Policy {
        /// The file.
        path: PathBuf,
        /// Line, column, and what was expected.
        source: PolicyError,
    },
    /// The file of public keys.
    #[error(transparent)]
    Keys(#[from] KeysFileError),
    /// The book or the ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The book or the ledger, in other words.
    #[error("{0}")]
    Damaged(String),
    /// The token, a key or the PIN.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The running agent, or that there is none.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The home's own certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The daemon.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Another agent.
    #[error("{0}")]
    InUse(String),
    /// It takes longer than this command waits.
    #[error("{0}")]
    Busy(String),
    /// The agent is another one than this home is for.
    #[error(transparent)]
    Pinned(#[from] PinnedError),
    /// Something does not verify.
    #[error("{0}")]
    Unverified(String),
    /// Two bundles cannot be compared.
    #[error("{0}")]
    Uncompared(String),
    /// A file that the command line names.
    #[error("{path}: {source}; check the path, its permissions and the disk")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An error whose exit code was decided elsewhere: by a child, or by the agent.
    #[error("{message}")]
    Ended {
        /// The exit code.
        exit: Exit,
        /// What happened, and what to do next.
        message: String,
    },
}

impl CliError {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Home(_) | Self::Config(_) | Self::Policy { .. } | Self::Keys(_) | Self::Certificate(_) => {
                Exit::Home
            }
            Self::Store(_) | Self::Damaged(_) => Exit::Damaged,
            Self::Token(error) => token(error),
            Self::Client(error) => error.exit(),
            Self::Serve(error) => serve(error),
            Self::InUse(_) => Exit::InUse,
            Self::Busy(_) => Exit::Busy,
            Self::Pinned(PinnedError::File { .. }) => Exit::Home,
            Self::Unverified(_) | Self::Pinned(PinnedError::Other { .. }) => Exit::Unverified,
            Self::Uncompared(_) => Exit::Uncompared,
            Self::File { .. } => Exit::File,
            Self::Ended { exit, .. } => *exit,
        }
    }
}

/// The exit code of an error of the token.
pub fn token(error: &TokenError) -> Exit {
    match error.fault() {
        Fault::Device => Exit::Token,
        Fault::Pin => Exit::Pin,
        Fault::Key => Exit::Key,
        Fault::Passing => Exit::Busy,
    }
}

/// The exit code of a daemon that did not start, or ended.
fn serve(error: &ServeError) -> Exit {
    match error {
        ServeError::Locked(_) | ServeError::SocketInUse(_) => Exit::InUse,
        ServeError::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => Exit::InUse,
        ServeError::Socket { .. }
        | ServeError::Listen { .. }
        | ServeError::Certificate(_)
        | ServeError::System { .. } => Exit::Home,
        ServeError::Agent(error) => match error {
            AgentError::Policy { .. } | AgentError::Read { .. } => Exit::Home,
            AgentError::Token(error) | AgentError::Anchor(AnchorError::Token(error)) => token(error),
            AgentError::Write(_) | AgentError::Anchor(AnchorError::Write(_)) => Exit::Busy,
            _ => Exit::Damaged,
        },
    }
}

/// A file that contradicts itself is what a verification is there to find.
pub fn unverified(error: StoreError) -> CliError {
    match error {
        StoreError::Damaged { .. } => CliError::Unverified(error.to_string()),
        other => CliError::Store(other),
    }
}
