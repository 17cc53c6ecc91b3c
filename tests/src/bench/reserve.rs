//! The book alone: judging and reserving through its writer, with a short past and a long one.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar::book::rejudge::{Around, rejudge};
use bursar::book::{Book, Decision, FILE, Options as BookOptions, read};
use bursar_core::policy::Policy;
use bursar_tests::policy::{bundle, recipient};
use rustix::process::getpid;
use tempfile::TempDir;

use crate::options::Options;
use crate::past::{self, Story};
use crate::process::{Cpu, Memory};
use crate::report::{OpenBook, Rate, Reserve};
use crate::stats::{micros, percentile};

/// The short past.
const SHORT: u64 = 1000;
/// As many as one commit takes.
const MANY: u64 = 128;
/// For each rate.
const TIME: Duration = Duration::from_secs(2);
const RULES: &str = r#"
[[allow]]
name = "groceries"
accounts = ["expenses"]
categories = ["supermarket"]
per_payment = "50.00 EUR"
budget = { amount = "900000000.00 EUR", rolling = "7d" }
"#;

/// Measures the short past and the long one, each in a process of its own.
pub fn measure(options: &Options) -> Vec<Reserve> {
    [SHORT, options.past]
        .map(|past| {
            eprintln!("reserve: writing {past} past payments");
            let folder = TempDir::with_prefix_in("bursar-past-", options.parent()).expect("a folder");
            let begin = Instant::now();
            past::write(folder.path(), &story(), past);
            let written = begin.elapsed().as_secs_f64();
            let file = std::fs::metadata(folder.path().join(FILE)).expect("the book").len() as f64 / 1e6;
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.arg("--book").arg(folder.path()).args(["--past", &past.to_string()]);
            command.arg("--bursar").arg(&options.bursar).arg("--testhome").arg(&options.testhome);
            let output = command.stderr(Stdio::inherit()).output().expect("this program starts");
            let book = serde_json::from_slice(&output.stdout).expect("what it measured");
            Reserve { past, file, written, book }
        })
        .to_vec()
}

/// Measures one book and prints what came of it as JSON.
pub fn print(folder: &Path, past: u64) {
    let story = Arc::new(story());
    let (begin, before) = (Instant::now(), Memory::of(getpid()).rss);
    let book = Arc::new(open(folder, &story));
    let opened = begin.elapsed().as_secs_f64();
    let replayed = replay(folder, &story, past);
    let memory = Memory::of(getpid()).rss - before;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut next = past;
    let mut rate = |many| runtime.block_on(rate(&book, &story, many, &mut next));
    let found = OpenBook { opened, replayed, memory, one: rate(1), many: rate(MANY) };
    println!("{}", serde_json::to_string(&found).expect("JSON"));
}

/// Seconds to judge the whole past again, by the bundle that allowed it.
fn replay(folder: &Path, story: &Story, past: u64) -> f64 {
    let around = Around {
        accounts: [("expenses".parse().expect("a name"), story.from)].into(),
        ledger: bursar_core::intent::LedgerId([9; 32]),
        valid_for: 900_000,
    };
    let begin = Instant::now();
    let book = read::open(folder).expect("the book");
    let found = rejudge(&book, &story.policy, &around, |_| ()).expect("the book's past");
    assert_eq!((found.payments, found.flips, found.skipped), (past, 0, 0));
    begin.elapsed().as_secs_f64()
}

fn story() -> Story {
    let request = serde_json::json!({ "from": "expenses", "to": "Fresh Market", "amount": "12.50 EUR" });
    Story {
        policy: Arc::new(Policy::parse(&bundle(RULES)).expect("a policy")),
        request: serde_json::from_value(request).expect("a request"),
        caller: "owner".parse().expect("a name"),
        from: recipient(9),
    }
}

fn open(home: &Path, story: &Story) -> Book {
    let opened = Book::open(BookOptions {
        home: home.to_owned(),
        id: None,
        policy: Some(story.policy.clone()),
        requesters: None,
        watch: Arc::new(past::watch()),
        progress: |_| (),
    });
    opened.unwrap_or_else(|error| panic!("{error}"))
}

/// `many` tasks, each at its next payment as soon as the one before is durable.
async fn rate(book: &Arc<Book>, story: &Arc<Story>, many: u64, next: &mut u64) -> Rate {
    let (begin, cpu) = (Instant::now(), Cpu::of(getpid()).book);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..many {
        let (book, story, first) = (book.clone(), story.clone(), *next + 1 + task);
        tasks.spawn(async move {
            let mut times = Vec::new();
            let mut number = first;
            while begin.elapsed() < TIME {
                let draft = story.draft(number, bursar::clock::wall());
                let asked = Instant::now();
                match book.reserve(draft).await {
                    Ok(Decision::Reserved(_)) => times.push(asked.elapsed()),
                    other => panic!("{other:?}"),
                }
                number += many;
            }
            (times, number)
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let (own, last) = ended.expect("a task ends");
        times.extend(own);
        *next = (*next).max(last);
    }
    let elapsed = begin.elapsed().as_secs_f64();
    let cpu = (Cpu::of(getpid()).book - cpu) * 1e6 / times.len().max(1) as f64;
    times.sort_unstable();
    Rate { per_second: times.len() as f64 / elapsed, p50: micros(percentile(&times, 50)), cpu }
}
