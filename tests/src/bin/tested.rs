//! The program `bursar`, built with crash points for the tests.

fn main() -> std::process::ExitCode {
    bursar::cli::run()
}
