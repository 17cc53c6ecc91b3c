//! `bursar policy explain --stolen NAME`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use bursar_core::name::Name;
use bursar_core::policy::{Ceiling, Quantity, Reach, Stolen, Victim, stolen};

use super::offline;
use crate::book::in_force;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Cell, Output, Page, Style, Table};
use crate::keys_file::KeysFile;

/// Asks the bundle of a file, or the one in force in the home, with the accounts that it has.
pub fn run(global: &Global, name: &Name, file: Option<PathBuf>) -> Result<Output, CliError> {
    let (mut accounts, mut roles) = (None, None);
    if file.is_none() {
        let config = global.config()?;
        accounts = Some(KeysFile::load(&config.home)?.accounts.into_keys().collect::<BTreeSet<Name>>());
        // Whom the home does not know as a caller may be one tomorrow: with any role.
        roles = config.callers.iter().find(|caller| caller.name == *name).map(|caller| caller.roles);
    }
    let standing = match &file {
        Some(_) => None,
        // The home's policy.toml may be what somebody would like.
        None => {
            let config = global.config()?;
            in_force::of_home_now(&config.home, config.tolerance)?
        }
    };
    let policy = match standing {
        Some(standing) => standing.policy,
        None => offline::policy(&offline::path(global, file)?).map(Arc::new)?,
    };
    let victim = Victim { name, roles, accounts: accounts.as_ref() };
    let found = stolen(&policy, &victim).map_err(|error| CliError::Usage(error.to_string()))?;
    Ok(Output::new(&found, page(&found)))
}

fn page(found: &Stolen) -> Page {
    let mut page = Page::new();
    let name = &found.name;
    if found.is_nobody() {
        page.styled(
            Style::Good,
            format!("This bundle lets {name} do nothing. Is the name spelled as in the bundle?"),
        );
        return page;
    }
    page.styled(
        Style::Bold,
        format!("With the keys and the PIN of {name}, while nobody else approves anything:"),
    );
    if found.reaches.is_empty() {
        page.line("  No payment is allowed.");
    } else {
        let mut table = Table::new(["RULE", "FROM", ">LARGEST", "AT MOST", "TO", "WHEN"]);
        found.reaches.iter().for_each(|reach| rows(&mut table, found, reach));
        page.table(table);
    }
    if !found.totals.is_empty() {
        let mut table = Table::new(["ALL OF IT", ">ANY 24 HOURS", ">ANY 7 DAYS", ">ANY 31 DAYS"]);
        for total in &found.totals {
            let most = |at: usize| -> Cell {
                let most = total.most.get(at).map(|(_, most)| most.to_string()).unwrap_or_default();
                Cell::new(most.clone(), if most == UNLIMITED { Style::Bad } else { Style::Plain })
            };
            table.row([format!("{} {}", total.action, total.asset).into(), most(0), most(1), most(2)]);
        }
        page.blank();
        page.table(table);
    }
    if !found.powers.is_empty() {
        page.blank();
    }
    for power in &found.powers {
        page.styled(if power.alone { Style::Bad } else { Style::Plain }, sentence(&power.to_string()));
    }
    let warnings: BTreeSet<&str> = found.reaches.iter().filter_map(Reach::warning).collect();
    let fees: BTreeSet<&String> = found.reaches.iter().filter_map(|reach| reach.fee.as_ref()).collect();
    for warning in warnings {
        page.styled(Style::Warn, sentence(warning));
    }
    for fee in fees {
        page.styled(Style::Warn, format!("On top of it comes {fee} for each payment."));
    }
    page
}

const UNLIMITED: &str = "unlimited";

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// One line for each ceiling.
fn rows(table: &mut Table<6>, found: &Stolen, reach: &Reach) {
    let rule = match reach.action {
        bursar_core::intent::Action::Pay => reach.rule.to_string(),
        action => format!("{} ({action})", reach.rule),
    };
    let account = reach.account.as_ref().map_or("any other account", Name::as_str);
    let single = match &reach.single {
        Some(single) if single.to_string() == UNLIMITED => {
            let asset = reach.asset.as_ref().map_or("", Name::as_str);
            Cell::new(format!("{UNLIMITED} {asset}"), Style::Bad)
        }
        Some(single) => single.to_string().into(),
        None if reach.needs.is_empty() => "-".into(),
        None => Cell::new("nothing", Style::Good),
    };
    let mut most: Vec<String> = reach.needs.iter().map(|needs| format!("needs {needs}")).collect();
    let ceilings: Vec<&Ceiling> = reach.ceilings.iter().filter_map(|at| found.ceilings.get(*at)).collect();
    // A number of payments is said with what it comes to.
    let said = |ceiling: &Ceiling| {
        let amount = |other: &&Ceiling| {
            other.rule == ceiling.rule
                && other.window == ceiling.window
                && other.how.contains(" of at most ")
                && matches!(other.most, Quantity::Amount(..))
        };
        matches!(ceiling.most, Quantity::Count(_)) && ceilings.iter().any(amount)
    };
    most.extend(ceilings.iter().filter(|ceiling| !said(ceiling)).map(|ceiling| ceiling.how.clone()));
    if reach.known_only {
        most.push("only to who was paid before".to_owned());
    }
    if most.is_empty() {
        most.push("no bound over time".to_owned());
    }
    let mut first = Some((rule, account, single, to(reach), reach.when.join(", and ")));
    for most in most {
        match first.take() {
            Some((rule, account, single, to, when)) => {
                table.row([rule.into(), account.into(), single, most.into(), to.into(), when.into()]);
            }
            None => table.row(["".into(), "".into(), "".into(), most.into(), "".into(), "".into()]),
        }
    }
}

/// `supermarket, pharmacy (2)`, or the names where there are few.
fn to(reach: &Reach) -> String {
    let names = |names: &[Name]| names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let to = &reach.to;
    match (to.count, to.names.len() as u64) {
        (0, _) => "nobody".to_owned(),
        (count, named) if count == named && count <= 3 => names(&to.names),
        (count, _) if to.categories.is_empty() => format!("{count} recipients"),
        (count, _) => format!("{count} recipients: {}", names(&to.categories)),
    }
}
