//! What was measured. Times are in microseconds, unless the name says otherwise.

use bursar_pkcs11::Algorithm;
use serde::{Deserialize, Serialize};

use crate::aims::Aim;
use crate::options::{Options, Reach};
use crate::process::{Cpu, Memory};

/// Everything of one run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Processors that the process may use.
    pub processors: usize,
    /// Turns that bare token and agent took.
    pub rounds: u32,
    /// Seconds of each load on the agent.
    pub seconds: f64,
    /// Where the files were.
    pub folder: String,
    /// Share of the processors that other programs took meanwhile; the median of the rounds.
    pub others: Option<f64>,
    /// The module's own loop.
    pub bare: Vec<Bare>,
    /// The agent's full path.
    pub agent: Vec<Agent>,
    /// What one step costs by itself.
    pub steps: Option<Steps>,
    /// The agent's memory.
    pub memory: Vec<Idle>,
    /// A YubiHSM's time.
    pub device: Vec<Device>,
    /// The policy alone.
    pub judge: Vec<Judge>,
    /// The book alone.
    pub reserve: Vec<Reserve>,
    /// What was aimed at.
    pub aims: Vec<Aim>,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(options: &Options) -> Self {
        Self {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            rounds: options.rounds,
            seconds: options.seconds,
            ..Self::default()
        }
    }
}

/// The bare token; medians over the rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Bare {
    /// The key's algorithm.
    #[serde(serialize_with = "text")]
    pub algorithm: Algorithm,
    /// Threads, with a session each.
    pub threads: usize,
    /// Signed with a session copy of the key; otherwise with the token's own.
    pub copy: bool,
    /// Signatures a second.
    pub per_second: f64,
    /// Half of them took no longer.
    pub p50: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// Processor time of one.
    pub cpu: f64,
}

/// The agent; medians over the rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Agent {
    /// The account's algorithm.
    #[serde(serialize_with = "text")]
    pub algorithm: Algorithm,
    /// How far the payments went.
    pub reach: Reach,
    /// Connections, each with one payment under way.
    pub clients: u16,
    /// Payments a second.
    pub per_second: f64,
    /// Against the fastest bare figure of the same round.
    pub ratio: Option<f64>,
    /// The same by processor time: of the cheapest bare signature against agent and clients for one
    /// payment. What other programs take hardly moves it.
    pub cpu_ratio: Option<f64>,
    /// Half of them took no longer.
    pub p50: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// The agent's processor time for one, by step.
    pub cpu: Cpu,
    /// The clients' processor time for one.
    pub client_cpu: f64,
    /// What a single payment was to take at most: signature, two commits, and 0.25 ms.
    pub allowed: Option<f64>,
}

/// What one step costs by itself, in the folder and on the processor of the agent.
#[derive(Clone, Debug, Serialize)]
pub struct Steps {
    /// Appending 200 bytes and fdatasync.
    pub append: f64,
    /// Committing one small row to SQLite: WAL, synchronous=FULL.
    pub commit: f64,
    /// Checking a signature in software.
    pub verify: Vec<Verify>,
}

/// One check of a signature.
#[derive(Clone, Debug, Serialize)]
pub struct Verify {
    /// The key's algorithm.
    #[serde(serialize_with = "text")]
    pub algorithm: Algorithm,
    /// How long it took.
    pub micros: f64,
}

/// Memory of an agent that does nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Idle {
    /// Its path.
    pub reach: Reach,
    /// With its token open, before the first payment.
    pub started: Memory,
    /// After so many payments.
    pub payments: u64,
    /// After them.
    pub after: Memory,
}

/// The agent on a YubiHSM that is simulated with the hardware's times.
#[derive(Clone, Debug, Serialize)]
pub struct Device {
    /// The account's algorithm.
    #[serde(serialize_with = "text")]
    pub algorithm: Algorithm,
    /// Connections, each with one payment under way.
    pub clients: usize,
    /// Payments that were signed and recorded.
    pub payments: usize,
    /// A second.
    pub per_second: f64,
    /// Share of the time, from the first request to the last answer, in which the device worked.
    pub busy: f64,
}

/// Judging one payment.
#[derive(Clone, Debug, Serialize)]
pub struct Judge {
    /// Rules in the bundle.
    pub rules: usize,
    /// Recipients in it.
    pub recipients: usize,
    /// Which rules match.
    pub matching: &'static str,
    /// Nanoseconds.
    pub nanos: f64,
}

/// Reserving in a book with a past.
#[derive(Clone, Debug, Serialize)]
pub struct Reserve {
    /// Payments that the book held before.
    pub past: u64,
    /// Size of the file in MB.
    pub file: f64,
    /// Seconds to write that past, for the benchmark alone.
    pub written: f64,
    /// What came of it.
    #[serde(flatten)]
    pub book: OpenBook,
}

/// A book that was opened and reserved in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenBook {
    /// Seconds to open the book: reading every record, checking every row.
    pub opened: f64,
    /// Seconds to judge all of its past again.
    pub replayed: f64,
    /// Memory that the open book keeps, in MB.
    pub memory: f64,
    /// One payment at a time.
    pub one: Rate,
    /// 128 at a time.
    pub many: Rate,
}

/// Reservations, durable when they count.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Rate {
    /// A second.
    pub per_second: f64,
    /// Half of them took no longer.
    pub p50: f64,
    /// Processor time that the book's writer took for one.
    pub cpu: f64,
}

fn text<S: serde::Serializer>(algorithm: &Algorithm, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(algorithm)
}
