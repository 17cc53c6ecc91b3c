//! A simulated device to which things happen.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ::yubihsm::connector::HttpConfig;
use ::yubihsm::object::{Filter, Type};
use ::yubihsm::{Client, Connector, Credentials};
use firmware_sim::fault::Fault;
use firmware_sim::firmware::Firmware;
use firmware_sim::profile::Profile;
use firmware_sim::simulator::{Settings, Simulator};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A device, at one address.
pub struct Device {
    profile: Profile,
    address: SocketAddr,
    folder: TempDir,
    running: Option<Running>,
}

/// Its simulator, and what that runs on: with both, every connection is gone.
pub struct Running {
    runtime: Option<Runtime>,
    simulator: Option<Simulator>,
}

impl Device {
    pub fn new(firmware: Firmware) -> Self {
        let profile = Profile { firmware, ..Profile::default() };
        let (folder, address) = (TempDir::with_prefix("yubihsm-").unwrap(), ([127, 0, 0, 1], 0).into());
        let mut device = Self { profile, address, folder, running: None };
        let running = device.start();
        device.address = running.simulator.as_ref().unwrap().address();
        device.running = Some(running);
        device
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn start(&self) -> Running {
        start(&Settings {
            listen: self.address,
            state: Some(self.state()),
            profile: self.profile,
            ..Settings::default()
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets something happen to it.
    pub fn fault(&self, fault: Fault) {
        let running = self.running.as_ref().unwrap();
        let control = running.simulator.as_ref().unwrap().control();
        running.runtime.as_ref().unwrap().block_on(control.inject(fault)).unwrap();
    }

    /// A device of another serial number at the same address, as it left the factory.
    pub fn other_in_its_place(&mut self) -> Running {
        self.running = None;
        let profile = Profile { serial: self.profile.serial + 1, ..self.profile };
        start(&Settings { listen: self.address, profile, ..Settings::default() })
    }

    /// A session with an authentication key.
    pub fn client(&self, id: u16, password: &[u8]) -> Client {
        let config = HttpConfig {
            addr: self.address.ip().to_string(),
            port: self.address.port(),
            ..Default::default()
        };
        Client::open(Connector::http(&config), Credentials::from_password(id, password), true).unwrap()
    }

    /// A session that may do everything.
    pub fn factory(&self) -> Client {
        self.client(1, b"password")
    }

    /// The id of the key with this label.
    pub fn key(&self, label: &str) -> u16 {
        let filters = [Filter::Type(Type::AsymmetricKey), Filter::Label(label.parse().unwrap())];
        self.factory().list_objects(&filters).unwrap()[0].object_id
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.simulator.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// Waits until the one before has let go of its file and its address.
fn start(settings: &Settings) -> Running {
    let runtime = Runtime::new().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match runtime.block_on(Simulator::start(settings.clone())) {
            Ok(simulator) => return Running { runtime: Some(runtime), simulator: Some(simulator) },
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        std::thread::yield_now();
    }
}
