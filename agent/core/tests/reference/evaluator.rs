//! What the words of the specification say, read one rule after the other.

use bursar_core::intent::Action;
use bursar_core::policy::Kind;

use super::ask::Ask;
use super::spec::{Bound, Bundle, Days, Names, Over, Per, Quorum, Spec};
use super::world::{ASSETS, DAY, HOUR, KNOWN_AS, LEDGERS, PAYERS, REVOKED, SHOPS, START, opened};

/// What becomes of a request, from the best on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    Allow,
    Wait,
    Deny,
}

/// What a window of a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Amount(&'static str),
    Payments,
    Spacing,
    /// The sums above which somebody approves.
    Above(&'static str),
}

/// A payment that went through.
#[derive(Clone, Debug)]
pub struct Past {
    pub ask: Ask,
    /// When it is recorded; until then it is held.
    pub at: i64,
    /// What it counts under: a rule's name, and what it counts there.
    pub under: Vec<(usize, What)>,
}

/// How long a payment counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// Exactly as long as the policy says.
    Never,
    /// For 1/256 of a rolling window more, and a millisecond, as the product is free to do.
    Always,
}

/// The rules whose word counts: the first allow that is about it, and the limits.
pub fn rules<'a>(bundle: &'a Bundle, ask: &Ask) -> Option<Vec<&'a Spec>> {
    let about = |kind| bundle.rules.iter().filter(move |rule| rule.kind == kind && in_scope(rule, ask));
    let first = about(Kind::Allow).next()?;
    Some(std::iter::once(first).chain(about(Kind::Limit)).collect())
}

/// What a payment counts under by the rules that are about it. One that no allow is about counts
/// under the limits that are.
pub fn counts_under(bundle: &Bundle, ask: &Ask) -> Vec<(usize, What)> {
    let limits = || bundle.rules.iter().filter(|rule| rule.kind == Kind::Limit && in_scope(rule, ask));
    let rules = rules(bundle, ask).unwrap_or_else(|| limits().collect());
    rules.into_iter().flat_map(|rule| windows(rule).into_iter().map(|(what, ..)| (rule.name, what))).collect()
}

/// Each window of a rule: what it counts, how much of it may be there, for whom, how long.
fn windows(rule: &Spec) -> Vec<(What, Option<u64>, Per, Over)> {
    let mut all = Vec::new();
    let asset = rule.asset();
    all.extend(rule.budget.map(|(cap, per, over)| (What::Amount(asset), Some(cap), per, over)));
    all.extend(rule.count.map(|(max, per, over)| (What::Payments, Some(max), per, over)));
    let shared = all.first().map(|(.., over)| *over);
    all.extend(rule.spacing.map(|(ms, per)| (What::Spacing, Some(1), per, Over::Rolling(ms))));
    if rule.quorums.iter().any(|quorum| quorum.above.is_some()) {
        all.extend(shared.map(|over| (What::Above(asset), None, None, over)));
    }
    all
}

/// The verdict, given what went through before.
pub fn word(bundle: &Bundle, ask: &Ask, past: &[Past], now: i64, late: Late) -> Word {
    if !known(ask) || !on_purpose(bundle, ask, now) {
        return Word::Deny;
    }
    let forbids = bundle.rules.iter().filter(|rule| rule.kind == Kind::Forbid && in_scope(rule, ask));
    if forbids.into_iter().any(|rule| timely(rule, now)) {
        return Word::Deny;
    }
    let Some(rules) = rules(bundle, ask) else { return Word::Deny };
    if ask.fee.is_some() && rules[0].fee_cap.is_none() {
        return Word::Deny;
    }
    rules.iter().map(|rule| word_of(rule, ask, past, now, late)).max().unwrap()
}

/// Does the policy know all that is named, and has it what it takes?
fn known(ask: &Ask) -> bool {
    let moves = matches!(ask.action, Action::Pay | Action::Issue | Action::Endorse);
    let asset = ask.value.is_none_or(|(asset, _)| ASSETS[..2].contains(&asset));
    let recipient = ask.to.is_none_or(|to| to < SHOPS.len());
    let payer = ask.action != Action::Endorse || PAYERS.iter().any(|(_, seed)| *seed == ask.from);
    asset && recipient && payer && !(moves && (ask.value.is_none() || ask.to.is_none()))
}

fn payer(ask: &Ask) -> &'static str {
    match ask.action {
        Action::Endorse => PAYERS.iter().find(|(_, seed)| *seed == ask.from).map_or("", |(name, _)| name),
        _ => ask.account,
    }
}

fn categories(ask: &Ask) -> &'static [&'static str] {
    ask.to.and_then(|to| SHOPS.get(to)).map_or(&[], |(_, categories)| categories)
}

/// May this asset go there?
fn on_purpose(bundle: &Bundle, ask: &Ask, now: i64) -> bool {
    let Some((asset, _)) = ask.value else { return true };
    let at = ASSETS.iter().position(|name| *name == asset).unwrap();
    let Some(bound) = &bundle.purposes[at] else { return true };
    let Some(to) = ask.to else { return false };
    if bound.redeemer == Some(to) && ask.action != Action::Issue {
        // Whoever has it may give it back at any time; the redeemer itself may not even do that.
        return ask.from != to;
    }
    if bound.valid.is_some_and(|days| !lives(days, now)) && bound.redeemer != Some(to) {
        return false;
    }
    if ask.action == Action::Issue {
        return true;
    }
    // With a redeemer, whoever could have been paid with it may pay nobody else, nor may he.
    let stuck = |redeemer| ask.from == redeemer || (ask.from < SHOPS.len() && fits(bound, SHOPS[ask.from].1));
    fits(bound, SHOPS[to].1) && !bound.redeemer.is_some_and(stuck)
}

/// Is it for somebody with these categories, all of them?
fn fits(bound: &Bound, categories: &[&str]) -> bool {
    let Some(only) = &bound.only else { return true };
    !categories.is_empty() && categories.iter().all(|category| only.contains(category))
}

fn in_scope(rule: &Spec, ask: &Ask) -> bool {
    let has = |list: &Names, name: Option<&str>| {
        list.as_ref().is_none_or(|list| name.is_some_and(|name| opened(list).contains(&name)))
    };
    let actions = match (&rule.actions, rule.kind) {
        (Some(actions), _) => actions.contains(&ask.action),
        (None, Kind::Allow) => ask.action == Action::Pay,
        (None, Kind::Limit | Kind::Forbid) => true,
    };
    let category = rule.categories.as_ref().is_none_or(|list| {
        let list = opened(list);
        let mut listed = categories(ask).iter().map(|category| list.contains(category));
        match rule.kind {
            Kind::Allow => listed.len() > 0 && listed.all(|yes| yes),
            Kind::Limit | Kind::Forbid => listed.any(|yes| yes),
        }
    });
    let ledger = LEDGERS.iter().find(|(_, byte)| *byte == ask.ledger).map(|(name, _)| *name);
    actions
        && category
        && has(&rule.selectors, ask.selector)
        && has(&rule.ledgers, ledger)
        && has(&rule.accounts, Some(ask.account))
        && has(&rule.payers, Some(payer(ask)))
        && has(&rule.assets, ask.value.map(|(asset, _)| asset))
        && has(&rule.recipients, ask.to.and_then(|to| SHOPS.get(to)).map(|(name, _)| *name))
        && has(&rule.callers, Some(ask.caller))
        && rule.roles.as_ref().is_none_or(|roles| roles.iter().any(|role| ask.roles.contains(role)))
}

fn lives((from, until): Days, now: i64) -> bool {
    (from..=until).contains(&((now - START) / DAY))
}

fn timely(rule: &Spec, now: i64) -> bool {
    let hour = (now - START) / HOUR % 24;
    let open =
        rule.hours.is_none_or(
            |(from, to)| {
                if from < to { (from..to).contains(&hour) } else { hour >= from || hour < to }
            },
        );
    open && rule.valid.is_none_or(|days| lives(days, now))
}

fn word_of(rule: &Spec, ask: &Ask, past: &[Past], now: i64, late: Late) -> Word {
    let amount = ask.value.map_or(0, |(_, amount)| amount);
    let fee = |(asset, cap)| ask.fee.is_none_or(|(of, fee)| of == asset && fee <= cap);
    if !timely(rule, now) || rule.cap.is_some_and(|cap| amount > cap) || !rule.fee_cap.is_none_or(fee) {
        return Word::Deny;
    }
    let mut summed = amount;
    for (what, cap, per, over) in windows(rule) {
        for key in keys(what, per, ask) {
            let counts = |past: &&Past| {
                past.under.contains(&(rule.name, what))
                    && keys(what, per, &past.ask).contains(&key)
                    && in_window(over, past.at, now, late)
            };
            let sum: u64 = past.iter().filter(counts).map(|past| units(what, &past.ask)).sum();
            match cap {
                Some(cap) if sum + units(what, ask) > cap => return Word::Deny,
                Some(_) => {}
                None => summed = sum + amount,
            }
        }
    }
    let paid = |past: &Past| past.at <= now && past.ask.account == ask.account && past.ask.to == ask.to;
    let first = ask.to.is_some() && !past.iter().any(paid);
    if first && rule.first.is_some_and(|cap| amount > cap) {
        return Word::Deny;
    }
    let asked: Vec<&Quorum> = rule
        .quorums
        .iter()
        .filter(|quorum| match (quorum.above, quorum.first) {
            (None, false) => true,
            (above, by_first) => above.is_some_and(|above| summed > above) || (by_first && first),
        })
        .collect();
    let known_as =
        |name: &str| KNOWN_AS.iter().any(|(who, names)| *who == name && names.contains(&ask.caller));
    let others = |name: &&'static str| *name != ask.caller && !known_as(name) && *name != REVOKED;
    let everybody = opened(&["managers", "finance"]).into_iter().filter(others).collect();
    let voters = ask.voters.iter().copied().filter(others).collect();
    match (reached(&asked, voters), reached(&asked, everybody)) {
        (true, _) => Word::Allow,
        (false, true) => Word::Wait,
        (false, false) => Word::Deny,
    }
}

fn units(what: What, ask: &Ask) -> u64 {
    match what {
        What::Amount(_) | What::Above(_) => ask.value.map_or(0, |(_, amount)| amount),
        What::Payments | What::Spacing => 1,
    }
}

/// Whose budgets it draws from. What has no recipient shares one, and so do recipients without
/// categories.
fn keys(what: What, per: Per, ask: &Ask) -> Vec<String> {
    let shop = ask.to.map_or("nobody", |to| SHOPS[to].0);
    if let What::Above(_) = what {
        return vec![format!("{} to {shop}", ask.caller)];
    }
    let key = match per {
        None => "",
        Some("account") => ask.account,
        Some("payer") => payer(ask),
        Some("recipient") => shop,
        Some("requester") => ask.caller,
        _ if categories(ask).is_empty() => "",
        _ => return categories(ask).iter().map(ToString::to_string).collect(),
    };
    vec![key.to_owned()]
}

fn in_window(over: Over, at: i64, now: i64, late: Late) -> bool {
    let held = now < at;
    held || match (over, late) {
        (Over::Rolling(ms), Late::Never) => now < at + ms,
        (Over::Rolling(ms), Late::Always) => now < at + ms + ms / 256 + 1,
        (Over::Day, _) => at / DAY == now / DAY,
    }
}

/// Can every place of every quorum be filled with one of these, nobody twice? Tries everything.
fn reached(quorums: &[&Quorum], people: Vec<&'static str>) -> bool {
    let places: Vec<Vec<&str>> =
        quorums.iter().flat_map(|quorum| vec![opened(&quorum.from); quorum.need]).collect();
    fill(&places, &people)
}

fn fill(places: &[Vec<&str>], people: &[&str]) -> bool {
    let Some((place, places)) = places.split_first() else { return true };
    people.iter().any(|person| {
        let others: Vec<&str> = people.iter().copied().filter(|other| other != person).collect();
        place.contains(person) && fill(places, &others)
    })
}

/// Can the quorums of every rule come together at all? Else the bundle is refused.
pub fn possible(bundle: &Bundle) -> bool {
    bundle.rules.iter().all(|rule| {
        let all: Vec<&Quorum> = rule.quorums.iter().collect();
        reached(&all, opened(&["managers", "finance"]))
    })
}
