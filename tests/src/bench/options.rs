//! What the command line asks for.

use std::path::PathBuf;
use std::time::Duration;

use bursar_pkcs11::Algorithm;
use clap::{Parser, ValueEnum};

/// Measures the agent beside the bare token on the same machine.
///
/// Example: tests/bench --only agent --algorithms ed25519 --clients 32 --rounds 1 --seconds 5
#[derive(Debug, Parser)]
#[command(name = "tests/bench")]
pub struct Options {
    /// Print one JSON document in place of the tables.
    #[arg(long)]
    pub json: bool,
    /// Only these parts; without bare there are no ratios.
    #[arg(long, value_delimiter = ',', value_name = "PART,…")]
    pub only: Vec<Part>,
    /// How often bare token and agent take turns; the medians are reported.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Seconds for each load on the agent; a sweep of the bare token takes four times as long.
    #[arg(long, default_value_t = 0.8, value_parser = seconds)]
    pub seconds: f64,
    /// Only these algorithms.
    #[arg(long, value_delimiter = ',', value_parser = algorithm, default_value = "ed25519,secp256k1,p256")]
    pub algorithms: Vec<Algorithm>,
    /// How many clients at once; one caller has no more places.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32,128", value_parser = clap::value_parser!(u16).range(1..=128))]
    pub clients: Vec<u16>,
    /// How far the payments go.
    #[arg(long, value_delimiter = ',', default_value = "signed,recorded")]
    pub paths: Vec<Reach>,
    /// How many payments the longest book holds; 1.5 GB of disk for each million.
    #[arg(long, default_value_t = 1_000_000)]
    pub past: u64,
    /// Where home folders and token are made; on the disk that is to be measured.
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// The program `bursar` as it is released; tests/bench knows it.
    #[arg(long, hide = true)]
    pub bursar: PathBuf,
    /// The program that makes home folders; tests/bench knows it.
    #[arg(long, hide = true)]
    pub testhome: PathBuf,
    /// Measure reserving in this folder's book, and nothing else: in a process of its own, so that
    /// its memory is the book's.
    #[arg(long, hide = true)]
    pub book: Option<PathBuf>,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The module's own signing loop.
    Bare,
    /// The agent's full path.
    Agent,
    /// The agent's memory.
    Memory,
    /// How busy the agent keeps a YubiHSM that is simulated with the hardware's times.
    Device,
    /// The policy alone.
    Judge,
    /// The book alone.
    Reserve,
}

/// How far a payment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Judged, reserved, signed, kept, handed out: no ledger.
    Signed,
    /// The same, and recorded on the embedded ledger.
    Recorded,
}

impl Reach {
    /// Its name, also of its home folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Recorded => "recorded",
        }
    }
}

impl Options {
    /// Is this part to be measured?
    pub fn does(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// For each load on the agent.
    pub fn load(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// Where temporary folders are made.
    pub fn parent(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(std::env::temp_dir)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds, like 0.8".to_owned())?;
    if (0.05..=600.0).contains(&seconds) { Ok(seconds) } else { Err("between 0.05 and 600".to_owned()) }
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    let known = || Algorithm::ALL.map(|algorithm| algorithm.to_string()).join(", ");
    let found = Algorithm::ALL.into_iter().find(|algorithm| algorithm.to_string() == text);
    found.ok_or_else(|| format!("one of {}", known()))
}
