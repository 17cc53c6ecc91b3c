//! The agent's memory while it idles, its token open.

use bursar_pkcs11::Algorithm;

use crate::load::{self, Keys, Until};
use crate::options::Reach;
use crate::place::Place;
use crate::process::Memory;
use crate::report::Idle;

const PAYMENTS: u64 = 10_000;

/// Measures both paths.
pub fn measure(place: &Place) -> Vec<Idle> {
    [Reach::Signed, Reach::Recorded]
        .map(|reach| {
            eprintln!("memory: {}", reach.name());
            let served = place.serve(&place.home(&format!("memory-{}", reach.name()), reach));
            let started = Memory::of(served.daemon.pid());
            let account = Algorithm::Ed25519.to_string();
            let load =
                load::run(&served.socket, &account, 32, Until::Payments(PAYMENTS), &mut Keys::default());
            let after = Memory::of(served.daemon.pid());
            served.daemon.stop();
            Idle { reach, started, payments: load.payments, after }
        })
        .to_vec()
}
