//! The agent's full path, in rounds with the bare token: bare, signed, bare, recorded, and again.

use std::time::Instant;

use bursar_pkcs11::Algorithm;

use crate::load::{self, Keys, Until};
use crate::options::{Options, Part, Reach};
use crate::place::{Place, Served};
use crate::process::{self, Cpu};
use crate::report::{Agent, Bare, Report, Steps};
use crate::stats::{median, micros};
use crate::{bare, commit, verify};

/// An agent of its own for each path: two books, one token.
struct Running {
    reach: Reach,
    served: Served,
    keys: Keys,
}

/// What one algorithm gave in one round.
#[derive(Default)]
struct Round {
    sweeps: Vec<Vec<Bare>>,
    loads: Vec<Agent>,
}

/// Measures bare token and agent.
pub fn measure(options: &Options, place: &Place, report: &mut Report) {
    let start = |reach: &Reach| Running {
        reach: *reach,
        served: place.serve(&place.home(reach.name(), *reach)),
        keys: Keys::default(),
    };
    let mut running: Vec<_> = options.paths.iter().map(start).collect();
    let mut rounds: Vec<(Algorithm, Round)> = Vec::new();
    let (mut appends, mut commits, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..options.rounds {
        let (begin, before) = (Instant::now(), busy(&running));
        appends.push(commit::append(place.folder()));
        commits.push(commit::row(place.folder()));
        for algorithm in &options.algorithms {
            eprintln!("round {} of {}: {algorithm}", number + 1, options.rounds);
            let commit = commits.last().copied().unwrap_or_default();
            rounds.push((*algorithm, round(options, place, *algorithm, &mut running, commit)));
        }
        let available = begin.elapsed().as_secs_f64() * report.processors as f64;
        others.push((busy(&running) - before) / available);
    }
    report.others = Some(median(others).max(0.0));
    report.steps = Some(Steps {
        append: median(appends),
        commit: median(commits),
        verify: options.algorithms.iter().map(|algorithm| verify::measure(place, *algorithm)).collect(),
    });
    for algorithm in &options.algorithms {
        let rounds: Vec<_> =
            rounds.iter().filter(|(of, _)| of == algorithm).map(|(_, round)| round).collect();
        let sweeps: Vec<_> = rounds.iter().map(|round| bare::merge(&round.sweeps)).collect();
        report.bare.extend(bare::merge(&sweeps));
        let loads: Vec<_> = rounds.iter().map(|round| round.loads.as_slice()).collect();
        report.agent.extend(merge(&loads));
    }
    for one in running {
        one.served.daemon.stop();
    }
}

/// Processor seconds of everything on the machine but this process and its agents.
fn busy(running: &[Running]) -> f64 {
    let agents = running.iter().map(|one| Cpu::of(one.served.daemon.pid()).total());
    process::machine() - process::own_process().as_secs_f64() - agents.sum::<f64>()
}

fn round(
    options: &Options,
    place: &Place,
    algorithm: Algorithm,
    running: &mut [Running],
    commit: f64,
) -> Round {
    let mut round = Round::default();
    // Two sweeps a round of eight runs each.
    let each = options.load() / 4;
    for one in running {
        if options.does(Part::Bare) {
            round.sweeps.push(bare::sweep(place, algorithm, each));
        }
        if options.does(Part::Agent) {
            for clients in &options.clients {
                round.loads.push(sample(options, algorithm, one, *clients));
            }
        }
    }
    let sweep = bare::merge(&round.sweeps);
    if !sweep.is_empty() {
        let (best, signature) = (bare::best(&sweep), bare::signature(&sweep));
        let cheapest = bare::cheapest(&sweep);
        for load in &mut round.loads {
            load.ratio = Some(load.per_second / best);
            load.cpu_ratio = Some(cheapest / (load.cpu.total() + load.client_cpu));
            load.allowed = Some(signature + 2.0 * commit + 250.0);
        }
    }
    round
}

fn sample(options: &Options, algorithm: Algorithm, one: &mut Running, clients: u16) -> Agent {
    let Running { reach, served, keys } = one;
    let pid = served.daemon.pid();
    let before = Cpu::of(pid);
    let until = Until::Time(options.load());
    let load = load::run(&served.socket, &algorithm.to_string(), usize::from(clients), until, keys);
    Agent {
        algorithm,
        reach: *reach,
        clients,
        per_second: load.per_second,
        ratio: None,
        cpu_ratio: None,
        p50: micros(load.p50),
        p99: micros(load.p99),
        cpu: Cpu::of(pid).each(before, load.payments),
        client_cpu: micros(load.cpu) / load.payments.max(1) as f64,
        allowed: None,
    }
}

fn merge(rounds: &[&[Agent]]) -> Vec<Agent> {
    let Some(first) = rounds.first() else { return Vec::new() };
    let row = |(n, row): (usize, &Agent)| {
        let rows: Vec<_> = rounds.iter().filter_map(|round| round.get(n)).collect();
        let all = |of: fn(&Agent) -> f64| median(rows.iter().map(|row| of(row)));
        Agent {
            per_second: all(|row| row.per_second),
            ratio: row.ratio.map(|_| all(|row| row.ratio.unwrap_or_default())),
            cpu_ratio: row.cpu_ratio.map(|_| all(|row| row.cpu_ratio.unwrap_or_default())),
            p50: all(|row| row.p50),
            p99: all(|row| row.p99),
            cpu: Cpu::median(rows.iter().map(|row| &row.cpu)),
            client_cpu: all(|row| row.client_cpu),
            allowed: row.allowed.map(|_| all(|row| row.allowed.unwrap_or_default())),
            ..row.clone()
        }
    };
    first.iter().enumerate().map(row).collect()
}
