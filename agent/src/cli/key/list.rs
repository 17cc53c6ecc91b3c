//! `bursar key list`

use super::open::{KeyView, open_any, role_in};
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Cell, Output, Page, Style, Table};
use crate::token::provision::Usage;

/// List the keys in the token with their roles
///
/// Logs in to the token, also while the agent runs.
///
/// Example: bursar key list
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Try the PIN again after it was refused and corrected
    #[arg(long)]
    retry_pin: bool,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let (home, token, runtime) = open_any(global, args.retry_pin)?;
    let mut keys = runtime.block_on(token.keys())?;
    keys.sort_by(|(a, _), (b, _)| a.label().cmp(b.label()));
    let mut table = Table::new(["LABEL", "ROLE", "ALGORITHM", "ADDRESS"]);
    let mut views = Vec::new();
    for (key, usage) in keys {
        let role = match usage {
            Usage::Sign => role_in(&home, key.label()),
            Usage::Derive => Some("derives only".to_owned()),
        };
        let shown = role.as_deref().map_or_else(|| Cell::new("none", Style::Dim), |role| role.into());
        let view = KeyView::new(*key.public(), Some(key.label().to_owned()), role);
        table.row([key.label().into(), shown, view.algorithm.into(), view.address.as_str().into()]);
        views.push(view);
    }
    let mut page = Page::new();
    let about = token.about();
    page.styled(if about.simulator { Style::Bad } else { Style::Dim }, about.line());
    if table.is_empty() {
        page.line(format!(
            "The token has no keys; make one: {}",
            global.command("key generate NAME --algorithm ed25519")
        ));
    } else {
        page.table(table);
    }
    Ok(Output::new(&views, page))
}
