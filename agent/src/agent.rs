//! The running agent: everything a configuration names, opened and checked against each other.

mod check;
mod tend;

use std::sync::Arc;

use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::log::{Checkpoint, Origin, SignedCheckpoint};
use bursar_core::name::Name;
use bursar_core::policy::{Policy, PolicyError};
use tokio::sync::Mutex;

use crate::anchor::{self, AnchorError};
use crate::book::draft::Circumstances;
use crate::book::in_force;
use crate::book::{Book, BookError, Head, Options};
use crate::clock::Watch;
use crate::config::{Config, LedgerConfig};
use crate::keys_file::{KeysFile, KeysFileError};
use crate::ledger::embedded::Embedded;
use crate::ledger::{Ledger, LedgerError, unrecorded::Unrecorded};
use crate::spend::SpendError;
use crate::store::{StoreError, WriteError};
use crate::token::keyring::Keyring;
use crate::token::role::{AuditCheckpoint, LedgerCheckpoint};
use crate::token::{Token, TokenError, open, state};
use crate::turns::Turns;

/// Everything that is open while the agent runs.
pub struct Agent {
    /// The configuration it was opened from.
    pub config: Config,
    /// The token.
    pub token: Token,
    /// The keys in it, by role.
    pub keys: Keyring,
    /// The book.
    pub book: Book,
    /// Where payments are forwarded to.
    pub ledger: Arc<dyn Ledger>,
    /// The same ledger, where it is the embedded one.
    pub embedded: Option<Arc<Embedded>>,
    /// The agent's time.
    pub watch: Arc<Watch>,
    /// Who is at work under which Idempotency-Key.
    pub turns: Arc<Turns>,
    /// One checkpoint is signed at a time.
    checkpoints: Mutex<()>,
}

/// Why the agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The policy bundle.
    #[error("{path}: {source}")]
    Policy {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        source: PolicyError,
    },
    /// A file that could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The token, its keys or the PIN.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The book.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The ledger's file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The book is not the one that the token remembers.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// The ledger knows payments that the book does not.
    #[error(
        "the ledger has a payment of account {account} at position {position} that the book does not know: an older \
         book was restored, or somebody else signs with this key. Put the current book.db back, or take the account \
         out of config.toml"
    )]
    Stranger {
        /// Whose.
        account: Name,
        /// Where.
        position: u64,
    },
    /// The book knows payments that the ledger does not.
    #[error(
        "the book has a payment at position {position} of the ledger, which has only {size} entries: an older ledger \
         was restored. Put the current ledger.db back"
    )]
    LedgerBehind {
        /// Entries on the ledger.
        size: u64,
        /// The highest position in the book.
        position: u64,
    },
    /// A group of the policy is named like an account or a caller.
    #[error(
        "the policy has a group {0:?}, and config.toml an account or a caller of that name: rules could not tell which is meant; rename one"
    )]
    Group(Name),
    /// A person decides with the key of an account, or one that signs checkpoints.
    #[error(
        "the policy names the key of {role} as {person}'s; a key has one role: give {person} a key in a token of their own"
    )]
    SharedKey {
        /// What the key is for: `account NAME`, `audit`, `node`.
        role: String,
        /// The person.
        person: Name,
    },
    /// A purpose-bound asset was there from the beginning.
    #[error(
        "the policy binds {0} to a purpose, and the ledger's genesis has balances of it that nobody issued; such an asset starts with `bursar issue`: give it an issuer in the genesis and no balances"
    )]
    Unissued(Name),
    /// The policy writes an asset with other decimals than the ledger.
    #[error(
        "the policy writes {asset} with {policy} decimals, and the ledger's genesis with {ledger}: amounts would mean something else; correct it in the policy"
    )]
    Decimals {
        /// The asset.
        asset: Name,
        /// By the genesis.
        ledger: u8,
        /// By the policy.
        policy: u8,
    },
    /// The ledger began with another node key.
    #[error(
        "the key {label:?} is not the node key that the ledger's genesis names; put the old key back under `keys.node`"
    )]
    Node {
        /// The key's label.
        label: String,
    },
    /// Payments of another ledger are open.
    #[error(
        "spend {spend} is open and for the ledger {ledger}, another one: only that ledger knows what became of it. Go back to it until the spend has ended"
    )]
    OtherLedger {
        /// The spend's id.
        spend: u64,
        /// Its ledger.
        ledger: LedgerId,
    },
    /// The file of public keys.
    #[error(transparent)]
    KeysFile(#[from] KeysFileError),
    /// The disk failed while starting.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What a start may accept that it would refuse otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leniency {
    /// Try the PIN again although it was refused.
    pub retry_pin: bool,
    /// Go on with a book that the token's anchor does not confirm.
    pub accept_rollback: bool,
}

impl Agent {
    /// Opens everything, checks it, and finishes what an earlier run had begun.
    pub async fn open(config: Config, leniency: Leniency) -> Result<Self, AgentError> {
        let policy = wished_policy(&config)?;
        let token = open::for_agent(&config, leniency.retry_pin)?;
        let keys = Keyring::open(&token, &config.labels).await?;
        if let Some(policy) = &policy {
            check::check_wished(policy, &config, &keys)?;
        }
        let watch = Arc::new(Watch::new(config.tolerance));
        let requesters =
            config.callers.iter().filter(|caller| caller.roles.has(crate::caller::Role::Requester));
        let requesters = requesters.map(|caller| caller.name.clone()).collect();
        let book = Book::open(Options {
            home: config.home.clone(),
            id: Some(config.id.clone()),
            policy,
            requesters: Some(requesters),
            watch: watch.clone(),
            progress: |records| tracing::info!(records, "reading the book"),
        })?;
        let (ledger, embedded): (Arc<dyn Ledger>, _) = match &config.ledger {
            LedgerConfig::Embedded { genesis } => {
                let time = watch.clone();
                let embedded =
                    Arc::new(Embedded::open(&config.home, genesis, Arc::new(move || time.steady()))?);
                (embedded.clone(), Some(embedded))
            }
            LedgerConfig::None { id } => (Arc::new(Unrecorded::new(*id)), None),
        };
        let agent = Self {
            config,
            token,
            keys,
            book,
            ledger,
            embedded,
            watch,
            turns: Arc::default(),
            checkpoints: Mutex::new(()),
        };
        agent.check_fit().await?;
        match agent.check_history().await {
            Err(error) if leniency.accept_rollback => agent.accept_history(&error).await?,
            checked => checked?,
        }
        KeysFile::of(&agent.keys).save(&agent.config.home)?;
        agent.anchor().await?;
        agent.recover().await;
        Ok(agent)
    }

    /// The names of the accounts, for a message.
    pub fn account_names(&self) -> String {
        let names: Vec<_> = self.keys.accounts().map(|(name, _)| name.as_str()).collect();
        if names.is_empty() { "none: add one to config.toml".to_owned() } else { names.join(", ") }
    }

    /// What the shell adds to a request: key, ledger, time, a fresh nonce.
    pub fn circumstances(&self, from: PublicKey) -> Result<Circumstances, SpendError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| SpendError::Random(error.to_string()))?;
        Ok(Circumstances {
            from,
            ledger: self.ledger.id(),
            nonce,
            now: self.watch.steady(),
            valid_for: self.config.valid_for,
            patience: self.config.patience,
        })
    }

    /// Brings the token's anchor and the signed checkpoints up to where the logs are.
    pub async fn anchor(&self) -> Result<Head, AgentError> {
        let _one = self.checkpoints.lock().await;
        let head = self.book.head().await?;
        anchor::write(&self.token, &self.config.id, head).await?;
        self.sign_audit(head).await?;
        if let Some(embedded) = &self.embedded {
            self.sign_ledger(embedded).await?;
        }
        Ok(head)
    }

    /// A checkpoint of the audit log as it is now, signed by the audit key and kept beside the log.
    pub async fn audit_checkpoint(&self) -> Result<SignedCheckpoint, AgentError> {
        let _one = self.checkpoints.lock().await;
        let head = self.book.head().await?;
        self.sign_audit(head).await
    }

    /// A checkpoint of the embedded ledger as it is now, signed by the node key and kept beside it.
    pub async fn ledger_checkpoint(&self) -> Result<Option<SignedCheckpoint>, AgentError> {
        let _one = self.checkpoints.lock().await;
        match &self.embedded {
            Some(embedded) => self.sign_ledger(embedded).await,
            None => Ok(None),
        }
    }

    async fn sign_audit(&self, head: Head) -> Result<SignedCheckpoint, AgentError> {
        let checkpoint = Checkpoint { origin: origin(&self.config)?, size: head.size, root: head.root };
        let signed = state(&self.token, self.keys.audit(), AuditCheckpoint(checkpoint)).await?;
        self.book.keep_checkpoint(head.size, signed.as_str().to_owned()).await?;
        Ok(signed)
    }

    async fn sign_ledger(&self, embedded: &Embedded) -> Result<Option<SignedCheckpoint>, AgentError> {
        let Some(node) = self.keys.node() else { return Ok(None) };
        let checkpoint = embedded.checkpoint_to_sign().await?;
        let signed = state(&self.token, node, LedgerCheckpoint(checkpoint)).await?;
        embedded.keep_checkpoint(&signed).await?;
        Ok(Some(signed))
    }
}

/// The bundle of a home's file, which the book takes over where nobody has to agree to that. A file
/// that cannot be read stops a start only then.
fn wished_policy(config: &Config) -> Result<Option<Arc<Policy>>, AgentError> {
    match read_policy(config) {
        Ok(policy) => {
            let standing = in_force::of_home(&config.home)?;
            if let Some(standing) = standing.filter(|standing| {
                standing.policy.hash() != policy.hash() && !in_force::is_open(Some(standing))
            }) {
                tracing::warn!(
                    version = standing.policy.version(),
                    "policy.toml is not the bundle in force, which only its administrators change: `bursar policy install policy.toml`, or `propose` where they are several"
                );
            }
            Ok(Some(Arc::new(policy)))
        }
        Err(error) if in_force::is_open(in_force::of_home(&config.home)?.as_ref()) => Err(error),
        Err(error) => {
            tracing::warn!(%error, "policy.toml cannot be read; the bundle in force stays");
            Ok(None)
        }
    }
}

/// Reads the policy bundle of a home.
pub fn read_policy(config: &Config) -> Result<Policy, AgentError> {
    let path = config.policy_path();
    let text =
        std::fs::read_to_string(&path).map_err(|source| AgentError::Read { path: path.clone(), source })?;
    Policy::parse(&text).map_err(|source| AgentError::Policy { path, source })
}

fn origin(config: &Config) -> Result<Origin, AgentError> {
    config.audit_origin().parse().map_err(|error: bursar_core::log::CheckpointError| {
        let what = format!("`id` cannot be part of a checkpoint: {error}");
        StoreError::Open { file: crate::config::FILE.to_owned(), what }.into()
    })
}
