//! The options that every command has.

use std::path::{Path, PathBuf};

use super::error::CliError;
use crate::config::{Config, Home};

/// The program's name.
const NAME: &str = "bursar";

/// As they were written.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct GlobalArgs {
    /// Home folder [default: $BURSAR_HOME, $XDG_DATA_HOME/bursar or ~/.local/share/bursar]
    #[arg(long, global = true, value_name = "DIR", display_order = 900)]
    home: Option<PathBuf>,
    /// Print one JSON value instead of text for people
    #[arg(long, global = true, display_order = 901)]
    json: bool,
}

/// What follows from them on this machine.
#[derive(Clone, Debug)]
pub struct Global {
    home: Option<PathBuf>,
    /// Was `--home` written? Then commands that are printed name it, too.
    named: bool,
    /// One JSON value instead of text.
    pub json: bool,
}

impl GlobalArgs {
    /// Was `--json` asked for?
    pub fn json(&self) -> bool {
        self.json
    }

    /// Looks up the default home folder.
    pub fn resolve(self) -> Global {
        let named = self.home.is_some();
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = self
            .home
            .or_else(|| absolute("BURSAR_HOME"))
            .or_else(|| absolute("XDG_DATA_HOME").map(|data| data.join("bursar")))
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share/bursar")));
        Global { home, named, json: self.json }
    }
}

impl Global {
    /// Options for a home folder, as if `--home` had named it.
    pub fn of(home: PathBuf, json: bool) -> Self {
        Self { home: Some(home), named: true, json }
    }

    /// The home folder, if `--home` named it.
    pub fn named(&self) -> Option<&Path> {
        self.home.as_deref().filter(|_| self.named)
    }

    /// The home folder, which may not exist yet.
    pub fn home(&self) -> Result<&Path, CliError> {
        self.home.as_deref().ok_or_else(|| {
            CliError::Home(
                "there is no default home folder, since HOME is not set; name one with --home DIR".to_owned(),
            )
        })
    }

    /// The checked configuration of the home folder, an agent's or a person's.
    pub fn any_home(&self) -> Result<Home, CliError> {
        Ok(Home::load(self.home()?)?)
    }

    /// The checked configuration of an agent's home folder.
    pub fn config(&self) -> Result<Config, CliError> {
        Ok(Config::load(self.home()?)?)
    }

    /// A command line to be printed, so that it works as pasted: `bursar --home DIR serve`, with
    /// the folder only where it is not the default, and the program's path only where the shell
    /// would not find this program by its name.
    pub fn command(&self, rest: &str) -> String {
        let bursar = program();
        match self.named() {
            Some(home) => {
                let home = std::path::absolute(home).unwrap_or_else(|_| home.to_owned());
                format!("{bursar} --home {} {rest}", quoted(&home.to_string_lossy()))
            }
            None => format!("{bursar} {rest}"),
        }
    }
}

/// How a shell runs this program: by its name if `PATH` leads to it, else by its path. Another
/// program that runs this one as a library (a test) does not take its place.
fn program() -> String {
    let own = std::env::current_exe().and_then(std::fs::canonicalize).unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = std::env::split_paths(&path).map(|folder| folder.join(NAME)).find(|file| file.is_file());
    let found = first.is_some_and(|file| std::fs::canonicalize(file).is_ok_and(|file| file == own));
    let named = own.file_name().is_some_and(|name| name == NAME);
    if named && !found { quoted(&own.to_string_lossy()) } else { NAME.to_owned() }
}

/// A word for a POSIX shell.
pub fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+,:@%=".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted() {
        for (home, command) in [
            ("/srv/bursar", "bursar --home /srv/bursar serve"),
            ("/my home", "bursar --home '/my home' serve"),
            ("/it's", r"bursar --home '/it'\''s' serve"),
            ("/a;rm", "bursar --home '/a;rm' serve"),
        ] {
            assert_eq!(Global::of(home.into(), false).command("serve"), command);
        }
        let default = GlobalArgs::default().resolve();
        assert_eq!(default.command("serve"), "bursar serve");
    }
}
