//! A simulated device that listens: what the program and whoever embeds it start.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use getrandom::SysRng;
use rand_core::UnwrapErr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::control::{Control, ControlError};
use crate::device::Device;
use crate::error::Code;
use crate::fault::Fault;
use crate::http::{self, Server};
use crate::kept::{Flash, NoFlash};
use crate::memory::Memory;
use crate::profile::Profile;
use crate::state::{StateError, StateFile};
use crate::unit::Running;

/// What to start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the memory is kept; without it, it is gone when the device stops.
    pub state: Option<PathBuf>,
    /// Which device a new one is. One that a state file holds stays what it is.
    pub profile: Profile,
    /// Does everything take the time that the hardware takes?
    pub timing: bool,
    /// Is there an endpoint, for whoever reaches the address, that lets faults happen?
    pub control: bool,
    /// What is wrong from the start.
    pub faults: Vec<Fault>,
}

impl Default for Settings {
    /// A new device in memory, at a free port of this machine, without faults.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            state: None,
            profile: Profile::default(),
            timing: false,
            control: false,
            faults: Vec::new(),
        }
    }
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
    /// Others would reach the control endpoint.
    #[error("--control is for this machine only, and {0} is reached by others; listen on 127.0.0.1")]
    ControlForOthers(SocketAddr),
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// The memory cannot be written at the start.
    #[error("the device cannot write its memory ({0}); is the disk full?")]
    Memory(Code),
    /// No thread for the device.
    #[error("no thread for the device: {0}; end other programs, or raise the limit of processes")]
    Thread(io::Error),
    /// A fault could not happen.
    #[error("the fault {0:?} cannot happen: {1}")]
    Fault(Fault, ControlError),
}

/// A simulated device that listens. It stops when it is dropped; [`Simulator::stop`] waits for it.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    profile: Profile,
    server: JoinHandle<()>,
    device: Running,
}

impl Simulator {
    /// Starts it, on the runtime of the caller.
    ///
    /// # Errors
    /// Nothing was written when the state file is refused.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        if settings.control && !settings.listen.ip().is_loopback() {
            return Err(StartError::ControlForOthers(settings.listen));
        }
        let mut rng = UnwrapErr(SysRng);
        let (profile, memory, flash) = remember(&settings, &mut rng)?;
        let address = settings.listen;
        let listener = TcpListener::bind(address).await.map_err(|why| StartError::Listen { address, why })?;
        let address = listener.local_addr().map_err(|why| StartError::Listen { address, why })?;
        let device = Device::start(profile, memory, flash, Box::new(rng), Duration::ZERO)
            .map_err(StartError::Memory)?;
        let device = Running::start(device, settings.timing).map_err(StartError::Thread)?;
        let unit = device.unit().clone();
        for fault in settings.faults {
            unit.inject(fault).await.map_err(|why| StartError::Fault(fault, why))?;
        }
        let server = Server { unit, control: settings.control };
        Ok(Self { address, profile, server: tokio::spawn(http::serve(listener, server)), device })
    }

    /// Lets faults happen.
    pub fn control(&self) -> Control {
        Control::new(self.device.unit().clone())
    }

    /// Stops it; then its address and its state file are free.
    pub async fn stop(mut self) {
        self.server.abort();
        // It was told to end.
        let _ = (&mut self.server).await;
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
