//! A simulated device that listens: what the program and whoever embeds it start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use rand_core::UnwrapErr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::device::Device;
use crate::error::Code;
use crate::http;
use crate::kept::{Flash, NoFlash};
use crate::memory::Memory;
use crate::profile::Profile;
use crate::state::{StateError, StateFile};
use crate::unit::Unit;

/// What to start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the memory is kept; without it, it is gone when the device stops.
    pub state: Option<PathBuf>,
    /// Which device a new one is. One that a state file holds stays what it is.
    pub profile: Profile,
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {why}; give another --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What went wrong.
        why: io::Error,
    },
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// The memory cannot be written at the start.
    #[error("the device cannot write its memory ({0}); is the disk full?")]
    Memory(Code),
    /// No thread for the device.
    #[error("no thread for the device: {0}")]
    Thread(io::Error),
}

/// A simulated device that listens. It stops when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    profile: Profile,
    server: JoinHandle<()>,
}

impl Simulator {
    /// Starts it, on the runtime of the caller.
    ///
    /// # Errors
    /// Nothing was written when the state file is refused.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let mut rng = UnwrapErr(SysRng);
        let (profile, memory, flash) = remember(&settings, &mut rng)?;
        let address = settings.listen;
        let listener = TcpListener::bind(address).await.map_err(|why| StartError::Listen { address, why })?;
        let address = listener.local_addr().map_err(|why| StartError::Listen { address, why })?;
        let clock = Instant::now();
        let device = Device::start(profile, memory, flash, Box::new(rng), Duration::ZERO)
            .map_err(StartError::Memory)?;
        let unit = Unit::start(device, clock).map_err(StartError::Thread)?;
        Ok(Self { address, profile, server: tokio::spawn(http::serve(listener, unit)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client takes, such as `http://127.0.0.1:12345`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Which device it is.
    pub fn profile(&self) -> Profile {
        self.profile
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The memory of the state file, or a new one.
fn remember(
    settings: &Settings,
    rng: &mut UnwrapErr<SysRng>,
) -> Result<(Profile, Memory, Box<dyn Flash>), StartError> {
    let new =
        |rng: &mut UnwrapErr<SysRng>| Memory::new(settings.profile.firmware, rng).map_err(StartError::Memory);
    let Some(path) = &settings.state else { return Ok((settings.profile, new(rng)?, Box::new(NoFlash))) };
    let (file, found) = StateFile::open(path, settings.profile)?;
    let (profile, memory) = match found {
        Some(found) => found,
        None => (settings.profile, new(rng)?),
    };
    Ok((profile, memory, Box::new(file)))
}
