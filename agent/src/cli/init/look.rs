//! `bursar init` without options: what is there to make a home with.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::global::{Global, quoted};
use crate::cli::output::{Cell, Output, Page, Style, Table};
use crate::setup::modules;
use crate::token::discover;
use crate::token::provision::TokenInfo;

#[derive(Serialize)]
struct Answer {
    home: PathBuf,
    existed: bool,
    modules: Vec<Module>,
    next: String,
}

#[derive(Serialize)]
struct Module {
    module: PathBuf,
    tokens: Vec<Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Token {
    label: String,
    serial: String,
    manufacturer: String,
    model: String,
    initialized: bool,
    pin_initialized: bool,
}

impl Token {
    fn of(info: &TokenInfo) -> Self {
        Self {
            label: info.label().to_owned(),
            serial: info.serial().to_owned(),
            manufacturer: info.manufacturer().to_owned(),
            model: info.model().to_owned(),
            initialized: info.initialized(),
            pin_initialized: info.pin_initialized(),
        }
    }

    fn usable(&self) -> bool {
        self.initialized && self.pin_initialized && !self.label.is_empty()
    }

    fn state(&self) -> Cell {
        match (self.initialized, self.pin_initialized) {
            (true, true) => Cell::new("ready", Style::Good),
            (true, false) => Cell::new("has no PIN yet", Style::Warn),
            (false, _) => Cell::new("blank", Style::Dim),
        }
    }
}

/// Lists, and says which command to give next.
pub fn run(global: &Global) -> Result<Output, CliError> {
    let modules: Vec<_> = modules::installed(Path::new("/")).into_iter().map(look).collect();
    let home = std::path::absolute(global.home()?).map_err(|source| CliError::File {
        path: global.home().map(Path::to_owned).unwrap_or_default(),
        source,
    })?;
    let next = next(global, &modules);
    let mut page = Page::new();
    page.line(format!("{} is not a home folder yet.", home.display()));
    page.blank();
    list(&mut page, &modules);
    page.line("A YubiHSM 2 is named by its connector, --yubihsm http://127.0.0.1:12345; without any device --simulated does.");
    page.blank();
    page.line("Next:");
    page.line(format!("  {next}"));
    Ok(Output::new(&Answer { home, existed: false, modules, next }, page))
}

fn look(path: PathBuf) -> Module {
    let found = discover(&path);
    match found.tokens {
        Ok(tokens) => Module { module: path, tokens: tokens.iter().map(Token::of).collect(), error: None },
        Err(error) => Module { module: path, tokens: Vec::new(), error: Some(error.to_string()) },
    }
}

fn list(page: &mut Page, modules: &[Module]) {
    if modules.is_empty() {
        page.line("No PKCS#11 module was found where distributions put them; name yours with --module.");
        return;
    }
    let mut table = Table::new(["MODULE", "TOKEN", "MAKER AND MODEL", "SERIAL", "STATE"]);
    for module in modules {
        let path = module.module.display().to_string();
        for token in &module.tokens {
            let maker = format!("{} {}", token.manufacturer, token.model);
            let label = if token.label.is_empty() {
                Cell::new("(no label)", Style::Dim)
            } else {
                token.label.as_str().into()
            };
            table.row([
                path.as_str().into(),
                label,
                maker.into(),
                token.serial.as_str().into(),
                token.state(),
            ]);
        }
        if module.tokens.is_empty() {
            let why = if module.error.is_some() { "cannot be used" } else { "no token" };
            table.row([
                path.into(),
                Cell::new("(none)", Style::Dim),
                "".into(),
                "".into(),
                Cell::new(why, Style::Dim),
            ]);
        }
    }
    page.table(table);
    for error in modules.iter().filter_map(|module| module.error.as_ref()) {
        page.styled(Style::Warn, error.clone());
    }
}

fn next(global: &Global, modules: &[Module]) -> String {
    let usable =
        modules.iter().find_map(|module| Some((module, module.tokens.iter().find(|token| token.usable())?)));
    match usable {
        Some((module, token)) => global.command(&format!(
            "init --module {} --token {} --pin-prompt --account expenses",
            quoted(&module.module.to_string_lossy()),
            quoted(&token.label)
        )),
        // Nothing to make a home with: the quick start brings a token of its own, or says what to install.
        None => global.command("quickstart"),
    }
}
