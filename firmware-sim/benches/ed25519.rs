//! Ed25519 signatures through one session over loopback, with a client that others wrote: `cargo bench -p
//! bursar-firmware-sim`. The aim is at least 3,000 in a second.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use divan::counter::ItemsCount;
use firmware_sim::simulator::{Settings, Simulator};
use tokio::runtime::Runtime;
use yubihsm::{Capability, Client, Connector, Credentials, Domain, HttpConfig, asymmetric, object};

const KEY: object::Id = 1;

fn main() {
    divan::main();
}

fn client(simulator: &Simulator) -> Client {
    let (addr, port) = (simulator.address().ip().to_string(), simulator.address().port());
    let config = HttpConfig { addr, port, ..HttpConfig::default() };
    let client = Client::open(Connector::http(&config), Credentials::default(), true).unwrap();
    let (label, algorithm) = (object::Label::from_bytes(b"key").unwrap(), asymmetric::Algorithm::Ed25519);
    client.generate_asymmetric_key(KEY, label, Domain::DOM1, Capability::SIGN_EDDSA, algorithm).unwrap();
    client
}

#[divan::bench(min_time = 3)]
fn one_session(bencher: divan::Bencher<'_, '_>) {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start(Settings::default())).unwrap();
    let client = client(&simulator);
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| client.sign_ed25519(KEY, [7; 64].as_slice()).unwrap());
}

/// What the way there and back takes alone.
#[divan::bench(min_time = 3)]
fn echo(bencher: divan::Bencher<'_, '_>) {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start(Settings::default())).unwrap();
    let client = client(&simulator);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| client.echo([7; 64].as_slice()).unwrap());
}
