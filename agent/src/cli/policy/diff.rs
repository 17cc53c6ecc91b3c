//! `bursar policy diff`

mod uncompared;
mod wait;
mod words;

use std::path::PathBuf;

use bursar_core::policy::Policy;
use bursar_core::policy::diff::{self, Change, DiffError, Difference};
use bursar_core::time::Timestamp;
use serde::Serialize;

pub use uncompared::{Compared, Uncompared};

use super::offline;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{Output, Page, Style, Table, count};
use crate::clock;

/// Most kinds of payments that are listed for people.
const REGIONS: usize = 50;
/// Most other changes that are listed; people come first.
const CHANGES: usize = 200;

/// Compare two policy bundles: what is newly allowed, and newly denied
///
/// Says for which payments the bundles differ, with one payment for each kind of difference, and
/// what else was changed: administrators, approvers, recipients and so on. A payment is allowed if
/// a rule allows it, budgets have room and people approve: budgets and the like are compared as they
/// are written, not as they are filled. No difference means that both mean the same.
///
/// Exit code 17: they cannot be compared. They differ in more than a few seconds can tell, or an
/// asset has other decimals; the message says what to do.
///
/// Example: bursar policy diff policy.toml new.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The bundle that is in force
    old: PathBuf,
    /// The bundle that would be
    new: PathBuf,
    /// Compare all times from this one on, like 2026-11-22T09:30:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// End with exit code 1 if there is a difference
    #[arg(long)]
    exit_code: bool,
}

#[derive(Serialize)]
struct Answer {
    same: bool,
    #[serde(flatten)]
    difference: Difference,
}

/// Does what the arguments say.
pub fn run(args: Args) -> Result<Output, CliError> {
    let old = offline::policy(&args.old)?;
    let new = offline::policy(&args.new)?;
    let since = args.since.unwrap_or_else(|| clock::wall().whole_seconds());
    let difference = wait::noting("Comparing…", || diff::diff(&old, &new, since))
        .map_err(|error| CliError::Uncompared(error.to_string()))?;
    let same = difference.is_none();
    let page = page(&difference);
    let output = Output::new(&Answer { same, difference }, page);
    Ok(if args.exit_code && !same { output.with_exit(Exit::Denied) } else { output })
}

/// What another bundle changes, for somebody who is asked to agree to it.
pub fn between(old: &Policy, new: &Policy) -> Compared {
    match diff::diff(old, new, clock::wall().whole_seconds()) {
        Ok(difference) => Compared { page: page(&difference), is_whole: true },
        Err(error) => Compared { page: incomparable(old, new, &error), is_whole: false },
    }
}

/// What can be said of two bundles all the same: what they name beside their rules.
fn incomparable(old: &Policy, new: &Policy, error: &DiffError) -> Page {
    let mut page = Page::new();
    let what =
        format!("The two cannot be compared: {error}. Read the new one's text before you agree to it.");
    page.styled(Style::Bad, what);
    changes(&mut page, &diff::changes(old, new));
    page
}

fn page(difference: &Difference) -> Page {
    let mut page = Page::new();
    if difference.is_none() {
        page.styled(Style::Good, "No difference: both mean the same.");
        return page;
    }
    // First, as it is what changes the most, and must not be missed below many kinds of payments.
    changes(&mut page, &difference.changes);
    page.line(match difference.regions.len() {
        0 => "Every payment is judged the same.".to_owned(),
        1 => "One kind of payment is judged differently:".to_owned(),
        kinds => format!("{kinds} kinds of payments are judged differently:"),
    });
    for (number, region) in (1..).zip(difference.regions.iter().take(REGIONS)) {
        page.blank();
        words::region(&mut page, number, region);
    }
    let more = difference.regions.len().saturating_sub(REGIONS);
    if more > 0 {
        page.blank();
        page.styled(
            Style::Warn,
            format!(
                "{} of payments {} not listed here; `bursar policy diff OLD NEW --json` has all.",
                count(more as u64, "more kind"),
                if more == 1 { "is" } else { "are" },
            ),
        );
    }
    page
}

/// What else was changed: administrators, approvers, recipients and so on.
fn changes(page: &mut Page, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    let mut table = Table::new(["CHANGED", "NAME", "OLD", "NEW"]);
    for change in changes.iter().take(CHANGES) {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned()).into();
        let name = change.name.as_ref().map(ToString::to_string);
        table.row([change.about.to_string().into(), or(&name), or(&change.old), or(&change.new)]);
    }
    page.table(table);
    if let Some(more) = changes.len().checked_sub(CHANGES).filter(|more| *more > 0) {
        page.styled(Style::Warn, format!("{more} more are not listed here."));
    }
    page.blank();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const P256: &str = "p256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";

    /// Each account has a limit of its own, so that each is a kind of payment of its own.
    fn bundle(accounts: usize, least: usize, people: &str) -> Policy {
        let mut text = format!("version = 1\n{people}\n[assets.EUR]\ndecimals = 2\n");
        text.push_str("[recipients.shop]\ncategories = [\"shop\"]\n");
        text.push_str(
            "address = \"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"\n",
        );
        for number in 0..accounts {
            let limit = least + number;
            text.push_str(&format!(
                "[[allow]]\nname = \"r{number}\"\naccounts = [\"a{number}\"]\nper_payment = \"{limit}.00 EUR\"\n"
            ));
        }
        Policy::parse(&text).unwrap()
    }

    fn administrator() -> String {
        format!("[administrators]\nneed = 1\nkeys = {{ anna = \"{P256}\" }}")
    }

    #[test]
    fn who_decides_comes_first_and_fifty_kinds_of_payments_at_most() {
        for (accounts, more) in [
            (50, None),
            (51, Some("1 more kind of payments is")),
            (60, Some("10 more kinds of payments are")),
        ] {
            let (old, new) = (bundle(accounts, 10, ""), bundle(accounts, 100, &administrator()));
            let text = between(&old, &new).page.render(false);
            assert!(text.starts_with("CHANGED"), "{text}");
            let changed = text.find(P256).unwrap();
            assert!(changed < text.find("1. Newly allowed").unwrap(), "{text}");
            assert!(text.contains("50. Newly allowed") && !text.contains("51. "), "{text}");
            assert_eq!(text.contains("--json` has all"), more.is_some(), "{text}");
            assert!(more.is_none_or(|more| text.contains(more)), "{text}");
        }
    }

    #[test]
    fn nobody_agrees_to_what_cannot_be_compared_by_chance() {
        let (old, new) = (bundle(1, 10, ""), bundle(1, 11, ""));
        assert!(between(&old, &new).is_whole);
        let other = Policy::parse(&new.text().replace("decimals = 2", "decimals = 3")).unwrap();
        let compared = between(&old, &other);
        assert!(!compared.is_whole);
        assert!(compared.page.render(false).contains("EUR had 2 decimals and has 3 now"));
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            uncompared: Uncompared,
        }
        let read = |args: &[&str]| <Line as clap::Parser>::try_parse_from(args).unwrap().uncompared;
        let refused = read(&["x"]).accept(compared.is_whole).unwrap_err();
        assert_eq!(refused.exit(), Exit::Uncompared);
        assert!(read(&["x"]).accept(true).is_ok());
        assert!(read(&["x", "--uncompared"]).accept(compared.is_whole).is_ok());
    }

    #[test]
    fn two_that_cannot_be_compared_still_warn_of_other_people() {
        let (old, new) = (bundle(1, 10, ""), bundle(1, 10, &administrator()));
        let text = incomparable(&old, &new, &DiffError::TooMany).render(false);
        assert!(
            text.contains("cannot be compared") && text.contains("administrators  -     -    1 of \"anna\""),
            "{text}"
        );
        assert!(!text.contains("approver "), "{text}");
        assert!(!incomparable(&new, &new, &DiffError::TooMany).render(false).contains("CHANGED"));
    }
}
