//! `firmware-sim`: a YubiHSM 2 in software, for tests.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use firmware_sim::fault::Fault;
use firmware_sim::firmware::Firmware;
use firmware_sim::profile::Profile;
use firmware_sim::simulator::{Settings, Simulator, StartError};
use tracing_subscriber::EnvFilter;

/// A YubiHSM 2 in software, for tests: it keeps nobody's keys safe.
///
/// Any client of Yubico's connector talks to it. A new device has the factory's authentication key: id 1, password
/// "password".
#[derive(Parser)]
#[command(
    version,
    after_help = after_help()
)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:12345", value_parser = address)]
    listen: SocketAddr,
    /// Where the device's memory is kept. Without it, it is gone at the end.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The firmware of a new device.
    #[arg(long, value_name = "VERSION", default_value_t = Profile::default().firmware)]
    firmware: Firmware,
    /// The serial number of a new device.
    #[arg(long, value_name = "NUMBER", default_value_t = Profile::default().serial)]
    serial: u32,
    /// A new device is one without a FIPS mode.
    #[arg(long)]
    no_fips: bool,
    /// Every operation takes the time that the hardware takes, and the others wait for it.
    #[arg(long)]
    timing: bool,
    /// Lets faults happen over HTTP; on a loopback address only.
    #[arg(long)]
    control: bool,
    /// What is wrong from the start; may be given several times.
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<Fault>,
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "no IP address with a port; give one such as 127.0.0.1:12345")
}

fn after_help() -> String {
    format!(
        "Faults:\n{}\n\
        Examples:\n  \
        firmware-sim --state device.json          a device that keeps its memory\n  \
        firmware-sim --timing                     as slow as the hardware\n  \
        firmware-sim --fault wrong-signature=2    the first two signatures are wrong\n\n  \
        firmware-sim --control                    then, from another terminal:\n  \
        curl -X POST http://127.0.0.1:12345/control/unplug\n  \
        curl -X POST http://127.0.0.1:12345/control/wrong-mac -d '{{\"times\": 3}}'\n  \
        curl -X POST http://127.0.0.1:12345/control/advance-clock -d '{{\"seconds\": 31}}'\n  \
        curl http://127.0.0.1:12345/control       how the device is\n\n\
        Exit codes: 0 stopped, 1 not started, 2 wrong arguments.",
        Fault::help()
    )
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn run(arguments: Arguments) -> Result<(), StartError> {
    let Arguments { listen, state, firmware, serial, no_fips, timing, control, faults } = arguments;
    let profile = Profile { firmware, serial, fips: !no_fips };
    let settings = Settings { listen, state, profile, timing, control, faults };
    let simulator = Simulator::start(settings).await?;
    let profile = simulator.profile();
    println!("listening on {}", simulator.url());
    tracing::info!(firmware = %profile.firmware, serial = profile.serial, "simulated, not a device: it keeps nobody's keys safe");
    stopped().await;
    simulator.stop().await;
    Ok(())
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        },
        Err(_) => drop(interrupted.await),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("firmware-sim: {error}");
    ExitCode::FAILURE
}
