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
            ("   roles", roles(&region.roles)),
            ("   ledgers", names(&region.ledgers)),
            ("   selectors", names(&region.selectors)),
            ("   amounts", region.amounts.as_ref().map(range).unwrap_or_default()),
            ("   fees", fees(region)),
            ("   times", region.times.as_ref().map(times).unwrap_or_default()),
            ("   old", said(&region.old)),
            ("   new", said(&region.new)),
            ("   for example", example(region)),
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

/// What the caller's roles are about: to have one of some, none of some, or exactly these.
fn roles(names: &Names) -> String {
    let or = |list: &[String]| list.join(" or ");
    match names {
        Names::Any => String::new(),
        Names::Only(list) if list.iter().any(|set| set.starts_with("exactly ") || set == "no role") => {
            format!("callers with {}", or(list))
        }
        Names::Only(list) => format!("callers who are {}", or(list)),
        Names::AllBut(list) => format!("callers who are not {}", or(list)),
    }
}

fn range(range: &Range) -> String {
    match &range.most {
        Some(most) if *most == range.least => most.clone(),
        Some(most) if is_least(&range.least) => format!("up to {most}"),
        Some(most) => format!("{} to {most}", range.least),
        None if is_least(&range.least) => "any".to_owned(),
        None => format!("{} and more", range.least),
    }
}

/// Is it nothing, or one minor unit: `0.00 EUR`, `0.01 EUR`?
fn is_least(amount: &str) -> bool {
    let number = amount.split(' ').next().unwrap_or_default();
    let digits = number.trim_start_matches(['0', '.']);
    digits.is_empty() || digits == "1" && (number.contains('.') || number == "1")
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
    let or = |word: &String| if word.contains(" or ") { format!("({word})") } else { word.clone() };
    let when: Vec<String> = times.when.iter().map(or).collect();
    let when = if when.len() == 1 { times.when.join("") } else { when.join(" and ") };
    match (times.one_of.join(" or "), when.is_empty()) {
        (one_of, _) if one_of.is_empty() => when,
        (one_of, true) => one_of,
        (one_of, false) => format!("{when} and ({one_of})"),
    }
}

/// Why it is denied; or the rule that allows it, with all its terms: of half of them one could think
/// that the others are gone.
fn said(said: &Said) -> String {
    if let (false, Some(denial)) = (said.allowed, &said.denial) {
        return format!("denied: {}", denial.message);
    }
    let rule = said.rule.as_ref().map(ToString::to_string).unwrap_or_default();
    let line = said.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    // Which rule a term is of goes without saying where it is the rule that decides.
    let own = format!(" (rule \"{rule}\")");
    let terms = said.terms.iter().map(|term| term.strip_suffix(&own).unwrap_or(term));
    let terms = terms.collect::<Vec<_>>().join("; ");
    let terms = if terms.is_empty() { String::new() } else { format!(": {terms}") };
    format!("allowed by \"{rule}\"{line}{terms}")
}

fn example(region: &Region) -> String {
    let witness: &Witness = &region.witness;
    let mut text = witness.action.to_string();
    let mut say = |word: &str, what: Option<String>| {
        if let Some(what) = what {
            text.push_str(&format!(" {word}{what}"));
        }
    };
    say("", witness.selector.map(|selector| selector.to_string()));
    say("", witness.amount.clone());
    // A name that is made up tells nobody anything.
    let account = match region.accounts {
        Names::Any => "any account".to_owned(),
        _ => witness.account.to_string(),
    };
    say("from ", Some(account));
    say("to ", witness.recipient.as_ref().map(|to| to.name.to_string()));
    say("paid by ", (witness.action == Action::Endorse).then(|| witness.payer.to_string()));
    say("with a fee of ", witness.fee.clone());
    let roles: Vec<String> = witness.roles.iter().map(ToString::to_string).collect();
    let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
    let caller = match region.callers {
        Names::Any => "anybody".to_owned(),
        _ => witness.caller.to_string(),
    };
    format!("{text}, asked by {caller} ({roles}) at {}", witness.time)
}
