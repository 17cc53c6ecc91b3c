//! The module's own signing loop, with the token's key and with a session copy of it.

use std::time::Duration;

use bursar_pkcs11::{Algorithm, bare};

use crate::place::Place;
use crate::process;
use crate::report::Bare;
use crate::stats::{median, micros};

/// Threads that are tried.
const THREADS: [usize; 4] = [1, 2, 4, 8];

/// One pass over threads and kinds of key.
pub fn sweep(place: &Place, algorithm: Algorithm, each: Duration) -> Vec<Bare> {
    let mut found = Vec::new();
    for threads in THREADS {
        for copy in [false, true] {
            let (hsm, key) = (&place.hsm, place.key(algorithm));
            let before = process::own_process();
            let rate = bare::run(hsm.module(), &hsm.uri(), &hsm.pin(), &key, threads, each, copy)
                .expect("the token signs");
            let cpu = micros(process::own_process() - before) / rate.signatures.max(1) as f64;
            let (p50, p99) = (micros(rate.p50), micros(rate.p99));
            found.push(Bare { algorithm, threads, copy, per_second: rate.per_second(), p50, p99, cpu });
        }
    }
    found
}

/// The medians of the same rows over several sweeps.
pub fn merge(sweeps: &[Vec<Bare>]) -> Vec<Bare> {
    let Some(first) = sweeps.first() else { return Vec::new() };
    let row = |(n, row): (usize, &Bare)| {
        let all = |of: fn(&Bare) -> f64| median(sweeps.iter().filter_map(|sweep| sweep.get(n)).map(of));
        Bare {
            per_second: all(|row| row.per_second),
            p50: all(|row| row.p50),
            p99: all(|row| row.p99),
            cpu: all(|row| row.cpu),
            ..row.clone()
        }
    };
    first.iter().enumerate().map(row).collect()
}

/// The most signatures a second, over all threads and both kinds of key.
pub fn best(sweep: &[Bare]) -> f64 {
    sweep.iter().map(|row| row.per_second).fold(0.0, f64::max)
}

/// The least processor time of one signature where as many threads sign as there are processors.
pub fn cheapest(sweep: &[Bare]) -> f64 {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let busy = sweep.iter().filter(|row| row.threads >= all.min(8));
    busy.map(|row| row.cpu).fold(f64::INFINITY, f64::min)
}

/// The shortest median of one thread, in microseconds.
pub fn signature(sweep: &[Bare]) -> f64 {
    sweep.iter().filter(|row| row.threads == 1).map(|row| row.p50).fold(f64::INFINITY, f64::min)
}
