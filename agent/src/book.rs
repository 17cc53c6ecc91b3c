//! The book: judges and reserves in one atomic step, and remembers every decision.
//!
//! What the book hands out proves what it has made durable: [`Reserved`] after the decision,
//! [`Kept`] after the signature. Nobody else can make either.

mod departures;
pub mod draft;
pub mod in_force;
pub mod inbox;
pub mod lineage;
mod pending;
pub mod people;
pub use bursar_core::hex;
pub mod past;
pub mod read;
pub mod record;
pub mod rejudge;
mod replay;
pub mod request;
mod rows;
mod sqlite;
pub mod turned_away;
pub mod view;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bursar_core::decode::transfer::{Payload, SignedTransfer};
use bursar_core::intent::LedgerId;
use bursar_core::log::Hash;
use bursar_core::name::Name;
use bursar_core::policy::{Explanation, Policy, Standing};
use bursar_core::time::Timestamp;

use crate::clock::{Suspect, Tolerance, Watch};
use crate::ledger;
use crate::store::{StoreError, WriteError, Writer};
use crate::token::Signed;
pub use departures::Departure;
use departures::Departures;
use draft::Draft;
use in_force::InForce;
pub use people::{Agreement, Install, Proposing, Turn, Voted};
use request::KeyUse;
use sqlite::BookStore;
pub use sqlite::{Statement, not_counted};
use turned_away::{Recent, Refusal};
use view::{Position, Spend};

/// The file's name in the home folder.
pub const FILE: &str = "book.db";
/// SQLite's `application_id` of a book: "Bkbk".
pub const MARK: i32 = 0x426b_626b;

/// A decision that is durable: this payment may be signed, once it is, and nothing else.
///
/// Carries the exact bytes to be signed. Only the book makes one.
#[derive(Debug)]
#[must_use = "the budget is held; sign it"]
pub struct Reserved {
    spend: u64,
    account: Name,
    payload: Payload,
}

impl Reserved {
    /// The spend's id.
    pub fn spend(&self) -> u64 {
        self.spend
    }

    /// Whose key has to sign.
    pub fn account(&self) -> &Name {
        &self.account
    }

    /// What has to be signed.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }
}

/// A signature that is durable: it may leave. Only the book makes one.
#[derive(Debug)]
#[must_use = "it is signed; forward it"]
pub struct Kept {
    spend: u64,
    account: Name,
    transfer: SignedTransfer,
}

impl Kept {
    /// The spend's id.
    pub fn spend(&self) -> u64 {
        self.spend
    }

    /// What may leave.
    pub fn transfer(&self) -> &SignedTransfer {
        &self.transfer
    }
}

/// What the book answers to a request.
#[derive(Debug)]
pub enum Decision {
    /// Allowed, and durable.
    Reserved(Reserved),
    /// Denied now, or the stored answer to an earlier request under this key.
    Answered(Box<Spend>),
    /// The key was used before, for a payment that is not finished.
    Unfinished(Unfinished),
    /// The key was used before, for another request.
    Conflict(u64),
    /// The clock jumped; nothing was decided.
    Suspect(Suspect),
    /// Another bundle came into force after the names were looked up; nothing was decided.
    Stale,
}

/// A payment between its decision and its end.
#[derive(Debug)]
pub enum Unfinished {
    /// To be signed.
    Reserved(Reserved),
    /// To be forwarded.
    Kept(Kept),
}

/// What the book answers to a signature.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the large one is what nearly every payment takes")]
pub enum Keeping {
    /// It is durable.
    Kept(Kept),
    /// The payment ended meanwhile; this signature is not kept and may not leave.
    Ended(Box<Spend>),
}

/// Which unfinished payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those begun more than ten seconds ago.
    Stuck,
}

/// A payment whose time has passed and that still holds its budgets.
#[derive(Clone, Copy, Debug)]
pub struct Overdue {
    /// The spend's id.
    pub spend: u64,
    /// Id of the transaction.
    pub digest: Hash,
    /// May a signature have left?
    pub signed: bool,
}

/// Why a book could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Older than the token's anchor says, or not there at all.
    #[error("{0}")]
    Anchor(String),
}

/// What became of a signed payment.
#[derive(Debug)]
pub enum Outcome {
    /// The ledger recorded it.
    Recorded(Position),
    /// There is no ledger; the envelope goes to the caller.
    HandedOut,
    /// The ledger did not take it, for this reason.
    Refused(String),
}

impl From<ledger::Receipt> for Outcome {
    fn from(receipt: ledger::Receipt) -> Self {
        Self::Recorded(Position { position: receipt.position, recorded: receipt.recorded })
    }
}

impl From<ledger::Outcome> for Outcome {
    fn from(outcome: ledger::Outcome) -> Self {
        match outcome {
            ledger::Outcome::Recorded(receipt) => receipt.into(),
            ledger::Outcome::HandedOut => Self::HandedOut,
        }
    }
}

/// How to open a book.
#[derive(Clone, Debug)]
pub struct Options {
    /// The home folder.
    pub home: PathBuf,
    /// The home's id, if only its own book will do.
    pub id: Option<String>,
    /// The policy bundle of the home's file, if it can be read; the book decides whether it counts.
    pub policy: Option<Arc<Policy>>,
    /// Who may ask for payments: what others had asked for, and nobody signed yet, is not gone on with.
    /// Anybody, if nothing is said.
    pub requesters: Option<BTreeSet<Name>>,
    /// The agent's time.
    pub watch: Arc<Watch>,
    /// Called now and then while records are read: how many so far.
    pub progress: fn(u64),
}

/// The book of one home.
pub struct Book {
    writer: Writer<BookStore>,
    refusals: Mutex<Recent>,
    in_force: InForce,
    departures: Departures,
}

impl Book {
    /// Makes the file of an empty book; refuses to replace one.
    pub fn create(home: &Path, id: &str) -> Result<(), StoreError> {
        // Whatever the clock says when a home is made is its first time.
        let tolerance = Tolerance { running: Duration::ZERO, restarted: Duration::ZERO };
        sqlite::create(&home.join(FILE), id, &Watch::new(tolerance))
    }

    /// Opens the book, reads every record, and compares with everything derived from them.
    pub fn open(options: Options) -> Result<Self, BookError> {
        let cell = Arc::new(OnceLock::new());
        let departures = Departures::default();
        let (own, gates) = (cell.clone(), departures.clone());
        let open = move || BookStore::open(&options, &own, &gates).map_err(BookError::Store);
        let writer = Writer::spawn("book", open)?;
        let in_force = cell.get().cloned().ok_or_else(|| StoreError::Open {
            file: FILE.to_owned(),
            what: "no policy is in force; start again".to_owned(),
        })?;
        Ok(Self { writer, refusals: Mutex::default(), in_force, departures })
    }

    /// Judges and reserves in one step, or answers what was decided before.
    #[tracing::instrument(name = "book.reserve", level = "debug", skip_all)]
    pub async fn reserve(&self, draft: Draft) -> Result<Decision, WriteError> {
        self.writer.run(move |book| book.reserve(draft)).await
    }

    /// What was answered before under this key; `None` if it is new.
    pub async fn lookup(&self, used: KeyUse, body: Hash) -> Result<Option<Decision>, WriteError> {
        self.writer.run(move |book| book.lookup(&used, &body)).await
    }

    /// Makes a signature durable, so that it may leave; one that came too late, or second, does not.
    #[tracing::instrument(name = "book.keep", level = "debug", skip_all)]
    pub async fn keep(&self, signed: Signed) -> Result<Keeping, WriteError> {
        self.writer.run(move |book| book.keep(signed)).await
    }

    /// Lets a payment leave for the ledger; `None` if its account was frozen meanwhile.
    pub fn depart(&self, kept: &Kept) -> Option<Departure> {
        self.departures.leave(&kept.account, kept.spend)
    }

    /// Is this account frozen?
    pub fn is_frozen(&self, account: &Name) -> bool {
        self.departures.is_frozen(account)
    }

    /// What of a frozen account the ledger may still record, when it has had `within` to answer.
    pub async fn on_their_way(&self, account: &Name, within: Duration) -> Vec<u64> {
        self.departures.settled(account, within).await
    }

    /// Writes down what the ledger answered. If a crash takes that back, the next start asks the
    /// ledger again.
    #[tracing::instrument(name = "book.settle", level = "debug", skip_all)]
    pub async fn settle(&self, spend: u64, digest: Hash, outcome: Outcome) -> Result<Spend, WriteError> {
        self.writer.run_soon(move |book| book.settle(spend, digest, outcome)).await
    }

    /// Writes down that a step failed; the payment stays as it is.
    pub async fn failed(&self, spend: u64, reason: String) -> Result<Spend, WriteError> {
        self.writer.run(move |book| book.failed(spend, reason)).await
    }

    /// Writes down why a payment may not leave now, if that still is so.
    pub async fn hold(&self, spend: u64) -> Result<Spend, WriteError> {
        self.writer.run(move |book| book.hold(spend)).await
    }

    /// Gives back what a payment holds, because it can never be recorded any more: its valid-until
    /// has passed, and at the ledger's time `as_of` it was not there; or no signature of it ever
    /// left, and then no ledger is asked. Answers whether that holds.
    pub async fn expire(
        &self,
        spend: u64,
        digest: Hash,
        as_of: Option<Timestamp>,
    ) -> Result<bool, WriteError> {
        self.writer.run(move |book| book.expire(spend, digest, as_of)).await
    }

    /// The payments that are neither finished nor refused, oldest first: all, or those begun more
    /// than ten seconds ago.
    pub async fn unfinished(&self, which: Which) -> Result<Vec<Turn>, WriteError> {
        self.writer.run(move |book| book.unfinished(which)).await
    }

    /// Goes on with a payment, if it is still unfinished and the policy in force still allows what
    /// is not signed yet. Whoever asks has the turn of its key.
    pub async fn take_up(&self, spend: u64) -> Result<Option<Unfinished>, WriteError> {
        self.writer.run(move |book| book.take_up(spend)).await
    }

    /// The payments whose time has passed and that still hold their budgets.
    pub async fn overdue(&self) -> Result<Vec<Overdue>, WriteError> {
        self.writer.run(|book| Ok(book.overdue())).await
    }

    /// An open payment for another ledger than this one, if there is any.
    pub async fn open_elsewhere(&self, ledger: LedgerId) -> Result<Option<(u64, LedgerId)>, WriteError> {
        self.writer.run(move |book| Ok(book.open_elsewhere(ledger))).await
    }

    /// Has anything ever been asked of it?
    pub async fn is_new(&self) -> Result<bool, WriteError> {
        self.writer.run(|book| Ok(book.is_new())).await
    }

    /// Writes down that an older state was accepted: what the ledger has so far is no news any more.
    pub async fn accept_rollback(&self, ledger: Option<u64>) -> Result<(), WriteError> {
        self.writer.run(move |book| book.accept_rollback(ledger)).await
    }

    /// The highest position on the ledger that the book knows of.
    pub async fn last_position(&self) -> Result<Option<u64>, WriteError> {
        self.writer.run(|book| Ok(book.last_position())).await
    }

    /// Does the book hold an unfinished payment with this digest?
    pub async fn is_open(&self, digest: Hash) -> Result<bool, WriteError> {
        self.writer.run(move |book| Ok(book.is_open(&digest))).await
    }

    /// Judges without reserving anything.
    pub async fn explain(&self, draft: Draft) -> Result<Explanation, WriteError> {
        self.writer.run(move |book| Ok(book.explain(&draft))).await
    }

    /// The bundle in force as of now, until when, and how full every budget is that is in use: what
    /// `policy show` prints.
    pub async fn shown(&self) -> Result<Shown, WriteError> {
        self.writer.run(|book| book.shown()).await
    }

    /// Size and root of the log, and the policy in force.
    pub async fn head(&self) -> Result<Head, WriteError> {
        self.writer.run(|book| Ok(book.head())).await
    }

    /// The root of the log when it had `size` records; `None` when it has fewer.
    pub async fn root_at(&self, size: u64) -> Result<Option<Hash>, WriteError> {
        self.writer.run(move |book| book.root_at(size)).await
    }

    /// Keeps the latest signed checkpoint beside the log.
    pub async fn keep_checkpoint(&self, size: u64, text: String) -> Result<(), WriteError> {
        self.writer.run(move |book| book.keep_checkpoint(size, &text)).await
    }

    /// Takes the clock's time as right after it had jumped.
    pub async fn confirm_clock(&self, caller: Name) -> Result<(), WriteError> {
        self.writer.run(move |book| book.confirm_clock(caller)).await
    }

    /// Writes down that somebody was turned away; once a minute for one caller, one route and one
    /// code, and sixty times a minute for one caller, or for all strangers. Was it written down?
    pub async fn turned_away(&self, refusal: Refusal) -> Result<bool, WriteError> {
        // Looked at before the queue: strangers do not fill that either.
        if !self.refusals.lock().unwrap_or_else(PoisonError::into_inner).admit(&refusal, Instant::now()) {
            return Ok(false);
        }
        self.writer.run(move |book| book.turned_away(refusal)).await.map(|()| true)
    }

    /// Waits until everything that was answered so far can be read from the file.
    pub async fn flush(&self) -> Result<(), WriteError> {
        self.writer.run(|_| Ok(())).await
    }

    /// How many more requests fit into the queue.
    pub fn room(&self) -> usize {
        self.writer.room()
    }
}

/// The bundle in force, as people see it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The bundle.
    pub policy: Arc<Policy>,
    /// Break-glass: from then on the bundle before it is in force again.
    pub until: Option<Timestamp>,
    /// How full its budgets are; none in the seconds from the end of break-glass until the book has
    /// counted them anew.
    pub budgets: Vec<Standing>,
}

/// Where the log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of records.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// SHA-256 of the policy bundle in force.
    pub policy: [u8; 32],
}
