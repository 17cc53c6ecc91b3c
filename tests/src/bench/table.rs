//! The report for people.

use std::fmt::Write;

use crate::aims::Aim;
use crate::report::Report;

/// The tables that were measured.
pub fn of(report: &Report) -> String {
    let mut text = format!(
        "{} processors, {} rounds of {} s, medians of them",
        report.processors, report.rounds, report.seconds
    );
    if !report.folder.is_empty() {
        let _ = write!(text, "; files in {}", report.folder);
    }
    if let Some(others) = report.others {
        let _ = write!(text, "\nother programs took {:.0} % of the processors", others * 100.0);
        if others > crate::aims::NOISE {
            text += ": TOO MUCH for rates and ratios to mean anything; run it again on a quiet machine";
        }
    }
    for part in [bare, agent, steps, memory, device, judge, reserve, aims] {
        let rows = part(report);
        if rows.len() > 1 {
            text += "\n\n";
            text += &lay_out(&rows);
        }
    }
    text
}

type Row = Vec<String>;

fn row<const N: usize>(cells: [&str; N]) -> Row {
    cells.map(str::to_owned).to_vec()
}

fn bare(report: &Report) -> Vec<Row> {
    let mut rows =
        vec![row(["bare token", "threads", "key", "signatures/s", "p50 us", "p99 us", "cpu us each"])];
    rows.extend(report.bare.iter().map(|it| {
        vec![
            it.algorithm.to_string(),
            it.threads.to_string(),
            if it.copy { "session copy" } else { "token key" }.to_owned(),
            whole(it.per_second),
            whole(it.p50),
            whole(it.p99),
            whole(it.cpu),
        ]
    }));
    rows
}

fn agent(report: &Report) -> Vec<Row> {
    let mut rows = vec![row([
        "agent",
        "path",
        "clients",
        "payments/s",
        "of bare",
        "by cpu",
        "p50 ms",
        "p99 ms",
        "cpu us each",
        "http",
        "token",
        "book",
        "ledger",
        "other",
        "(clients)",
    ])];
    rows.extend(report.agent.iter().map(|it| {
        let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let mut row = vec![
            it.algorithm.to_string(),
            it.reach.name().to_owned(),
            it.clients.to_string(),
            whole(it.per_second),
            ratio(it.ratio),
            ratio(it.cpu_ratio),
            millis(it.p50),
            millis(it.p99),
            whole(it.cpu.total()),
        ];
        let cpu = [it.cpu.http, it.cpu.token, it.cpu.book, it.cpu.ledger, it.cpu.other, it.client_cpu];
        row.extend(cpu.map(whole));
        row
    }));
    rows
}

fn steps(report: &Report) -> Vec<Row> {
    let mut rows = vec![row(["one step by itself", "us"])];
    if let Some(steps) = &report.steps {
        rows.push(vec!["append 200 bytes, fdatasync".to_owned(), whole(steps.append)]);
        rows.push(vec!["commit a row, SQLite WAL FULL".to_owned(), whole(steps.commit)]);
        let verify = steps.verify.iter();
        rows.extend(verify.map(|it| vec![format!("check a signature, {}", it.algorithm), whole(it.micros)]));
    }
    rows
}

fn memory(report: &Report) -> Vec<Row> {
    let mut rows = vec![row(["idle agent, MB", "payments", "resident", "proportional"])];
    for it in &report.memory {
        for (payments, memory) in [(0, it.started), (it.payments, it.after)] {
            let pss = memory.pss.map_or_else(|| "not readable".to_owned(), |pss| format!("{pss:.1}"));
            rows.push(vec![
                it.reach.name().to_owned(),
                payments.to_string(),
                format!("{:.1}", memory.rss),
                pss,
            ]);
        }
    }
    rows
}

fn device(report: &Report) -> Vec<Row> {
    let mut rows = vec![row(["YubiHSM with its times", "clients", "payments", "payments/s", "busy %"])];
    rows.extend(report.device.iter().map(|it| {
        vec![
            it.algorithm.to_string(),
            it.clients.to_string(),
            it.payments.to_string(),
            format!("{:.2}", it.per_second),
            format!("{:.2}", it.busy * 100.0),
        ]
    }));
    rows
}

fn judge(report: &Report) -> Vec<Row> {
    let mut rows = vec![row(["judge", "recipients", "rules match", "ns"])];
    rows.extend(report.judge.iter().map(|it| {
        vec![
            format!("{} rules", it.rules),
            it.recipients.to_string(),
            it.matching.to_owned(),
            whole(it.nanos),
        ]
    }));
    rows
}

fn reserve(report: &Report) -> Vec<Row> {
    let mut rows = vec![row([
        "reserve",
        "file MB",
        "written s",
        "opened s",
        "replayed s",
        "memory MB",
        "1 at a time/s",
        "p50 us",
        "cpu us",
        "128 at a time/s",
        "p50 us",
        "cpu us",
    ])];
    rows.extend(report.reserve.iter().map(|it| {
        let mut row = vec![
            format!("after {}", it.past),
            whole(it.file),
            format!("{:.1}", it.written),
            format!("{:.2}", it.book.opened),
            format!("{:.2}", it.book.replayed),
            whole(it.book.memory),
        ];
        for rate in [it.book.one, it.book.many] {
            row.extend([whole(rate.per_second), whole(rate.p50), format!("{:.1}", rate.cpu)]);
        }
        row
    }));
    rows
}

fn aims(report: &Report) -> Vec<Row> {
    let mut rows = vec![row(["aim", "measured", ""])];
    rows.extend(
        report.aims.iter().map(|it| vec![it.aim.clone(), it.measured.clone(), verdict(it).to_owned()]),
    );
    rows
}

fn verdict(aim: &Aim) -> &'static str {
    match (aim.quiet, aim.met) {
        (true, true) => "met",
        (true, false) => "NOT MET",
        (false, true) => "met, on a busy machine",
        (false, false) => "NOT MET, on a busy machine",
    }
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

fn millis(micros: f64) -> String {
    format!("{:.2}", micros / 1000.0)
}

/// Columns as wide as their widest cell: words to the left, numbers to the right.
fn lay_out(rows: &[Row]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let widths: Vec<_> = (0..columns)
        .map(|column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or_default())
        .collect();
    let numbers: Vec<_> = (0..columns)
        .map(|column| {
            cells(column)
                .skip(1)
                .all(|cell| cell.starts_with(|c: char| c.is_ascii_digit() || c == '-') && !cell.contains(' '))
        })
        .collect();
    let line = |row: &Row| {
        let padded = row.iter().enumerate().map(|(n, cell)| {
            let gap = " ".repeat(widths[n] - cell.chars().count());
            if numbers[n] { gap + cell } else { cell.clone() + &gap }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
