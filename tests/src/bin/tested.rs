//! The program `bursar`, built with crash points for the tests.

fn main() -> std::process::ExitCode {
    // Reads FAILPOINTS; the points are armed as long as it lives.
    let _points = fail::FailScenario::setup();
    bursar::cli::run()
}
