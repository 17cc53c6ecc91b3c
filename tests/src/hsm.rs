//! A simulated YubiHSM 2 that takes the hardware's time, and a home on it.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firmware_sim::control::Control;
use firmware_sim::simulator::{Settings, Simulator};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::api::Api;
use crate::home::Home;
use crate::world::Programs;

/// The device, in memory, in this process.
#[derive(Debug)]
pub struct Hsm {
    control: Control,
    url: String,
    _simulator: Simulator,
    _runtime: Runtime,
}

/// How busy a device was while payments went through the agent.
#[derive(Clone, Copy, Debug)]
pub struct Busy {
    /// From before the first request to after the last answer.
    pub wall: Duration,
    /// Of that the time that the device worked.
    pub worked: Duration,
    /// How many were signed and recorded.
    pub payments: usize,
}

impl Busy {
    /// From 0 to 1.
    pub fn share(&self) -> f64 {
        self.worked.as_secs_f64() / self.wall.as_secs_f64()
    }
}

impl Hsm {
    /// As it left the factory; everything takes the time that the hardware takes, or none.
    pub fn start(timing: bool) -> Self {
        // Threads of its own: the test's may wait for the device.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let settings = Settings { timing, ..Settings::default() };
        let simulator = runtime.block_on(Simulator::start(settings)).expect("a device");
        Self { control: simulator.control(), url: simulator.url(), _simulator: simulator, _runtime: runtime }
    }

    /// What a client takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Has `bursar init` make a home with the account `expenses`, of this algorithm, which may pay what it likes.
    pub fn home(&self, programs: Programs, algorithm: &str) -> Home {
        let home = Home::new(programs);
        let password = home.scratch().join("factory");
        secret(&password, "password\n");
        let fixed = ["init", "--json", "--yubihsm", &self.url, "--algorithm", algorithm];
        let file = ["--provision-file", password.to_str().expect("UTF-8")];
        let account = ["--account", "expenses", "--balance", "expenses=1000.00 EUR"];
        home.run(&[&fixed[..], &file, &account].concat()).ok();
        let policy = crate::policy::bundle(crate::policy::GROCERIES);
        std::fs::write(home.path().join("policy.toml"), policy).expect("a policy");
        home
    }

    /// Has so many clients pay at once, one payment after the other until there are so many of them.
    pub fn pay(&self, socket: &Path, clients: usize, payments: usize) -> Busy {
        let (before, began) = (self.control.condition().busy, Instant::now());
        let each: Vec<_> = (0..clients)
            .map(|client| {
                let socket = PathBuf::from(socket);
                let body = json!({ "from": "expenses", "to": "Fresh Market", "amount": "0.01 EUR" });
                std::thread::spawn(move || {
                    let mut api = Api::connect(&socket).expect("the agent listens");
                    for payment in (client..payments).step_by(clients) {
                        let answer =
                            api.ask(&format!("busy-{payment}"), &body.to_string()).expect("an answer");
                        assert_eq!((answer.status, &answer.json()["state"]), (201, &"recorded".into()));
                    }
                })
            })
            .collect();
        each.into_iter().for_each(|client| client.join().expect("every payment"));
        let (wall, after) = (began.elapsed(), self.control.condition().busy);
        Busy { wall, worked: after - before, payments }
    }
}

/// Writes a file that nobody else may read.
pub fn secret(path: &Path, text: &str) {
    use std::io::Write;
    let mut options = std::fs::File::options();
    let file = options.create(true).write(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("a file");
}
