//! `bursar test-env`: a throw-away agent for tests, and what a test has to know of it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::HEXLOWER;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::error::CliError;
use super::global::{Global, quoted};
use super::output::{Output, Page};
use super::{quickstart, serve};
use crate::config::Config;
use crate::keys_file::KeysFile;
use crate::serve::THROW_AWAY;
use crate::setup::random;

/// Largest policy bundle that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// Start a throw-away agent for tests, and print how to reach it
///
/// Makes a home folder with a simulated YubiHSM, the accounts expenses, payroll and travel with play
/// money, a policy and a ledger below $TMPDIR; starts its agent; prints its environment. With BURSAR_HOME
/// set, every command works on that home. The agent ends with the process --parent and takes its folder
/// along.
///
/// Examples:
///   made=$(bursar test-env --parent $$) || exit; eval "$made"
///   bursar test-env --parent $$ --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The process with which it ends
    #[arg(long, value_name = "PID", value_parser = pid)]
    parent: Pid,
    /// A PKCS#11 module, like SoftHSM's, instead of the simulated device
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// The policy bundle; without it, the one of the quick start
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Set for the process that this one becomes, which makes the folder
    #[arg(long, hide = true)]
    new_folder: bool,
}

/// A process that there is.
pub(super) fn pid(text: &str) -> Result<Pid, String> {
    let number = text.parse().ok().filter(|number| *number > 0).and_then(Pid::from_raw);
    let pid = number.ok_or("it is no number of a process; in a shell, $$ is its own")?;
    pidfd_open(pid, PidfdFlags::empty()).map(|_| pid).map_err(|_| "there is no such process".to_owned())
}

/// Makes the home, starts its agent, answers its environment.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let home = match global.named() {
        Some(home) => home,
        None => return Err(begin_in(&new_folder()?)),
    };
    let answered = make(global, &args, home);
    if args.new_folder && answered.is_err() {
        remove(home);
    }
    answered
}

/// Nobody uses it yet.
fn remove(home: &Path) {
    let _ = fs::remove_dir_all(home);
}

fn make(global: &Global, args: &Args, home: &Path) -> Result<Output, CliError> {
    let module = args.module.clone().map(quickstart::module).transpose()?;
    let policy = args.policy.as_deref().map(read).transpose()?;
    let (made, folder) = quickstart::ensure(global, module.as_deref(), policy.as_deref())?;
    if !made {
        return Err(CliError::Home(format!(
            "{} is a home folder already; leave --home out, or name a new folder",
            home.display()
        )));
    }
    folder.write_new(THROW_AWAY, b"")?;
    let config = global.config()?;
    let _ = serve::start_until(global, &config, args.parent).inspect_err(|_| remove(home))?;
    answer(&config)
}

/// Begins this process anew with `--home`: a PKCS#11 module may need that a second time, and the folder
/// has to stay the same then.
fn begin_in(folder: &Path) -> CliError {
    let failed = |error: std::io::Error| {
        CliError::Home(format!(
            "this program cannot start itself again ({error}); name a new folder with --home"
        ))
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return failed(error),
    };
    failed(
        Command::new(program)
            .arg("--home")
            .arg(folder)
            .args(std::env::args_os().skip(1))
            .arg("--new-folder")
            .exec(),
    )
}

fn new_folder() -> Result<PathBuf, CliError> {
    Ok(std::env::temp_dir().join(format!("bursar-test-{}", HEXLOWER.encode(&random::<6>()?))))
}

fn read(path: &Path) -> Result<String, CliError> {
    let failed = |source| CliError::File { path: path.to_owned(), source };
    let bytes = crate::durable::read(path, LONGEST).map_err(failed)?;
    String::from_utf8(bytes).map_err(|_| CliError::Home(format!("{} is not UTF-8", path.display())))
}

/// The environment: lines for a shell, or one JSON object.
fn answer(config: &Config) -> Result<Output, CliError> {
    let keys = KeysFile::load(&config.home)?;
    let mut variables = vec![
        ("BURSAR_HOME".to_owned(), config.home.display().to_string()),
        ("BURSAR_SOCKET".to_owned(), config.socket.display().to_string()),
    ];
    for (name, key) in &keys.accounts {
        variables.push((format!("BURSAR_ACCOUNT_{}", name.as_str().to_ascii_uppercase()), key.to_string()));
    }
    let mut page = Page::new();
    variables.iter().for_each(|(name, value)| page.line(format!("export {name}={}", quoted(value))));
    let object: serde_json::Map<_, _> =
        variables.into_iter().map(|(name, value)| (name, value.into())).collect();
    Ok(Output::new(&object, page))
}
