//! What was aimed at, and what came of it.

use bursar_pkcs11::Algorithm;
use serde::Serialize;

use crate::options::Reach;
use crate::report::{Agent, Report};

/// One aim.
#[derive(Clone, Debug, Serialize)]
pub struct Aim {
    /// What was aimed at.
    pub aim: String,
    /// What was measured.
    pub measured: String,
    /// Was it reached?
    pub met: bool,
    /// Did other programs leave the processors alone, so that the verdict stands?
    pub quiet: bool,
}

/// Share of the processors above which other programs spoil rates and waiting times.
pub const NOISE: f64 = 0.1;

/// Fewer payments than these are read in no time.
const MANY: u64 = 100_000;

/// How many clients the aims for ratios are about.
const CLIENTS: u16 = 32;

/// The aims of which something was measured.
pub fn of(report: &Report) -> Vec<Aim> {
    let mut aims = Vec::new();
    let quiet = report.others.is_none_or(|others| others <= NOISE);
    for (algorithm, reach, least) in [
        (Algorithm::Ed25519, Reach::Signed, 0.60),
        (Algorithm::Ed25519, Reach::Recorded, 0.50),
        (Algorithm::Secp256k1, Reach::Signed, 0.70),
    ] {
        let row = row(report, algorithm, reach, CLIENTS);
        if let Some((row, ratio)) = row.and_then(|row| Some((row, row.ratio?))) {
            aims.push(Aim {
                aim: format!(
                    "{algorithm}, {}, {CLIENTS} clients: at least {least:.2} of the bare token",
                    reach.name()
                ),
                measured: format!("{ratio:.2} ({:.0}/s)", row.per_second),
                met: ratio >= least,
                quiet,
            });
        }
    }
    for algorithm in Algorithm::ALL {
        for reach in [Reach::Signed, Reach::Recorded] {
            let row = row(report, algorithm, reach, 1);
            if let Some((row, allowed)) = row.and_then(|row| Some((row, row.allowed?))) {
                aims.push(Aim {
                    aim: format!(
                        "{algorithm}, {}, 1 client: p50 at most a bare signature, two SQLite commits and 0.25 ms, here {:.2} ms",
                        reach.name(),
                        allowed / 1000.0
                    ),
                    measured: format!("{:.2} ms", row.p50 / 1000.0),
                    met: row.p50 <= allowed,
                    quiet,
                });
            }
        }
    }
    aims.extend(report.device.iter().map(|it| Aim {
        aim: format!("{}, YubiHSM with the hardware's times: busy at least 98 % of the time", it.algorithm),
        measured: format!("{:.2} % ({:.2}/s)", it.busy * 100.0, it.per_second),
        met: it.busy >= 0.98,
        quiet,
    }));
    aims.extend(report.judge.iter().map(|case| Aim {
        aim: format!("judge, {} rules, {}: under 1,000 ns", case.rules, case.matching),
        measured: format!("{:.0} ns", case.nanos),
        met: case.nanos < 1000.0,
        quiet: true,
    }));
    aims.extend(report.memory.iter().map(|idle| Aim {
        aim: format!("idle, {}: under 25 MB resident", idle.reach.name()),
        measured: format!(
            "{:.1} MB after the start, {:.1} MB after {} payments",
            idle.started.rss, idle.after.rss, idle.payments
        ),
        met: idle.started.rss < 25.0 && idle.after.rss < 25.0,
        quiet: true,
    }));
    aims.extend(report.reserve.iter().filter(|it| it.past >= MANY).map(|it| Aim {
        aim: format!("judging {} past payments again: under 5 s for each million", it.past),
        measured: format!("{:.2} s", it.book.replayed),
        met: it.book.replayed < 5.0 * it.past as f64 / 1e6,
        quiet,
    }));
    aims
}

fn row(report: &Report, algorithm: Algorithm, reach: Reach, clients: u16) -> Option<&Agent> {
    report.agent.iter().find(|row| row.algorithm == algorithm && row.reach == reach && row.clients == clients)
}
