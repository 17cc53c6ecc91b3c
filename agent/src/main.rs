//! The program `bursar`.

fn main() -> std::process::ExitCode {
    bursar::cli::run()
}
