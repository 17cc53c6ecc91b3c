//! A PKCS#11 library, loaded and initialised once.

mod gate;
pub(crate) mod info;
mod initialize;

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error as Cryptoki, RvError};
use cryptoki::session::Session;
use cryptoki::slot::Slot;

use crate::pool::{PoolOptions, lock};
use crate::quirk::Environment;
use crate::raw::{self, Calls};
use crate::{Error, Pin, Token, TokenInfo, TokenUri};
use gate::Gate;
pub(crate) use gate::Inside;

/// How long an operation that needs the module for itself waits for running calls to end.
const EXCLUSIVE: Duration = Duration::from_secs(10);

/// How many discarded sessions may wait before a worker stops the module shortly to close them.
const RETIRED_MOST: usize = 16;

/// How long it then waits for silence. Nobody enters meanwhile, so it is short; after a failure it is
/// tried again when twice as many wait, so that a call that hangs does not slow the others down.
const SILENCE: Duration = Duration::from_millis(50);

/// How to initialise a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleOptions {
    /// The string for the reserved field of C_Initialize, which NSS reads
    /// (`configdir='sql:DIR' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`).
    pub reserved: Option<String>,
}

/// A loaded module; clones are the same module. The last one dropped, and every [`Token`] opened
/// from it with its workers gone, it is finalized and may be loaded again.
///
/// PKCS#11 allows one C_Initialize a process, so loading the same library twice gives
/// [`Error::ModuleInUse`]: the module itself is asked, which needs no global here and holds for
/// other users of the library in the process, too. Never fork after loading one.
#[derive(Clone)]
pub struct Module(Arc<Inner>);

pub(crate) struct Inner {
    path: PathBuf,
    reserved: Option<CString>,
    context: Pkcs11,
    calls: Calls,
    gate: Gate,
    /// Counts C_Initialize: sessions and handles of an earlier epoch no longer exist.
    epoch: AtomicU64,
    /// Sessions in doubt, still open; closed when no other call is running.
    retired: Mutex<Vec<(u64, Session)>>,
    /// How many of them are closed next.
    bury_at: AtomicUsize,
    environment: Environment,
    /// Held over searches where the quirks say so; across tokens, since several may be one.
    searching: Mutex<()>,
}

impl Module {
    /// Loads and initialises the library.
    ///
    /// # Errors
    /// [`Error::ModuleNotFound`], [`Error::ModuleInvalid`], [`Error::ModuleInUse`].
    pub fn load(path: &Path, options: &ModuleOptions) -> Result<Module, Error> {
        let shown = path.display().to_string();
        let invalid = |why: String| Error::ModuleInvalid { path: shown.clone(), why };
        if !path.is_file() {
            return Err(Error::ModuleNotFound { path: shown });
        }
        let reserved = options
            .reserved
            .as_deref()
            .map(CString::new)
            .transpose()
            .map_err(|_| invalid("its reserved argument contains a NUL".to_owned()))?;
        let context = Pkcs11::new(path).map_err(|e| invalid(e.to_string()))?;
        let calls = Calls::load(path).map_err(&invalid)?;
        match context.initialize(raw::initialize_args(reserved.as_ref())) {
            Ok(()) => {}
            Err(Cryptoki::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {
                return Err(Error::ModuleInUse { path: shown });
            }
            Err(e) => return Err(invalid(Error::from(e).to_string())),
        }
        Ok(Module(Arc::new(Inner {
            path: path.to_path_buf(),
            reserved,
            context,
            calls,
            gate: Gate::default(),
            epoch: AtomicU64::new(1),
            retired: Mutex::default(),
            bury_at: AtomicUsize::new(RETIRED_MOST),
            environment: Environment::read(),
            searching: Mutex::default(),
        })))
    }

    /// The library's path.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Every token that answers, initialised or not. A slot whose token does not answer is left out.
    ///
    /// # Errors
    /// [`Error::Device`] when the module does not list its slots.
    pub fn tokens(&self) -> Result<Vec<TokenInfo>, Error> {
        let _inside = self.enter();
        Ok(self.slots()?.into_iter().map(|(_, info)| info).collect())
    }

    /// Finalizes and initialises the module again: what a device needs that was removed and is back.
    ///
    /// Safe with respect to open [`Token`]s: it waits until no call is running, and lets none begin
    /// meanwhile. All sessions and logins end with it; each worker sees the new epoch before its next
    /// job, forgets its old session without touching it (its number may have been given to somebody
    /// else), finds the token again by label and serial number, and logs in with the PIN it was opened
    /// with, unless that was refused. Callers notice a pause and nothing else.
    ///
    /// # Errors
    /// [`Error::Deadline`] when a call has not returned within 10 s: nothing was done.
    /// [`Error::Device`] when the module does not initialise again: call it again later.
    pub fn refresh(&self) -> Result<(), Error> {
        let _closed = self.0.gate.close(EXCLUSIVE).ok_or(Error::Deadline)?;
        match self.0.context.clone().finalize() {
            Ok(()) | Err(Cryptoki::Pkcs11(RvError::CryptokiNotInitialized, _)) => {}
            Err(e) => return Err(e.into()),
        }
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
        // Not closed: C_Finalize has ended them. They do not close themselves when dropped.
        self.retired().clear();
        self.0.context.initialize(raw::initialize_args(self.0.reserved.as_ref()))?;
        Ok(())
    }

    /// Opens the one token that matches: one session, one login with one attempt, then the pool.
    ///
    /// If this process is logged in to the token already through another [`Token`], the PIN is not
    /// tried: PKCS#11 has one login for each token and process.
    ///
    /// # Errors
    /// [`Error::TokenNotFound`] (lists what is there), [`Error::TokenAmbiguous`],
    /// [`Error::PinMissing`], [`Error::PinIncorrect`], [`Error::PinFinalTry`], [`Error::PinLocked`].
    pub fn open(&self, uri: &TokenUri, pin: Option<Pin>, pool: PoolOptions) -> Result<Token, Error> {
        let info = {
            let _inside = self.enter();
            let (mut matching, others): (Vec<_>, Vec<_>) = self
                .slots()?
                .into_iter()
                .map(|(_, info)| info)
                .filter(TokenInfo::initialized)
                .partition(|info| uri.matches(info));
            let names = |infos: &[TokenInfo]| -> Vec<String> {
                infos.iter().map(|i| TokenUri::of(i).to_string()).collect()
            };
            match (matching.pop(), matching.len()) {
                (Some(info), 0) => info,
                (Some(info), _) => {
                    matching.push(info);
                    return Err(Error::TokenAmbiguous {
                        wanted: uri.to_string(),
                        matching: names(&matching),
                    });
                }
                (None, _) => {
                    return Err(Error::TokenNotFound { wanted: uri.to_string(), available: names(&others) });
                }
            }
        };
        Token::open(self.clone(), info, pin, pool)
    }

    /// Slots with a token that answers.
    pub(crate) fn slots(&self) -> Result<Vec<(Slot, TokenInfo)>, Error> {
        let slots = self.0.context.get_slots_with_token()?;
        Ok(slots
            .into_iter()
            .filter_map(|slot| {
                let info = self.0.context.get_token_info(slot).ok()?;
                Some((slot, TokenInfo::new(slot, &info)))
            })
            .collect())
    }

    pub(crate) fn context(&self) -> &Pkcs11 {
        &self.0.context
    }

    pub(crate) fn calls(&self) -> &Calls {
        &self.0.calls
    }

    pub(crate) fn searching(&self) -> MutexGuard<'_, ()> {
        lock(&self.0.searching)
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.0.environment
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::SeqCst)
    }

    /// Every call into the module is made inside; not to be nested.
    pub(crate) fn enter(&self) -> Inside<'_> {
        self.0.gate.enter()
    }

    /// Takes a session out of use. It stays open until no other call is running: closing one under
    /// load crashes SoftHSM for the others.
    pub(crate) fn retire(&self, epoch: u64, session: Session) {
        self.retired().push((epoch, session));
    }

    /// Closes retired sessions if there are many, or `all` of them. Called outside the gate. When
    /// the module does not fall silent they stay open, which costs a handle each and nothing else.
    pub(crate) fn bury(&self, all: bool) {
        let waiting = self.retired().len();
        if waiting == 0 || (!all && waiting < self.0.bury_at.load(Ordering::Relaxed)) {
            return;
        }
        let Some(_closed) = self.0.gate.close(SILENCE) else {
            self.0.bury_at.store(waiting * 2, Ordering::Relaxed);
            return;
        };
        self.0.bury_at.store(RETIRED_MOST, Ordering::Relaxed);
        let current = self.epoch();
        for (epoch, session) in self.retired().drain(..) {
            if epoch == current {
                // It is in doubt already; whether it can be closed changes nothing.
                let _ = session.close();
            }
        }
    }

    fn retired(&self) -> MutexGuard<'_, Vec<(u64, Session)>> {
        lock(&self.0.retired)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The last user is gone, so no call is running. There is nobody left to tell of a failure.
        let _ = self.context.clone().finalize();
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Module").field(&self.0.path).finish()
    }
}
