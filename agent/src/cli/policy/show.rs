//! `bursar policy show`

use std::collections::BTreeMap;

use bursar_core::policy::BundleView;
use bursar_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::offline;
use crate::book::hex::Hex;
use crate::cli::client::{Ask, Client, ClientError};
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Cell, Output, Page, Style, Table, bar};
use crate::cli::status::break_glass;
use crate::clock;

/// Show the bundle in force, and how full the budgets are
///
/// Rules, what assets are bound to, ledgers, payers, and who approves, freezes and changes the bundle.
/// With a running agent this is what it goes by; without one, what its book says is in force.
///
/// Example: bursar policy show
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

/// What the agent answers, as far as it is shown.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    hash: Hex<32>,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(default)]
    assets: Vec<Asset>,
    #[serde(default)]
    ledgers: BTreeMap<String, String>,
    #[serde(default)]
    payers: BTreeMap<String, String>,
    #[serde(default)]
    recipients: u64,
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    approvers: Vec<Approver>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    administrators: Option<Administrators>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    break_glass: Option<Need>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    freeze: Option<Freeze>,
    rules: Vec<Rule>,
    budgets: Vec<Budget>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Asset {
    name: String,
    decimals: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redeemer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Approver {
    name: String,
    keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    callers: Vec<String>,
    revoked: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Administrators {
    need: u32,
    keys: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Need {
    need: u32,
    from: Vec<String>,
    label: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Freeze {
    from: Vec<String>,
    lift: Need,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rule {
    name: String,
    kind: String,
    line: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    selectors: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ledgers: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payers: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assets: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipients: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    categories: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callers: Option<Vec<String>>,
    conditions: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Budget {
    budget: String,
    condition: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    used: Value,
    cap: Value,
    left: Value,
    #[serde(default)]
    percent: u8,
}

pub fn run(global: &Global, _: Args) -> Result<Output, CliError> {
    let config = global.config()?;
    let path = config.policy_path();
    let asked = Client::to(global, &config)?.ask::<Shown>(&Ask::get("/v1/policy"));
    let (shown, running) = match asked {
        Ok(shown) => (shown, true),
        Err(ClientError::NotRunning { .. }) => {
            let whole = offline::book(&config)?;
            let policy = whole.judge.clone();
            let budgets = whole.counters.standings(&policy, clock::wall().max(whole.latest));
            let until = whole.until;
            let value = serde_json::to_value(BundleView { until, ..BundleView::of(&policy, budgets) });
            let shown = value
                .and_then(serde_json::from_value)
                .map_err(|error| CliError::Damaged(error.to_string()))?;
            (shown, false)
        }
        Err(error) => return Err(error.into()),
    };
    let mut page = page(&shown);
    // A file that does not parse is as good as another one.
    if running && offline::policy(&path).map_or(true, |policy| policy.hash() != shown.hash.0) {
        page.blank();
        page.styled(Style::Warn, if let Some(all) = &shown.administrators {
            let (verb, does) =
                if all.need > 1 { ("propose", "put it forward") } else { ("install", "put it in force") };
            let rest = format!("policy {verb} {}", crate::cli::global::quoted(&path.to_string_lossy()));
            format!(
                "{} is not the bundle in force, which its administrators change. To {does}: {}",
                path.display(),
                global.command(&rest)
            )
        } else { format!(
            "{} was changed since the agent started, which goes by the rules above. To put the change in force: {}, then {} and start it again",
            path.display(),
            global.command("policy check"),
            global.command("stop")
        ) });
    }
    Ok(Output::new(&shown, page))
}

fn page(shown: &Shown) -> Page {
    let mut page = Page::new();
    if let Some(until) = shown.until {
        page.styled(Style::Bad, break_glass(until));
    }
    page.pairs(bundle(shown));
    if !shown.groups.is_empty() {
        let mut table = Table::new(["GROUP", "MEMBERS"]);
        for (group, members) in &shown.groups {
            table.row([group.as_str().into(), members.join(", ").into()]);
        }
        page.blank();
        page.table(table);
    }
    for rule in &shown.rules {
        page.blank();
        let style = match rule.kind.as_str() {
            "allow" => Style::Good,
            "forbid" => Style::Bad,
            _ => Style::Warn,
        };
        page.styled(style, format!("{} \"{}\" (line {})", rule.kind, rule.name, rule.line));
        let scope = [
            ("  actions", &rule.actions),
            ("  selectors", &rule.selectors),
            ("  ledgers", &rule.ledgers),
            ("  accounts", &rule.accounts),
            ("  payers", &rule.payers),
            ("  assets", &rule.assets),
            ("  recipients", &rule.recipients),
            ("  categories", &rule.categories),
            ("  callers", &rule.callers),
            ("  roles", &rule.roles),
        ];
        let scope = scope.map(|(label, names)| {
            // An allow is about payments unless it says otherwise.
            let names = names.as_ref().filter(|names| {
                label.trim() != "actions" || rule.kind != "allow" || names.as_slice() != ["pay"]
            });
            (label, Cell::from(names.map(|names| names.join(", ")).unwrap_or_default()))
        });
        page.pairs(scope.into_iter().chain([("  conditions", rule.conditions.join("; ").into())]));
    }
    if !shown.budgets.is_empty() {
        let mut table = Table::new(["BUDGET", "EACH", ">USED", ">LEFT", "FULL", "CONDITION"]);
        for budget in &shown.budgets {
            table.row([
                budget.budget.as_str().into(),
                budget.key.clone().unwrap_or_else(|| "-".to_owned()).into(),
                quantity(&budget.used).into(),
                quantity(&budget.left).into(),
                bar(budget.percent, is_zero(&budget.used)),
                budget.condition.as_str().into(),
            ]);
        }
        page.blank();
        page.table(table);
    }
    page
}

/// Everything but groups, rules and budgets; what the bundle does not say is left out.
fn bundle(shown: &Shown) -> [(&'static str, Cell); 10] {
    let listed = |names: Vec<&str>| Cell::from(names.join(", "));
    let need = |need: &Need| match need.from.join(", ") {
        from if from == need.label => format!("{} of {from}", need.need),
        from => format!("{} of {} ({from})", need.need, need.label),
    };
    let administrators = shown.administrators.as_ref().map(|all| {
        format!("{} of {}", all.need, all.keys.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
    });
    let freeze = shown
        .freeze
        .as_ref()
        .map(|freeze| format!("any one of {}; lifted by {}", freeze.from.join(", "), need(&freeze.lift)));
    let approvers: Vec<String> = shown.approvers.iter().map(Approver::words).collect();
    let assets: Vec<String> = shown.assets.iter().map(Asset::words).collect();
    [
        ("version", shown.version.to_string().into()),
        ("sha-256", shown.hash.to_string().into()),
        ("assets", assets.join(", ").into()),
        ("recipients", shown.recipients.to_string().into()),
        ("ledgers", listed(shown.ledgers.keys().map(String::as_str).collect())),
        ("payers", listed(shown.payers.keys().map(String::as_str).collect())),
        ("approvers", approvers.join(", ").into()),
        ("administrators", administrators.unwrap_or_default().into()),
        ("break glass", shown.break_glass.as_ref().map(need).unwrap_or_default().into()),
        ("freeze", freeze.unwrap_or_default().into()),
    ]
}

impl Asset {
    /// `GRANT (only pharmacy, redeemed by health fund, until 2027-11-30)`.
    fn words(&self) -> String {
        let bound: Vec<String> = [
            self.only.as_ref().map(|only| format!("only {}", only.join(", "))),
            self.redeemer.as_ref().map(|redeemer| format!("redeemed by {redeemer}")),
            self.valid.clone(),
        ]
        .into_iter()
        .flatten()
        .collect();
        if bound.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, bound.join("; ")) }
    }
}

impl Approver {
    fn words(&self) -> String {
        let asks_as = (!self.callers.is_empty()).then(|| format!("asks as {}, too", self.callers.join(", ")));
        let notes: Vec<String> =
            self.revoked.then(|| "revoked".to_owned()).into_iter().chain(asks_as).collect();
        if notes.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, notes.join("; ")) }
    }
}

fn is_zero(value: &Value) -> bool {
    match value.as_str() {
        Some(amount) => {
            !amount.split(' ').next().unwrap_or_default().bytes().any(|digit| (b'1'..=b'9').contains(&digit))
        }
        None => value.as_u64() == Some(0),
    }
}

/// An amount is a text, a count is a number.
pub fn quantity(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
