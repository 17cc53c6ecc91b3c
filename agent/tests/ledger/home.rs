//! A home folder with a ledger, accounts made from seeds, and a clock that tests move.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bursar::ledger::embedded::genesis::Genesis;
use bursar::ledger::embedded::read::Reader;
use bursar::ledger::embedded::verify::{Verified, verify};
use bursar::ledger::embedded::{Clock, Embedded};
use bursar::ledger::{LedgerError, Outcome, Receipt};
use bursar::store::StoreError;
use bursar_core::amount::{Amount, Asset};
use bursar_core::decode::transfer::{Kind, Memo, Nonce, Payload, SignedTransfer, Transfer};
use bursar_core::key::{PublicKey, Signature};
use bursar_core::name::Name;
use bursar_core::time::Timestamp;
use ed25519_dalek::{Signer, SigningKey};

/// What the clock says at first.
pub const NOW: &str = "2026-11-22T09:30:00Z";
/// Whose seed the node key has.
pub const NODE: u8 = 99;

/// A home folder that goes away with the test.
pub struct Home {
    folder: tempfile::TempDir,
    /// What the ledger began with.
    pub genesis: Genesis,
    time: Arc<AtomicI64>,
    nonce: AtomicU64,
}

/// The asset of these tests.
pub fn eur() -> Name {
    "EUR".parse().unwrap()
}

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// The account whose key has this seed.
pub fn account(seed: u8) -> PublicKey {
    PublicKey::ed25519(*secret(seed).verifying_key().as_bytes()).unwrap()
}

/// Signs any bytes.
pub fn sign_bytes(seed: u8, bytes: &[u8]) -> Signature {
    Signature(secret(seed).sign(bytes).to_bytes())
}

/// Signs a payment with the key of this seed.
pub fn sign(seed: u8, transfer: &Transfer) -> SignedTransfer {
    sign_as(Kind::Pay, seed, transfer)
}

/// Signs a payment or an issue with the key of this seed.
pub fn sign_as(kind: Kind, seed: u8, transfer: &Transfer) -> SignedTransfer {
    let payload = Payload::encode_as(kind, transfer.clone()).unwrap();
    let signature = sign_bytes(seed, &payload.signing_bytes());
    SignedTransfer::verify(payload, signature).unwrap()
}

/// A genesis with these balances.
pub fn genesis_of(balances: impl IntoIterator<Item = (PublicKey, Name, Amount)>) -> Genesis {
    let asset = Asset::new(eur(), 2).unwrap();
    Genesis::new("town".parse().unwrap(), [asset], balances, account(NODE)).unwrap()
}

/// A genesis with these balances in cents, by seed.
pub fn genesis(balances: &[(u8, u64)]) -> Genesis {
    genesis_of(balances.iter().map(|(who, cents)| (account(*who), eur(), Amount::from(*cents))))
}

/// The next payment, with a nonce of its own, made now and valid for an hour.
pub fn payment(home: &Home, from: u8, to: u8, cents: u64) -> Transfer {
    let created = home.now().whole_seconds();
    let mut nonce = [0; 16];
    nonce[8..].copy_from_slice(&home.nonce.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Transfer {
        ledger: home.genesis.id(),
        from: account(from),
        to: account(to),
        asset: eur(),
        amount: Amount::from(cents),
        memo: "invoice \"17\"".parse::<Memo>().unwrap(),
        nonce: Nonce(nonce),
        created,
        valid_until: created.plus_millis(3_600_000),
    }
}

/// The receipt, which has to be there.
pub fn receipt(outcome: Result<Outcome, LedgerError>) -> Receipt {
    match outcome {
        Ok(Outcome::Recorded(receipt)) => receipt,
        other => panic!("not recorded: {other:?}"),
    }
}

/// What an account has, in cents, as the file says.
pub fn balance(home: &Home, who: u8) -> u64 {
    let balances = home.reader().overview().unwrap().balances;
    let found = balances.iter().find(|(key, asset, _)| *key == account(who) && *asset == eur());
    found.map_or(0, |(_, _, amount)| amount.to_string().parse().unwrap())
}

impl Home {
    /// Account 1 has 1000.00.
    pub fn new() -> Self {
        Self::funded(&[(1, 100_000)])
    }

    /// Accounts with these balances in cents, by seed.
    pub fn funded(balances: &[(u8, u64)]) -> Self {
        Self::with(genesis(balances))
    }

    /// A new ledger with this genesis.
    pub fn with(genesis: Genesis) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Embedded::create(folder.path(), &genesis).unwrap();
        let start: Timestamp = NOW.parse().unwrap();
        Self { folder, genesis, time: Arc::new(AtomicI64::new(start.millis())), nonce: AtomicU64::new(0) }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The ledger's file.
    pub fn file(&self) -> PathBuf {
        self.path().join(bursar::ledger::embedded::FILE)
    }

    /// What the clock says.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.time.load(Ordering::SeqCst)).unwrap()
    }

    /// Moves the clock, also back.
    pub fn advance(&self, millis: i64) {
        self.time.fetch_add(millis, Ordering::SeqCst);
    }

    /// The clock, for a ledger.
    pub fn clock(&self) -> Clock {
        let time = self.time.clone();
        Arc::new(move || Timestamp::from_millis(time.load(Ordering::SeqCst)).unwrap())
    }

    /// Opens the ledger for writing.
    pub fn open(&self) -> Embedded {
        self.try_open().unwrap()
    }

    /// Opens the ledger for writing, or says what is wrong with it.
    pub fn try_open(&self) -> Result<Embedded, StoreError> {
        Embedded::open_with(self.path(), self.genesis.clone(), self.clock(), |_| ())
    }

    /// Opens the ledger for reading.
    pub fn reader(&self) -> Reader {
        Reader::open(self.path(), Arc::new(self.genesis.clone())).unwrap()
    }

    /// Verifies the whole file.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        verify(&self.file(), &self.genesis, |_| ())
    }

    /// Somebody else's hands in the file.
    pub fn sql(&self, sql: &str) {
        let connection = self.hands();
        connection.execute_batch(sql).unwrap();
    }

    /// A connection past every rule.
    pub fn hands(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.file()).unwrap();
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
        connection
    }
}
