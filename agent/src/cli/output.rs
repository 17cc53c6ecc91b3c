//! What a command answers: once for people, once for programs.

mod bar;
mod clean;
mod note;
mod page;
mod table;

use std::io::{ErrorKind, IsTerminal, Write};

use serde::Serialize;

pub use bar::bar;
pub use clean::{clean, clean_json};
pub use note::{is_long, note as note_text, short_note};
pub use page::{Line, Page, Span, Style, count};
pub use table::{Cell, Table};

use super::error::CliError;
use super::exit::Exit;

/// What a command answers, with its exit code.
#[derive(Debug)]
#[must_use]
pub struct Output {
    json: String,
    /// None where the JSON is what people asked for, too.
    page: Option<Page>,
    exit: Exit,
}

impl Output {
    /// The same answer for programs and for people.
    pub fn new(value: &impl Serialize, page: Page) -> Self {
        // Only a map whose keys are no strings cannot become JSON, and no answer has one.
        let json = serde_json::to_string_pretty(value).unwrap_or_else(|_| "null".to_owned());
        Self { json, page: Some(page), exit: Exit::Done }
    }

    /// A JSON text that was asked for as such, with or without `--json`.
    pub fn json(json: String) -> Self {
        Self { json, page: None, exit: Exit::Done }
    }

    /// For a command that has written its answer already.
    pub fn nothing() -> Self {
        Self { json: String::new(), page: None, exit: Exit::Done }
    }

    /// The answer stands, but is not a success.
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Prints it to standard output; answers the exit code.
    pub fn print(&self, json: bool) -> Result<Exit, CliError> {
        let text = match &self.page {
            None if self.json.is_empty() => String::new(),
            Some(page) if !json => page.render(coloured(&std::io::stdout())),
            _ => format!("{}\n", clean_json(&self.json)),
        };
        write_out(text.as_bytes())?;
        Ok(self.exit)
    }
}

/// Writes to standard output. A reader that has gone away (`| head`) is no error.
pub fn write_out(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CliError::File { path: "standard output".into(), source: error })
        }
        _ => Ok(()),
    }
}

/// Writes lines for people to standard error, beside the answer. Nobody may be reading.
pub fn note(page: &Page) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(page.render(coloured(&err)).as_bytes());
}

/// Colour only on a terminal, and not where `NO_COLOR` is set (<https://no-color.org>).
fn coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
