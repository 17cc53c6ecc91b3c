//! A YubiHSM 2 behind its connector: bytes in, verified signatures out.
//!
//! Everything that knows the crate `yubihsm`, and the older RustCrypto types that it brings, is below
//! here. The device does one thing at a time, and so does this: one thread with one session, fed from a
//! bounded queue.
//!
//! What the crate cannot do, and what follows:
//! - It closes no session. One that is left behind expires on the device after 30 s without use; there
//!   are 16, so this opens one for each process and keeps it.
//! - Its timeouts are 20 s and fixed. Whoever waits here is answered earlier, by the queue.
//! - It panics on some malformed answers. The thread catches that and begins a new session.
//! - It fails on answers that name algorithms it does not know, as device information of newer firmware
//!   does: [`connector`] reads that.

mod connector;
mod data;
mod domain;
mod key;
mod log;
mod log_file;
mod provision;
mod queue;
mod session;

use std::sync::Arc;

use bursar_core::key::{PublicKey, Signature};
use bursar_pkcs11::Usage;
use zeroize::Zeroizing;

use self::queue::Queue;
use self::session::Session;
use super::about::{About, Device};
use super::attestation::{Evidence, Listed};
use super::device::NewKey;
use super::pin::Pin;
use super::simulated::Running;
use super::{Handle, TokenError};
use crate::config::token::YubiHsm as Config;

pub use log_file::{BROKEN, DeviceLog, FILE};
pub use provision::{Authorised, FACTORY_KEY, FACTORY_PASSWORD, factory_key_opens};

/// Object id of a key.
pub(super) type KeyId = u16;

/// A device with its one session.
#[derive(Clone)]
pub(super) struct YubiHsm {
    queue: Arc<Queue<Session>>,
    about: Arc<About>,
    uri: Arc<str>,
    /// The device itself, where this process simulates it: it runs as long as it is needed.
    _running: Option<Arc<Running>>,
}

impl YubiHsm {
    /// Asks the device who it is, opens a session once, and keeps its audit log if there is where to.
    pub fn open(config: &Config, pin: &Pin, log: Option<DeviceLog>) -> Result<Self, TokenError> {
        let queue = Queue::start(Session::new(config, pin.as_bytes(), log))?;
        let device = queue.ask_now(Session::connect)?;
        let about = About {
            label: format!("YubiHSM {:010}", device.serial),
            kind: Device::YubiHsm,
            model: if device.simulator {
                "YubiHSM 2 simulator".to_owned()
            } else {
                "Yubico YubiHSM 2".to_owned()
            },
            serial: format!("{:010}", device.serial),
            firmware: Some(device.firmware.to_string()),
            simulator: device.simulator,
        };
        let uri = config.connector.to_string().into();
        Ok(Self { queue: Arc::new(queue), about: Arc::new(about), uri, _running: None })
    }

    /// The same with the device that this process simulates, which ends with it.
    pub fn running(self, running: Option<Running>) -> Self {
        Self { _running: running.map(Arc::new), ..self }
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    pub fn uri(&self) -> String {
        self.uri.to_string()
    }

    /// Is the device there, and does it still know the session? Opens another where it does not, and
    /// answers whether it had to. Also keeps the session from expiring, and the log from filling up.
    pub async fn check(&self) -> Result<bool, TokenError> {
        Ok(self.queue.ask_first(Session::check).await?)
    }

    /// Nothing is asked of it afterwards.
    pub async fn close(&self) {
        self.queue.close();
    }

    pub async fn keys(&self) -> Result<Vec<(Handle, Usage)>, TokenError> {
        self.queue.ask(key::all).await?.into_iter().map(key::Found::handle).collect()
    }

    pub async fn find(&self, label: &str) -> Result<Handle, TokenError> {
        let label = label.to_owned();
        self.queue.ask(move |session| key::find(session, &label)).await?.handle().map(|(handle, _)| handle)
    }

    pub async fn generate(&self, new: NewKey) -> Result<Handle, TokenError> {
        self.queue.ask(move |session| key::generate(session, &new)).await?.handle().map(|(handle, _)| handle)
    }

    pub async fn random(&self, n: usize) -> Result<Vec<u8>, TokenError> {
        Ok(self.queue.ask(move |session| key::random(session, n)).await?)
    }

    pub async fn read_data(&self, label: &str) -> Result<Option<Vec<u8>>, TokenError> {
        let label = label.to_owned();
        Ok(self.queue.ask(move |session| data::read(session, &label)).await?)
    }

    pub async fn write_data(&self, label: &str, value: Vec<u8>) -> Result<(), TokenError> {
        let label = label.to_owned();
        Ok(self.queue.ask(move |session| data::write(session, &label, &value)).await?)
    }

    pub async fn derive(
        &self,
        id: KeyId,
        label: &str,
        peer: &[u8; 65],
    ) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        let (label, peer) = (label.to_owned(), peer.to_vec());
        Ok(self.queue.ask(move |session| key::derive(session, id, &label, &peer)).await?)
    }

    pub async fn attest(&self, label: &str) -> Result<(Evidence, Listed), TokenError> {
        let label = label.to_owned();
        let (evidence, found) = self.queue.ask(move |session| key::attest(session, &label)).await?;
        let (id, domains, capabilities) = (found.id, found.domains.bits(), found.capabilities.bits());
        let (handle, _) = found.handle()?;
        let serial = self.about.serial.parse().unwrap_or_default();
        let label = handle.label().to_owned();
        Ok((evidence, Listed { public: *handle.public(), id, label, serial, domains, capabilities }))
    }

    /// Signs; the thread that asks the device verifies, too, so that nothing unverified leaves it.
    pub async fn sign<P: Send + 'static>(
        &self,
        id: KeyId,
        public: PublicKey,
        label: &str,
        message: Vec<u8>,
        check: impl FnOnce(Signature) -> Option<P> + Send + 'static,
    ) -> Result<P, TokenError> {
        let label = label.to_owned();
        let job = move |session: &mut Session| key::sign(session, id, &public, &label, &message, check);
        Ok(self.queue.ask(job).await?)
    }
}
