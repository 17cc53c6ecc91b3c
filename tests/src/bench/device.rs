//! How busy the agent keeps a YubiHSM, simulated with the hardware's times, while payments wait.

use bursar_pkcs11::Algorithm;
use bursar_tests::hsm::Hsm;
use bursar_tests::world::Programs;

use crate::options::Options;
use crate::report::Device;

/// Payments for each algorithm: some ten seconds.
const PAYMENTS: usize = 120;
/// Clients, each with one payment under way.
const CLIENTS: usize = 16;

/// Measures each algorithm with a device of its own.
pub fn measure(options: &Options) -> Vec<Device> {
    let measure = |algorithm: &Algorithm| {
        eprintln!("device: {algorithm}");
        let hsm = Hsm::start(true);
        let programs = Programs { bursar: options.bursar.clone(), testhome: options.testhome.clone() };
        let home = hsm.home(programs, &algorithm.to_string());
        let agent = home.serve();
        let busy = hsm.pay(&home.path().join("bursar.sock"), CLIENTS, PAYMENTS);
        agent.stop();
        Device {
            algorithm: *algorithm,
            clients: CLIENTS,
            payments: busy.payments,
            per_second: busy.payments as f64 / busy.wall.as_secs_f64(),
            busy: busy.share(),
        }
    };
    options.algorithms.iter().map(measure).collect()
}
