//! An open token: what its keys can do.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::op::{data, derive, find, generate, sign};
use crate::pool::Pool;
use crate::{
    Error, Key, KeyUri, Module, NewKey, Pending, Pin, PoolOptions, PoolState, PublicKey, RawSignature,
    TokenInfo, TokenUri,
};

/// A token with its pool of sessions; clones share them. Dropped for the last time, what is queued
/// is still done, then the sessions are closed, which logs out.
#[derive(Clone)]
pub struct Token(Arc<Pool>);

impl Token {
    pub(crate) fn open(
        module: Module,
        info: TokenInfo,
        pin: Option<Pin>,
        options: PoolOptions,
    ) -> Result<Token, Error> {
        Ok(Token(Arc::new(Pool::start(module, info, pin, options)?)))
    }

    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn shared(&self) -> &crate::pool::Shared {
        &self.0.shared
    }

    /// What the token said of itself when it was opened.
    pub fn info(&self) -> &TokenInfo {
        &self.0.shared.info
    }

    /// What the pool is doing, without asking the token.
    pub fn state(&self) -> PoolState {
        self.0.state()
    }

    /// Asks the token whether it is there, before all waiting jobs: C_GetTokenInfo, since sessions of
    /// a vanished token may look well. Blocks for the deadline at most; async callers use
    /// [`Token::check`].
    ///
    /// # Errors
    /// [`Error::Unplugged`]; [`Error::Deadline`], at once when every worker hangs already.
    pub fn health(&self) -> Result<(), Error> {
        self.check().wait()
    }

    /// [`Token::health`] to be awaited.
    pub fn check(&self) -> Pending<()> {
        let state = self.state();
        if state.overdue >= state.workers {
            return Pending::ready(Err(Error::Deadline));
        }
        self.0.submit_first(|worker| {
            worker.attempt(|shared, seat| {
                let gone = || Error::Unplugged { token: TokenUri::of(&shared.info).to_string() };
                let raw = shared.module.context().get_token_info(seat.slot).map_err(|_| gone())?;
                let now = TokenInfo::new(seat.slot, &raw);
                if TokenUri::of(&shared.info).matches(&now) { Ok(()) } else { Err(gone()) }
            })
        })
    }

    /// Generates a key pair inside the token: sensitive, not extractable, not modifiable, private, with
    /// every usage flag said explicitly, read back and compared; on stable storage when it answers.
    ///
    /// # Errors
    /// [`Error::KeyExists`] for a label or id that a key has, [`Error::Unsupported`] for an
    /// algorithm that the token lacks, [`Error::Attributes`], [`Error::NotDurable`].
    pub fn generate(&self, new: NewKey) -> Pending<Key> {
        let new = match generate::checked(new) {
            Ok(new) => new,
            Err(error) => return Pending::ready(Err(error)),
        };
        self.0.submit(move |worker| {
            let shared = Arc::clone(&worker.shared);
            let _turn = shared.writing();
            worker.attempt(|_, seat| generate::unused(seat, &new))?;
            worker.once(|shared, seat| generate::generate(shared, seat, &new))
        })
    }

    /// All private keys of a supported algorithm whose id has exactly one public key.
    pub fn keys(&self) -> Pending<Vec<Key>> {
        self.0.submit(|worker| worker.attempt(|_, seat| find::keys(seat)))
    }

    /// The one private key that the URI names.
    ///
    /// # Errors
    /// [`Error::KeyNotFound`] (lists what is there), [`Error::KeyAmbiguous`].
    pub fn find(&self, uri: &KeyUri) -> Pending<Key> {
        let uri = uri.clone();
        self.0.submit(move |worker| worker.attempt(|shared, seat| find::find(shared, seat, &uri)))
    }

    /// Signs the message and hands out what `check` makes of it.
    ///
    /// `check` gets the public key, the message and the normalised signature, runs on the worker's
    /// thread and **must verify**; only what it returns leaves the pool. It is a closure of the caller
    /// so that the caller's own type of proof travels out and nothing is verified twice; there is no
    /// way to sign without one. On `None` the key is quarantined: a token that once returned a wrong
    /// signature is asked for no other until it is opened again.
    ///
    /// Ed25519 signs the message itself, ECDSA its SHA-256.
    ///
    /// A key that is deleted from the token by another process signs for 1 s at most afterwards.
    ///
    /// # Errors
    /// [`Error::BadSignature`], [`Error::Quarantined`], [`Error::KeyNotFound`],
    /// [`Error::Unplugged`].
    pub fn sign<P: Send + 'static>(
        &self,
        key: &Key,
        message: Vec<u8>,
        check: impl FnOnce(&PublicKey, &[u8], &RawSignature) -> Option<P> + Send + 'static,
    ) -> Pending<P> {
        let key = key.clone();
        self.0.submit(move |worker| {
            sign::permitted(&worker.shared, &key)?;
            let raw = worker.attempt(|shared, seat| sign::sign(shared, seat, &key, &message))?;
            check(key.public_key(), &message, &raw).ok_or_else(|| {
                worker.shared.quarantine().insert(*key.public_key());
                Error::BadSignature { key: key.label().to_owned() }
            })
        })
    }

    /// ECDH with a P-256 key: the 32 bytes of the x coordinate (CKD_NULL). The peer's point, SEC1
    /// compressed or not, is checked to be on the curve first.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a wrong point, a signing key, or a token that keeps the secret.
    pub fn derive(&self, key: &Key, peer_sec1: &[u8]) -> Pending<Zeroizing<Vec<u8>>> {
        let peer = match derive::peer(key, peer_sec1) {
            Ok(peer) => peer,
            Err(error) => return Pending::ready(Err(error)),
        };
        let key = key.clone();
        self.0.submit(move |worker| worker.attempt(|shared, seat| derive::derive(shared, seat, &key, &peer)))
    }

    /// The newest value of a private data object.
    ///
    /// # Errors
    /// [`Error::DataAmbiguous`] after two processes wrote it at once.
    pub fn read_data(&self, label: &str) -> Pending<Option<Vec<u8>>> {
        let label = label.to_owned();
        self.0.submit(move |worker| worker.attempt(|shared, seat| data::read(shared, seat, &label)))
    }

    /// Replaces the value of a private data object, on stable storage when it answers. A crash at any
    /// point leaves the old value or the new one, never none.
    pub fn write_data(&self, label: &str, value: Vec<u8>) -> Pending<()> {
        let label = label.to_owned();
        self.0.submit(move |worker| {
            let shared = Arc::clone(&worker.shared);
            let _turn = shared.writing();
            // Repeating it is harmless: the next generation replaces whatever the first try left.
            worker.attempt(|shared, seat| data::write(shared, seat, &label, &value))
        })
    }

    /// Deletes a private data object; one that is not there is no error.
    pub fn delete_data(&self, label: &str) -> Pending<()> {
        let label = label.to_owned();
        self.0.submit(move |worker| {
            let shared = Arc::clone(&worker.shared);
            let _turn = shared.writing();
            worker.attempt(|shared, seat| data::delete(shared, seat, &label))
        })
    }

    /// `n` bytes of the token's random number generator, 1 MiB at most.
    pub fn random(&self, n: usize) -> Pending<Zeroizing<Vec<u8>>> {
        if n > 1 << 20 {
            let why = "more than 1 MiB of random bytes at once: ask for less".to_owned();
            return Pending::ready(Err(Error::Unsupported(why)));
        }
        self.0.submit(move |worker| {
            worker.attempt(|_, seat| {
                let mut bytes = Zeroizing::new(vec![0; n]);
                if n > 0 {
                    seat.session.generate_random_slice(&mut bytes)?;
                }
                Ok(bytes)
            })
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&TokenUri::of(self.info()).to_string()).finish()
    }
}
