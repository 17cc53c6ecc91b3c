//! Starting the agent without a terminal, and hearing whether it came up.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Args;
use crate::cli::client::{Ask, Client, ClientError};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::output::{Cell, Output, Page, Style};
use crate::config::Config;

/// Where it writes what it does, in the home folder.
const LOG: &str = "agent.log";
/// Where that goes when it has become long.
const OLD: &str = "agent.log.old";
/// Longest log that is written on, in bytes.
const LONGEST: u64 = 16 << 20;
/// A book of ten million records is read in less.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);
/// What the error of a command begins with.
const PREFIX: &str = "bursar: ";
/// Most of a failed child's words that are repeated.
const WORDS: u64 = 64 * 1024;

/// Starts the agent as a child, waits until it is ready, lets it go.
pub fn start(global: &Global, config: &Config, args: &Args) -> Result<Output, CliError> {
    let client = Client::local(global, config)?;
    if client.is_running()? {
        return Err(CliError::InUse(super::in_use(global, &config.home)));
    }
    let path = config.home.join(LOG);
    let failed = |source| CliError::File { path: path.clone(), source };
    let (log, from) = log(&config.home, &path).map_err(failed)?;
    let mut child = spawn(config, args, log)?;
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            let message = last_words(&path, from);
            let exit = status.code().and_then(Exit::from_code).filter(|exit| *exit != Exit::Done);
            return Err(CliError::Ended { exit: exit.unwrap_or(Exit::Busy), message });
        }
        match client.ask::<serde_json::Value>(&Ask::get("/readyz")) {
            Ok(_) => return Ok(started(global, config, &child, &path)),
            Err(ClientError::NotRunning { .. } | ClientError::Problem(_)) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(PAUSE);
            }
            Err(error) => {
                let (pid, stop, log) = (child.id(), global.command("stop"), path.display());
                return Err(CliError::Busy(format!(
                    "the agent (process {pid}) has not become ready within {} s and goes on trying ({error}); {log} says \
                     what it does; stop it with: {stop}",
                    begun.elapsed().as_secs()
                )));
            }
        }
    }
}

/// Opens the log to write on at its end, which it answers too. Nothing is lost of what another agent,
/// which may be starting right now, has written: it goes on writing to a file that was renamed.
fn log(home: &Path, path: &Path) -> std::io::Result<(File, u64)> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.len() > LONGEST) {
        std::fs::rename(path, home.join(OLD))?;
    }
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let end = log.metadata()?.len();
    Ok((log, end))
}

fn spawn(config: &Config, args: &Args, log: File) -> Result<Child, CliError> {
    let failed = |error: std::io::Error| {
        CliError::Home(format!(
            "the agent could not be started ({error}); run `bursar serve` without --background"
        ))
    };
    let errors = log.try_clone().map_err(failed)?;
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.arg("--home").arg(&config.home).args(["serve", "--detached"]);
    command
        .args(args.retry_pin.then_some("--retry-pin"))
        .args(args.accept_rollback.then_some("--accept-rollback"))
        .args(args.until.map(|pid| format!("--until={}", pid.as_raw_nonzero())));
    command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().map_err(failed)
}

/// The error at the end of the log, without what was logged before it; of what was written behind `from`.
fn last_words(path: &Path, from: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(WORDS).max(from)))?;
        let mut bytes = Vec::new();
        file.take(WORDS).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let begins_line =
        |at: usize| text.get(..at).is_some_and(|before| before.is_empty() || before.ends_with('\n'));
    match text.rmatch_indices(PREFIX).find(|(at, _)| begins_line(*at)) {
        Some((at, _)) => text.get(at + PREFIX.len()..).unwrap_or_default().trim_end().to_owned(),
        None => format!("the agent ended before it was ready; {} says what it did", path.display()),
    }
}

fn started(global: &Global, config: &Config, child: &Child, log: &Path) -> Output {
    let stop = global.command("stop");
    let mut page = Page::new();
    page.styled(Style::Good, "The agent is running.");
    page.pairs([
        ("process", Cell::from(child.id().to_string())),
        ("socket", config.socket.display().to_string().into()),
        ("log", log.display().to_string().into()),
        ("stop it with", stop.as_str().into()),
    ]);
    let value = serde_json::json!({ "pid": child.id(), "socket": config.socket, "log": log, "stop": stop });
    Output::new(&value, page)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;

    #[test]
    fn a_log_is_written_on_and_only_new_words_count() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(LOG);
        std::fs::write(&path, "bursar: what an earlier start said\n").unwrap();
        let (mut file, from) = log(home.path(), &path).unwrap();
        assert!(!last_words(&path, from).contains("earlier"));
        file.write_all(b"INFO starting\nbursar: no token\n").unwrap();
        assert_eq!(last_words(&path, from), "no token");
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("bursar: what an earlier"));
        file.set_len(LONGEST + 1).unwrap();
        assert_eq!(log(home.path(), &path).unwrap().1, 0);
        assert_eq!(std::fs::metadata(home.path().join(OLD)).unwrap().len(), LONGEST + 1);
    }
}
