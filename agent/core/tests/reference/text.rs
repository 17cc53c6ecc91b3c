//! A generated bundle as the text that the product reads.

use std::fmt::Write;

use super::spec::{Bound, Bundle, Days, Over, Per, Spec};
use super::world::{APPROVERS, ASSETS, GROUPS, KNOWN_AS, LEDGERS, MINUTE, PAYERS, REVOKED, SHOPS, key};

pub fn text(bundle: &Bundle) -> String {
    let mut text = "version = 1\n[groups]\n".to_owned();
    let mut line = |line: String| writeln!(text, "{line}").unwrap();
    for (name, members) in GROUPS {
        line(format!("{name} = {members:?}"));
    }
    line("[ledgers]".to_owned());
    for (name, byte) in LEDGERS {
        line(format!("{name} = \"{}\"", format!("{byte:02x}").repeat(32)));
    }
    for (name, seed) in PAYERS {
        line(format!("[payers.{name}]\naddress = \"{}\"", key(seed)));
    }
    for (at, name) in APPROVERS.into_iter().enumerate() {
        line(format!("[approvers.{name}]\nkey = \"{}\"\nrevoked = {}", key(40 + at), name == REVOKED));
        let names = KNOWN_AS.iter().find(|(who, _)| *who == name);
        names.into_iter().for_each(|(_, names)| line(format!("callers = {names:?}")));
    }
    for (asset, bound) in ASSETS.iter().zip(&bundle.purposes) {
        line(format!("[assets.{asset}]\ndecimals = 0"));
        bound.iter().flat_map(purpose).for_each(&mut line);
    }
    for (at, (name, categories)) in SHOPS.iter().enumerate() {
        line(format!("[recipients.{name}]\naddress = \"{}\"\ncategories = {categories:?}", key(at)));
    }
    for rule in &bundle.rules {
        let kind = serde_json::to_string(&rule.kind).unwrap();
        line(format!("[[{}]]\nname = \"r{}\"", kind.trim_matches('"'), rule.name));
        scope(rule).into_iter().chain(conditions(rule)).for_each(&mut line);
    }
    text
}

fn purpose(bound: &Bound) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(bound.only.as_ref().map(|only| format!("only = {only:?}")));
    lines.extend(bound.redeemer.map(|at| format!("redeemer = {:?}", SHOPS[at].0)));
    lines.extend(bound.valid.map(valid));
    lines
}

fn valid((from, until): Days) -> String {
    format!("valid = {{ from = 2026-10-{:02}, until = 2026-10-{:02} }}", 23 + from, 23 + until)
}

fn scope(rule: &Spec) -> Vec<String> {
    let mut lines = Vec::new();
    for (field, list) in [
        ("selectors", &rule.selectors),
        ("ledger", &rule.ledgers),
        ("accounts", &rule.accounts),
        ("payers", &rule.payers),
        ("assets", &rule.assets),
        ("recipients", &rule.recipients),
        ("categories", &rule.categories),
        ("callers", &rule.callers),
    ] {
        lines.extend(list.as_ref().map(|list| format!("{field} = {list:?}")));
    }
    let json = |list| serde_json::to_string(&list).unwrap();
    lines.extend(rule.actions.as_ref().map(|list| match list.as_slice() {
        [one] => format!("action = \"{one}\""),
        many => format!("action = {}", serde_json::to_string(many).unwrap()),
    }));
    lines.extend(rule.roles.as_ref().map(|roles| format!("roles = {}", json(roles))));
    lines
}

fn window(per: Per, over: Over) -> String {
    let per = per.map(|per| format!("per = {per:?}, ")).unwrap_or_default();
    match over {
        Over::Rolling(ms) => format!("{per}rolling = \"{}m\"", ms / MINUTE),
        Over::Day => format!("{per}calendar = \"day\""),
    }
}

fn conditions(rule: &Spec) -> Vec<String> {
    let asset = rule.asset();
    let mut lines = Vec::new();
    lines.extend(rule.cap.map(|cap| format!("per_payment = \"{cap} {asset}\"")));
    lines.extend(rule.fee_cap.map(|(asset, cap)| format!("fee_cap = \"{cap} {asset}\"")));
    lines.extend(rule.first.map(|cap| format!("first_payment = \"{cap} {asset}\"")));
    lines.extend(
        rule.budget.map(|(cap, per, over)| {
            format!("budget = {{ amount = \"{cap} {asset}\", {} }}", window(per, over))
        }),
    );
    lines.extend(
        rule.count.map(|(max, per, over)| format!("count = {{ max = {max}, {} }}", window(per, over))),
    );
    lines.extend(rule.spacing.map(|(ms, per)| {
        let per = per.map(|per| format!(", per = {per:?}")).unwrap_or_default();
        format!("spacing = {{ at_least = \"{}m\"{per} }}", ms / MINUTE)
    }));
    lines.extend(
        rule.hours.map(|(from, to)| format!("hours = {{ from = \"{from:02}:00\", to = \"{to:02}:00\" }}")),
    );
    lines.extend(rule.valid.map(valid));
    let quorums: Vec<String> = rule
        .quorums
        .iter()
        .map(|quorum| {
            let above =
                quorum.above.map(|above| format!(", above = \"{above} {asset}\"")).unwrap_or_default();
            let first = if quorum.first { ", first_payment = true" } else { "" };
            format!("{{ need = {}, from = {:?}{above}{first} }}", quorum.need, quorum.from)
        })
        .collect();
    lines.extend((!quorums.is_empty()).then(|| format!("approvals = [{}]", quorums.join(", "))));
    lines
}
