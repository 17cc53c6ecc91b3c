//! The ledger inside the agent: accounts, balances and an append-only log in one SQLite file.
//!
//! It checks what every ledger has to check: the signature (by type), the nonce, the time, the
//! funds of who pays and the right of who issues. Whoever has the genesis verifies the whole file, or one receipt, without trusting it.

pub mod entry;
pub mod genesis;
pub mod proof;
pub mod read;
mod replay;
mod sqlite;
pub mod state;
pub mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bursar_core::decode::transfer::SignedTransfer;
use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::log::{Checkpoint, Hash, SignedCheckpoint};

use super::{BoxFuture, Ledger, LedgerError, Outcome, Status};
use crate::store::{StoreError, WriteError, Writer};
use genesis::Genesis;
use read::Reader;
pub use sqlite::{Clock, FILE};
use sqlite::{LedgerStore, Submission};

/// The embedded ledger of one home, open for writing.
pub struct Embedded {
    writer: Writer<LedgerStore>,
    genesis: Arc<Genesis>,
    home: PathBuf,
}

/// A transaction on the ledger: who sent it, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Who paid or issued.
    pub from: PublicKey,
    /// Id of the transaction.
    pub digest: Hash,
    /// Position in the log.
    pub position: u64,
}

impl From<WriteError> for LedgerError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Busy => Self::Busy,
            WriteError::Unknown(what) => Self::Unknown(what),
        }
    }
}

impl Embedded {
    /// Makes the file of a ledger without entries; refuses to replace one.
    pub fn create(home: &Path, genesis: &Genesis) -> Result<(), StoreError> {
        sqlite::create(&home.join(FILE), genesis)
    }

    /// Reads the genesis file that a ledger began with.
    pub fn read(genesis: &Path) -> Result<Genesis, StoreError> {
        Genesis::read(genesis).map_err(|error| StoreError::Open {
            file: genesis.display().to_string(),
            what: error.to_string(),
        })
    }

    /// Opens the ledger of a home folder with the genesis file it began with, reads every entry,
    /// and compares with everything that follows from them.
    pub fn open(home: &Path, genesis: &Path, clock: Clock) -> Result<Self, StoreError> {
        let read = Self::read(genesis)?;
        let progress = |entries| tracing::info!(entries, "reading the ledger");
        Self::open_with(home, read, clock, progress)
    }

    /// [`Embedded::open`] with a genesis that was read before; `progress` is told the number of entries read so far.
    pub fn open_with(
        home: &Path,
        genesis: Genesis,
        clock: Clock,
        progress: fn(u64),
    ) -> Result<Self, StoreError> {
        let genesis = Arc::new(genesis);
        let (path, known) = (home.join(FILE), genesis.clone());
        let writer = Writer::spawn("ledger", move || LedgerStore::open(&path, &known, &clock, progress))?;
        Ok(Self { writer, genesis, home: home.to_owned() })
    }

    /// What it began with.
    pub fn genesis(&self) -> &Arc<Genesis> {
        &self.genesis
    }

    /// The same file for reading, beside this writer.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.home, self.genesis.clone())
    }

    /// The log as it is now, durable: to be signed by the node key.
    pub async fn checkpoint_to_sign(&self) -> Result<Checkpoint, WriteError> {
        let (size, root) = self.writer.run(|ledger| Ok(ledger.head())).await?;
        Ok(Checkpoint { origin: self.genesis.origin().clone(), size, root })
    }

    /// Keeps a checkpoint that the node key signed; answers whether it is of this log.
    pub async fn keep_checkpoint(&self, signed: &SignedCheckpoint) -> Result<bool, WriteError> {
        // Signed, but by which key? Only the node's counts.
        let origin = self.genesis.origin();
        let Ok(signed) = SignedCheckpoint::parse(signed.as_str(), origin, self.genesis.node()) else {
            return Ok(false);
        };
        self.writer.run(move |ledger| ledger.keep_checkpoint(&signed)).await
    }

    /// Every transaction from `first` on, oldest first.
    pub fn sent_since(&self, first: u64) -> Result<Vec<Sent>, StoreError> {
        let reader = self.reader()?;
        let mut sent = Vec::new();
        loop {
            let page = reader.entries(first + u64::try_from(sent.len()).unwrap_or(u64::MAX), read::PAGE)?;
            if page.is_empty() {
                return Ok(sent);
            }
            sent.extend(page.iter().map(|entry| Sent {
                from: entry.payload.transfer().from,
                digest: entry.payload.digest(),
                position: entry.position,
            }));
        }
    }
}

impl Ledger for Embedded {
    fn id(&self) -> LedgerId {
        self.genesis.id()
    }

    fn submit<'a>(&'a self, signed: &'a SignedTransfer) -> BoxFuture<'a, Result<Outcome, LedgerError>> {
        Box::pin(async move {
            let new =
                Submission { payload: signed.payload().clone(), envelope: signed.to_envelope().to_json() };
            let receipt = self.writer.run(move |ledger| ledger.submit(&new)).await??;
            Ok(Outcome::Recorded(receipt))
        })
    }

    fn status<'a>(&'a self, digest: &'a [u8; 32]) -> BoxFuture<'a, Result<Status, LedgerError>> {
        let digest = *digest;
        Box::pin(async move { Ok(self.writer.run(move |ledger| ledger.status(&digest)).await?) })
    }
}
