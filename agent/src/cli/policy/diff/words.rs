//! One region for people.

use bursar_core::intent::Action;
use bursar_core::policy::diff::{Names, Range, Region, Said, Times, Way, Witness};

use crate::cli::output::{Cell, Page, Style};

/// Most names that are printed of one list.
const NAMES: usize = 8;

/// Adds a heading, and a line for each thing that matters.
pub fn region(page: &mut Page, number: usize, region: &Region) {
    let (style, way) = match region.way {
        Way::NewlyAllowed => (Style::Good, "Newly allowed"),
        Way::NewlyDenied => (Style::Bad, "Newly denied"),
        Way::OtherTerms => (Style::Warn, "Allowed under other terms"),
    };
    page.styled(style, format!("{number}. {way}"));
    let actions: Vec<&str> = region.actions.iter().map(|action| action.as_str()).collect();
    let recipients = match &region.category {
        Some(category) => format!("all in category {category}"),
        None => names(&region.recipients),
    };
    page.pairs(
        [
            ("   actions", actions.join(", ")),
            ("   accounts", names(&region.accounts)),
            ("   payers", names(&region.payers)),
            ("   assets", names(&region.assets)),
            ("   recipients", recipients),
            ("   callers", names(&region.callers)),
            ("   roles", names(&region.roles)),
            ("   ledgers", names(&region.ledgers)),
            ("   selectors", names(&region.selectors)),
            ("   amounts", region.amounts.as_ref().map(range).unwrap_or_default()),
            ("   fees", fees(region)),
            ("   times", region.times.as_ref().map(times).unwrap_or_default()),
            ("   old", said(&region.old)),
            ("   new", said(&region.new)),
            ("   for example", example(&region.witness)),
        ]
        .map(|(label, text)| (label, Cell::from(text))),
    );
}

/// Nothing where everything is meant.
fn names(names: &Names) -> String {
    match names {
        Names::Any => String::new(),
        Names::Only(list) => some(list),
        Names::AllBut(list) => format!("all but {}", some(list)),
    }
}

fn some(list: &[String]) -> String {
    let list: Vec<String> = list.iter().map(|name| spelled(name)).collect();
    match list.get(..NAMES) {
        Some(first) if list.len() > NAMES + 1 => {
            format!("{} and {} more, see --json", first.join(", "), list.len() - NAMES)
        }
        _ => list.join(", "),
    }
}

/// In quotes, which no name has, where a name could be taken for words of this page.
fn spelled(name: &str) -> String {
    let like_words = name.starts_with("all ") || name.contains(',') || name.contains(" and ");
    if like_words { format!("\"{name}\"") } else { name.to_owned() }
}

fn range(range: &Range) -> String {
    match &range.most {
        Some(most) if *most == range.least => most.clone(),
        Some(most) => format!("{} to {most}", range.least),
        None => format!("{} and more", range.least),
    }
}

/// Nothing where the same holds without a fee, and no fee is told apart.
fn fees(region: &Region) -> String {
    let with: Vec<String> = region.fees.iter().map(range).collect();
    match (region.no_fee, with.is_empty()) {
        (_, true) => String::new(),
        (true, false) => format!("none, or {}", with.join(", or ")),
        (false, false) => with.join(", or "),
    }
}

fn times(times: &Times) -> String {
    let when = times.when.join(" and ");
    let unless = match times.unless.as_slice() {
        [] => return when,
        [one] => format!("not {one}"),
        all => format!("not ({})", all.join(" and ")),
    };
    if when.is_empty() { unless } else { format!("{when}, but {unless}") }
}

/// Why it is denied; or the rule that allows it, with all its terms: of half of them one could think
/// that the others are gone.
fn said(said: &Said) -> String {
    if let (false, Some(denial)) = (said.allowed, &said.denial) {
        return format!("denied: {}", denial.message);
    }
    let rule = said.rule.as_ref().map(ToString::to_string).unwrap_or_default();
    let line = said.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    let terms = if said.terms.is_empty() { String::new() } else { format!(", {}", said.terms.join("; ")) };
    format!("allowed by \"{rule}\"{line}{terms}")
}

fn example(witness: &Witness) -> String {
    let mut text = witness.action.to_string();
    let mut say = |word: &str, what: Option<String>| {
        if let Some(what) = what {
            text.push_str(&format!(" {word}{what}"));
        }
    };
    say("", witness.selector.map(|selector| selector.to_string()));
    say("", witness.amount.clone());
    say("from ", Some(witness.account.to_string()));
    say("to ", witness.recipient.as_ref().map(|to| to.name.to_string()));
    say("paid by ", (witness.action == Action::Endorse).then(|| witness.payer.to_string()));
    say("with a fee of ", witness.fee.clone());
    let roles: Vec<String> = witness.roles.iter().map(ToString::to_string).collect();
    let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
    format!("{text}, asked by {} ({roles}) at {}", witness.caller, witness.time)
}
