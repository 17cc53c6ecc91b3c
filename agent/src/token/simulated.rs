//! A simulated YubiHSM 2 of a home's own: the default where there is no device yet. The agent runs it, and
//! commands find it there, by the address that the agent leaves. Without an agent a command runs it itself,
//! and others wait until it is done: it ends at once, so nobody could rely on it.
//!
//! It is talked to like any device: over HTTP on loopback, in encrypted sessions. Its keys lie in a file.

use std::fs;
use std::io::{self, ErrorKind::NotFound};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use firmware_sim::simulator::{Settings, Simulator, StartError};
use firmware_sim::state::StateError;
use tokio::sync::oneshot;

use super::{DeviceError, Kind};
use crate::config::token::Simulated;
use crate::durable;

/// How long a device that another process runs is waited for: until that ends, or, if it is the agent's,
/// until it can be reached.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest address, in bytes.
const LONGEST: u64 = 64;

/// A device that runs in this process until it is dropped.
#[derive(Debug)]
pub(super) struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// The file with the address, where it was left for others.
    address: Option<PathBuf>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have gone with its folder.
        let _ = self.address.take().map(fs::remove_file);
        // The thread may have ended by itself.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Who needs the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// The agent: it runs the device itself, since others end before it does.
    Agent,
    /// A command: the one that the agent runs will do.
    Command,
    /// The command that makes the home: only for that is there a device that was never there before.
    Maker,
}

/// Runs the device, or finds the one that another process runs.
///
/// # Errors
/// When its state file is refused, or the process that has it cannot be reached.
pub(super) fn attach(at: &Simulated, user: User) -> Result<(SocketAddr, Option<Running>), DeviceError> {
    if user != User::Maker && fs::symlink_metadata(&at.state).is_err_and(|why| why.kind() == NotFound) {
        return Err(lost(&at.state, "is missing"));
    }
    let address = beside(&at.state);
    let begun = Instant::now();
    loop {
        match run(&at.state) {
            Ok((listening, mut running)) => {
                let left = if user == User::Agent {
                    running.address = Some(address.clone());
                    durable::replace(&address, format!("{listening}\n").as_bytes())
                } else {
                    // What an agent that was killed has left: by now somebody else may listen there.
                    delete(&address)
                };
                left.map_err(|why| not_written(&address, &why))?;
                return Ok((listening, Some(running)));
            }
            Err(StartError::State(StateError::InUse(_))) => {}
            Err(StartError::State(StateError::Damaged { path, why })) => {
                return Err(lost(&path, &format!("is damaged ({why})")));
            }
            Err(StartError::State(StateError::OtherVersion(path))) => {
                return Err(lost(&path, "is not of this version"));
            }
            Err(error) => {
                return Err(DeviceError::new(Kind::Failed, format!("the simulated device: {error}")));
            }
        }
        if user != User::Agent
            && let Some(listening) = elsewhere(&address)
        {
            return Ok((listening, None));
        }
        if begun.elapsed() > PATIENCE {
            return Err(kept(&at.state));
        }
        thread::sleep(PAUSE);
    }
}

/// The file with the address, beside the state file.
fn beside(state: &Path) -> PathBuf {
    state.with_extension("address")
}

fn delete(address: &Path) -> io::Result<()> {
    match fs::remove_file(address) {
        Err(why) if why.kind() != NotFound => Err(why),
        _ => Ok(()),
    }
}

/// Where the agent runs it, if that answers.
fn elsewhere(address: &Path) -> Option<SocketAddr> {
    let text = String::from_utf8(durable::read(address, LONGEST).ok()?).ok()?;
    let listening: SocketAddr = text.trim_end().parse().ok()?;
    let answers = listening.ip().is_loopback() && TcpStream::connect_timeout(&listening, PATIENCE).is_ok();
    answers.then_some(listening)
}

/// On a thread with a runtime of its own: the caller's may be about to wait for the device.
fn run(state: &Path) -> Result<(SocketAddr, Running), StartError> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let settings = Settings { listen, state: Some(state.to_owned()), ..Settings::default() };
    let (stop, stopped) = oneshot::channel();
    let (started, starts) = mpsc::sync_channel(1);
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            // Nobody waits any more when this is not heard.
            Err(error) => return drop(started.send(Err(StartError::Thread(error)))),
        };
        runtime.block_on(async {
            let simulator = match Simulator::start(settings).await {
                Ok(simulator) => simulator,
                Err(error) => return drop(started.send(Err(error))),
            };
            if started.send(Ok(simulator.address())).is_ok() {
                let _ = stopped.await;
            }
        });
    };
    let thread = thread::Builder::new().name("simulated".to_owned()).spawn(body);
    let thread = thread.map_err(StartError::Thread)?;
    let running = Running { stop: Some(stop), thread: Some(thread), address: None };
    let ended = |_| StartError::Thread(io::Error::other("it ended at once"));
    Ok((starts.recv().map_err(ended)??, running))
}

fn kept(state: &Path) -> DeviceError {
    let state = state.display();
    let what = format!(
        "another process keeps the simulated device ({state}) to itself: wait until that has ended, then try again"
    );
    DeviceError::new(Kind::Busy, what)
}

/// Another device in its place would have other keys.
fn lost(state: &Path, what: &str) -> DeviceError {
    let state = state.display();
    let what = format!(
        "the memory of the simulated device, {state}, {what}: put a copy of it back, since its keys are nowhere else"
    );
    DeviceError::new(Kind::Failed, what)
}

fn not_written(path: &Path, why: &io::Error) -> DeviceError {
    let path = path.display();
    DeviceError::new(
        Kind::Failed,
        format!(
            "the address of the simulated device cannot be written to {path} ({why}): see that the home folder can be written to"
        ),
    )
}
