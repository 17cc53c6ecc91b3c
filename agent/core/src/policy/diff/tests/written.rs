//! Bundles at random, as text, for the tests: a header, and rules that may use all there is.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Points of Ed25519: public keys of RFC 8032, section 7.1, and of the basepoint's first multiples.
pub(super) const KEYS: [&str; 4] = [
    "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
];
/// Nobody's: SEC 2's base point of P-256.
pub(super) const STRANGER: &str = "p256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
pub(super) const ACTIONS: [&str; 6] = ["pay", "record", "issue", "rotate", "endorse", "call"];

/// What a bundle names beside its rules.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub categories: [Vec<&'static str>; 4],
    /// The third recipient goes by another name.
    pub renamed: bool,
    /// There is no first recipient.
    pub dropped: bool,
    pub only: Option<Vec<&'static str>>,
    pub redeemer: Option<usize>,
    pub valid: Option<(u32, u32)>,
    pub payer: &'static str,
    pub managers: Vec<&'static str>,
    pub dollars: bool,
    pub swapped: bool,
    /// Who of the approvers asks for payments as somebody else, too.
    pub callers: [Option<&'static str>; 3],
}

/// A rule's kind, name and lines.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub kind: &'static str,
    pub name: String,
    pub lines: Vec<String>,
}

pub(super) fn header() -> impl Strategy<Value = Header> {
    let categories = || subsequence(&["c0", "c1", "c2"][..], 0..3);
    let purpose = (
        proptest::option::weighted(0.6, subsequence(&["c0", "c1", "c2"][..], 0..3)),
        proptest::option::of(1..4_usize),
        proptest::option::weighted(0.4, (23..26_u32, 24..28_u32)),
    );
    let managers = subsequence(&["anna", "ben", "chloe"][..], 2..=3);
    (
        [categories(), categories(), categories(), categories()],
        any::<[bool; 4]>(),
        purpose,
        select(&["p0", "pp"][..]),
        managers,
        [(); 3].map(|()| proptest::option::weighted(0.3, select(&["zoe", "anna", "chloe"][..]))),
    )
        .prop_map(
            |(categories, [renamed, dropped, dollars, swapped], purpose, payer, managers, callers)| {
                let (only, redeemer, valid) = purpose;
                let redeemer = redeemer.filter(|_| only.is_some());
                Header {
                    categories,
                    renamed,
                    dropped,
                    only,
                    redeemer,
                    valid,
                    payer,
                    managers,
                    dollars,
                    swapped,
                    callers,
                }
            },
        )
}

fn list(
    of: &'static [&'static str],
    weight: f64,
    field: &'static str,
) -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(weight, subsequence(of, 0..=of.len()))
        .prop_map(move |list| list.map(|list| format!("{field} = {list:?}")))
}

fn window() -> impl Strategy<Value = String> {
    let length = prop_oneof![
        select(&["24h", "1d", "7d"][..]).prop_map(|length| format!("rolling = \"{length}\"")),
        Just("calendar = \"day\"".to_owned()),
        Just("calendar = \"day\", zone = \"Europe/Berlin\"".to_owned()),
    ];
    let per = select(&["account", "recipient", "category", "requester", "payer", ""][..]);
    (length, per).prop_map(|(length, per)| match per {
        "" => length,
        per => format!("{length}, per = \"{per}\""),
    })
}

/// Conditions on the time, which every kind may have.
fn time() -> impl Strategy<Value = Vec<String>> {
    let zone = select(&["UTC", "Europe/Berlin", "America/New_York"][..]);
    let days = prop_oneof![
        Just(String::new()),
        select(&["mon", "fri", "sun"][..]).prop_map(|day| format!(", days = [\"{day}\", \"tue\"]")),
    ];
    let hours = (0..24_u32, 0..=24_u32, days, zone).prop_filter_map("no hours", |(from, to, days, zone)| {
        let text =
            format!("hours = {{ from = \"{from:02}:00\", to = \"{to:02}:00\"{days}, zone = \"{zone}\" }}");
        (from != to).then_some(text)
    });
    let valid = (22..26_u32, 23..28_u32)
        .prop_map(|(from, until)| format!("valid = {{ from = 2026-10-{from}, until = 2026-10-{until} }}"));
    (proptest::option::weighted(0.2, hours), proptest::option::weighted(0.15, valid))
        .prop_map(|(hours, valid)| hours.into_iter().chain(valid).collect())
}

/// Conditions on amounts, which a forbid has none of; they imply the asset.
fn amounts() -> impl Strategy<Value = Vec<String>> {
    let asset = select(&["EUR", "GRANT"][..]);
    let cap = proptest::option::weighted(0.4, 0..40_u32);
    let first = proptest::option::weighted(0.2, 1..40_u32);
    let fee = proptest::option::weighted(0.4, (0..4_u32, select(&["ETH", "EUR"][..])));
    let budget = proptest::option::weighted(0.3, (select(&[0, 7, 50, 60][..]), window()));
    let count = proptest::option::weighted(0.2, (0..4_u32, window()));
    let spacing = proptest::option::weighted(0.15, select(&["1h", "60m", "2h"][..]));
    let quorum =
        (1..=2_u32, proptest::option::of(5..40_u32), any::<bool>(), select(&["managers", "anna"][..]));
    let quorums = proptest::option::weighted(0.3, proptest::collection::vec(quorum, 1..3));
    (asset, cap, first, fee, budget, count, spacing, quorums).prop_map(
        |(asset, cap, first, fee, budget, count, spacing, quorums)| {
            let mut lines = Vec::new();
            lines.extend(cap.map(|cap| format!("per_payment = \"{cap} {asset}\"")));
            lines.extend(first.map(|cap| format!("first_payment = \"{cap} {asset}\"")));
            lines.extend(fee.map(|(cap, fee)| format!("fee_cap = \"{cap} {fee}\"")));
            lines.extend(
                budget.map(|(cap, window)| format!("budget = {{ amount = \"{cap} {asset}\", {window} }}")),
            );
            lines.extend(count.map(|(max, window)| format!("count = {{ max = {max}, {window} }}")));
            lines.extend(
                spacing.map(|least| format!("spacing = {{ at_least = \"{least}\", per = \"recipient\" }}")),
            );
            lines.extend(quorums.map(|quorums| {
                // Two people at most, and never Anna twice, so that any two managers can meet them.
                let alone = quorums.len() == 1;
                let text = quorums.into_iter().enumerate().map(|(at, (need, above, first, from))| {
                    let above =
                        above.map(|above| format!(", above = \"{above} {asset}\"")).unwrap_or_default();
                    let from = if at == 0 { from } else { "managers" };
                    let need = if alone && from == "managers" { need } else { 1 };
                    format!("{{ need = {need}, from = \"{from}\"{above}, first_payment = {first} }}")
                });
                format!("approvals = [{}]", text.collect::<Vec<_>>().join(", "))
            }));
            lines
        },
    )
}

pub(super) fn rule() -> impl Strategy<Value = Rule> {
    let scope = (
        list(&["a0", "a2", "ga"], 0.35, "accounts"),
        list(&["s1", "s2", "gs"], 0.3, "recipients"),
        list(&["c0", "c1", "gc"], 0.3, "categories"),
        list(&["anna", "gp"], 0.25, "callers"),
        list(&["requester", "approver", "node"], 0.2, "roles"),
        list(&["l0", "l1"], 0.2, "ledger"),
        list(&["p0", "a0", "p1"], 0.2, "payers"),
    );
    let scope = scope.prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g].into_iter().flatten().collect());
    let action = proptest::option::weighted(0.5, subsequence(&ACTIONS[..], 1..=3));
    let kind = prop_oneof![1 => Just("forbid"), 4 => Just("allow"), 3 => Just("limit")];
    let assets = list(&["EUR", "GRANT", "ETH"], 0.3, "assets");
    let selectors = subsequence(&["0x00000001", "0xa9059cbb"][..], 0..=2);
    (kind, action, selectors, scope, time(), amounts(), assets).prop_map(
        |(kind, action, selectors, scope, time, amounts, assets)| {
            let mut lines: Vec<String> = scope;
            let calls = action.as_ref().is_some_and(|action| action.contains(&"call"));
            lines.extend(action.map(|action| format!("action = {action:?}")));
            if calls {
                lines.push(format!("selectors = {selectors:?}"));
            }
            lines.extend(time);
            let amounts = if kind == "forbid" { Vec::new() } else { amounts };
            // Amounts imply the one asset that they are in.
            let implied = amounts.iter().any(|line| {
                !line.starts_with("fee_cap") && line.contains(" EUR\"") || line.contains(" GRANT\"")
            });
            lines.extend(assets.filter(|_| !implied));
            lines.extend(amounts);
            Rule { kind, name: String::new(), lines }
        },
    )
}

/// The bundle as text.
pub(super) fn write(header: &Header, rules: &[Rule]) -> String {
    let mut text = "version = 1\n".to_owned();
    let third = if header.renamed { "t2" } else { "s2" };
    writeln!(text, "[groups]\nga = [\"a0\", \"a1\"]\ngs = [\"{third}\", \"s3\"]\ngc = [\"c0\", \"c2\"]")
        .unwrap();
    writeln!(text, "gp = [\"anna\", \"ben\"]\nmanagers = {:?}", header.managers).unwrap();
    let ids = if header.swapped { ["02", "01"] } else { ["01", "02"] };
    writeln!(text, "[ledgers]\nl0 = \"{}\"\nl1 = \"{}\"", ids[0].repeat(32), ids[1].repeat(32)).unwrap();
    writeln!(
        text,
        "[payers.{}]\naddress = \"{}\"\n[payers.p1]\naddress = \"{}\"",
        header.payer, KEYS[0], KEYS[1]
    )
    .unwrap();
    for asset in ["EUR", "ETH"].into_iter().chain(header.dollars.then_some("USD")) {
        writeln!(text, "[assets.{asset}]\ndecimals = 0").unwrap();
    }
    writeln!(text, "[assets.GRANT]\ndecimals = 0").unwrap();
    header.only.iter().for_each(|only| writeln!(text, "only = {only:?}").unwrap());
    let name = |at: usize| if at == 2 { third.to_owned() } else { format!("s{at}") };
    header.redeemer.iter().for_each(|at| writeln!(text, "redeemer = \"{}\"", name(*at)).unwrap());
    if let Some((from, until)) = header.valid {
        writeln!(text, "valid = {{ from = 2026-10-{from}, until = 2026-10-{until} }}").unwrap();
    }
    for (at, categories) in header.categories.iter().enumerate().skip(usize::from(header.dropped)) {
        writeln!(text, "[recipients.{}]\naddress = \"{}\"\ncategories = {categories:?}", name(at), KEYS[at])
            .unwrap();
    }
    for (at, name) in ["anna", "ben", "chloe"].into_iter().enumerate() {
        writeln!(text, "[approvers.{name}]\nkey = \"{}\"", KEYS[at]).unwrap();
        header.callers[at].iter().for_each(|caller| writeln!(text, "callers = [\"{caller}\"]").unwrap());
    }
    for rule in rules {
        writeln!(text, "[[{}]]\nname = \"{}\"", rule.kind, rule.name).unwrap();
        for line in &rule.lines {
            let line = line.replace("\"s2\"", &format!("\"{third}\""));
            writeln!(text, "{line}").unwrap();
        }
    }
    text
}

/// Names rules by their place; of each the name counts, not where it stands.
pub(super) fn numbered(rules: Vec<Rule>, from: usize) -> Vec<Rule> {
    (from..).zip(rules).map(|(at, rule)| Rule { name: format!("r{at}"), ..rule }).collect()
}
