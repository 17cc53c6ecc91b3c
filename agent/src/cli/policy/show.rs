//! `bursar policy show`

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::offline;
use crate::book::hex::Hex;
use crate::cli::client::{Ask, Client, ClientError};
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Cell, Output, Page, Style, Table};
use crate::clock;

/// Show the rules in force, and how full the budgets are
///
/// With a running agent these are the rules it started with; without one, those of policy.toml.
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
    rules: Vec<Rule>,
    budgets: Vec<Budget>,
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
            let rules: Vec<_> = policy.rules().collect();
            let budgets = whole.counters.standings(&policy, clock::wall().max(whole.latest));
            let value = json!({ "hash": Hex(policy.hash()), "version": policy.version(), "rules": rules, "budgets": budgets });
            let shown =
                serde_json::from_value(value).map_err(|error| CliError::Damaged(error.to_string()))?;
            (shown, false)
        }
        Err(error) => return Err(error.into()),
    };
    let mut page = page(&shown);
    // A file that does not parse is as good as another one.
    if running && offline::policy(&path).map_or(true, |policy| policy.hash() != shown.hash.0) {
        page.blank();
        page.styled(Style::Warn, format!(
            "{} was changed since the agent started, which goes by the rules above. To put the change in force: {}, then {} and start it again",
            path.display(),
            global.command("policy check"),
            global.command("stop")
        ));
    }
    Ok(Output::new(&shown, page))
}

fn page(shown: &Shown) -> Page {
    let mut page = Page::new();
    page.pairs([("version", shown.version.to_string().into()), ("sha-256", shown.hash.to_string().into())]);
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
            (label, Cell::from(names.as_ref().map(|names| names.join(", ")).unwrap_or_default()))
        });
        page.pairs(scope.into_iter().chain([("  conditions", rule.conditions.join("; ").into())]));
    }
    if !shown.budgets.is_empty() {
        let mut table = Table::new(["BUDGET", "EACH", ">USED", ">LEFT", "CONDITION"]);
        for budget in &shown.budgets {
            table.row([
                budget.budget.as_str().into(),
                budget.key.clone().unwrap_or_else(|| "-".to_owned()).into(),
                quantity(&budget.used).into(),
                quantity(&budget.left).into(),
                budget.condition.as_str().into(),
            ]);
        }
        page.blank();
        page.table(table);
    }
    page
}

/// An amount is a text, a count is a number.
pub fn quantity(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
