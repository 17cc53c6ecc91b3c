//! The module's environment: what a PKCS#11 library reads when it is loaded.
//!
//! A process cannot change its own environment while it has threads (`std::env::set_var` is
//! `unsafe`), so the program replaces itself by the same command with the variables set.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::error::CliError;

/// Returns if every variable is as the home records it; otherwise this process begins anew with
/// them, and does not return. To be called before anything that must not happen twice.
pub fn with_environment(wanted: &BTreeMap<String, String>) -> Result<(), CliError> {
    let differs =
        |(name, value): &(&String, &String)| std::env::var_os(name).as_deref() != Some(OsStr::new(value));
    let missing: Vec<_> = wanted.iter().filter(differs).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        CliError::Home(format!(
            "this program cannot start itself again ({error}); set the variables of [token.environment] in config.toml before you give the command"
        ))
    };
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).envs(missing);
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
    Err(failed(command.exec()))
}
