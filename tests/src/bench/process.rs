//! Processor time and memory of a process, from /proc (proc(5)).

use std::time::Duration;

use rustix::process::Pid;
use serde::Serialize;

/// Processor time of an agent by what its threads do.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Cpu {
    /// The async runtime: HTTP, JSON, drafts, and the way between the steps.
    pub http: f64,
    /// The token's workers: signing, and the check of each signature.
    pub token: f64,
    /// The book's writer: judging, reserving, SQLite.
    pub book: f64,
    /// The ledger's writer.
    pub ledger: f64,
    /// Anything else.
    pub other: f64,
}

impl Cpu {
    /// Seconds since the process began.
    pub fn of(pid: Pid) -> Self {
        let mut cpu = Self::default();
        let folder = format!("/proc/{}/task", pid.as_raw_nonzero());
        for task in std::fs::read_dir(folder).expect("the process runs").flatten() {
            // A thread may have ended since.
            let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
            let Some((name, seconds)) = thread(&stat) else { continue };
            *match name {
                "book" => &mut cpu.book,
                "ledger" => &mut cpu.ledger,
                name if name.starts_with("pkcs11") => &mut cpu.token,
                name if name.starts_with("tokio") => &mut cpu.http,
                _ => &mut cpu.other,
            } += seconds;
        }
        cpu
    }

    /// What each of `count` things took since `before`, in microseconds.
    pub fn each(self, before: Self, count: u64) -> Self {
        self.zip(before, |now, before| (now - before) * 1e6 / count.max(1) as f64)
    }

    /// The sum.
    pub fn total(self) -> f64 {
        self.http + self.token + self.book + self.ledger + self.other
    }

    fn zip(self, other: Self, each: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            http: each(self.http, other.http),
            token: each(self.token, other.token),
            book: each(self.book, other.book),
            ledger: each(self.ledger, other.ledger),
            other: each(self.other, other.other),
        }
    }

    /// The median of each step.
    pub fn median<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let of = |step: fn(&Self) -> f64| crate::stats::median(all.clone().map(step));
        Self {
            http: of(|cpu| cpu.http),
            token: of(|cpu| cpu.token),
            book: of(|cpu| cpu.book),
            ledger: of(|cpu| cpu.ledger),
            other: of(|cpu| cpu.other),
        }
    }
}

/// Name and processor seconds of a thread; the name stands in brackets and may hold anything.
fn thread(stat: &str) -> Option<(&str, f64)> {
    let (_, rest) = stat.split_once('(')?;
    let (name, rest) = rest.rsplit_once(')')?;
    // The fields utime and stime, 14 and 15; the one after the name is number 3.
    let mut times = rest.split_whitespace().skip(11).map(|field| field.parse::<u64>().unwrap_or(0));
    let ticks = times.next()? + times.next()?;
    Some((name, ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Processor seconds that the whole machine has spent since it started, idling left out.
pub fn machine() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").expect("proc(5) names stat");
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in user already.
    let fields = stat.split_whitespace().skip(1).take(8).enumerate();
    let busy = fields.filter(|(n, _)| !(3..5).contains(n)).map(|(_, field)| field.parse().unwrap_or(0.0));
    busy.sum::<f64>() / rustix::param::clock_ticks_per_second() as f64
}

/// Memory in MB (10^6 bytes).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// Resident, pages shared with other programs included.
    pub rss: f64,
    /// Shared pages divided among those who share them; readable for root only.
    pub pss: Option<f64>,
}

impl Memory {
    /// As it is now.
    pub fn of(pid: Pid) -> Self {
        let folder = format!("/proc/{}", pid.as_raw_nonzero());
        let status = std::fs::read_to_string(format!("{folder}/status")).expect("the process runs");
        let rollup = std::fs::read_to_string(format!("{folder}/smaps_rollup")).ok();
        Self {
            rss: field(&status, "VmRSS:").expect("proc(5) names VmRSS"),
            pss: rollup.and_then(|text| field(&text, "Pss:")),
        }
    }
}

fn field(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

/// Processor time of this thread.
pub fn own_thread() -> Duration {
    time(rustix::time::ClockId::ThreadCPUTime)
}

/// Processor time of this process.
pub fn own_process() -> Duration {
    time(rustix::time::ClockId::ProcessCPUTime)
}

fn time(clock: rustix::time::ClockId) -> Duration {
    let now = rustix::time::clock_gettime(clock);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
