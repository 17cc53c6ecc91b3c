//! `bursar policy explain`

use bursar_core::name::Name;
use bursar_core::policy::{Change, Denial, Explanation, Instead, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::show::quantity;
use super::{offline, stolen};
use crate::book::draft::{Circumstances, Draft};
use crate::book::request::{IdempotencyKey, Recipient, SpendRequest};
use crate::cli::client::{Ask, Client, ClientError};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::output::{Cell, Output, Page, Style, Table};
use crate::cli::pay::amount;
use crate::clock;
use crate::config::Config;
use crate::keys_file::KeysFile;

/// Explain what the policy says of a payment, without paying
///
/// Says for every rule whether it is about this payment, and for every condition whether it holds
/// now; who has to approve; and the smallest changes with which it would be allowed. Works with and
/// without a running agent. Exit code 1 if the payment would be denied.
///
/// With --stolen instead of a payment: the most that a thief could do with the keys and the PIN of
/// somebody (a caller, an approver, an administrator, an account, a payer), while nobody else
/// approves anything. These are upper bounds, whatever was spent before.
///
/// Example: bursar policy explain 120.50 EUR --from expenses --to "Fresh Market"
/// Example: bursar policy explain --stolen anna
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// How much, like 120.50
    #[arg(allow_hyphen_values = true, required_unless_present = "stolen", conflicts_with = "stolen")]
    amount: Option<String>,
    /// Of what, like EUR
    #[arg(required_unless_present = "stolen", conflicts_with = "stolen")]
    asset: Option<String>,
    /// The account to pay from
    #[arg(long, value_name = "NAME", required_unless_present = "stolen", conflicts_with = "stolen")]
    from: Option<Name>,
    /// The recipient: a name of the policy, or an address
    #[arg(long, value_name = "NAME", value_parser = amount::recipient, required_unless_present = "stolen", conflicts_with = "stolen")]
    to: Option<Recipient>,
    /// The most that a thief with this person's keys and PIN could do
    #[arg(long, value_name = "NAME")]
    stolen: Option<Name>,
    /// With --stolen: the bundle, which then needs no home folder [default: the one in force]
    #[arg(long, value_name = "FILE", requires = "stolen")]
    policy: Option<std::path::PathBuf>,
}

/// An explanation as the agent sends it.
#[derive(Debug, Serialize, Deserialize)]
struct Explained {
    allowed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    denial: Option<Denial>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    approvals: Vec<Wanted>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    instead: Vec<Instead>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    categories: Vec<String>,
    rules: Vec<Finding>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Finding {
    rule: String,
    kind: String,
    applies: bool,
    because: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Condition {
    code: String,
    holds: bool,
    condition: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<Left>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Left {
    used: Value,
    cap: Value,
    left: Value,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    if let Some(name) = args.stolen {
        return stolen::run(global, &name, args.policy);
    }
    let (Some(amount), Some(asset), Some(from), Some(to)) = (args.amount, args.asset, args.from, args.to)
    else {
        return Err(CliError::Usage("name a payment, or somebody with --stolen".to_owned()));
    };
    let amount = amount::parse(&amount, &asset).map_err(CliError::Usage)?;
    let request = SpendRequest { action: Default::default(), from, to, amount, memo: Default::default() };
    let config = global.config()?;
    let ask = Ask::post("/v1/policy/explain", &request);
    let explained = match Client::to(global, &config)?.ask::<Explained>(&ask) {
        Err(ClientError::NotRunning { .. }) => {
            let value = serde_json::to_value(without_agent(&config, request)?);
            value.and_then(serde_json::from_value).map_err(|error| CliError::Damaged(error.to_string()))?
        }
        asked => asked?,
    };
    let exit = if explained.denial.is_none() { Exit::Done } else { Exit::Denied };
    Ok(Output::new(&explained, page(&explained)).with_exit(exit))
}

/// The same from policy.toml and the book.
fn without_agent(config: &Config, request: SpendRequest) -> Result<Explanation, CliError> {
    let whole = offline::book(config)?;
    let policy = whole.judge.clone();
    let keys = KeysFile::load(&config.home)?;
    let Some(from) = keys.accounts.get(&request.from) else {
        let known: Vec<_> = keys.accounts.keys().map(Name::as_str).collect();
        return Err(CliError::Usage(format!(
            "there is no account {:?}; this home has {}",
            request.from,
            known.join(", ")
        )));
    };
    let caller = config.callers.of_process().ok_or_else(|| {
        let uid = rustix::process::geteuid().as_raw();
        CliError::Home(format!(
            "user id {uid} is no caller of this agent; add `[callers.NAME]` with `uid = {uid}` to config.toml"
        ))
    })?;
    let ledger = offline::ledger(config)?;
    let now = clock::wall().max(whole.latest);
    // Nothing of this is ever signed.
    let around = Circumstances {
        from: *from,
        ledger,
        nonce: [0; 16],
        now,
        valid_for: config.valid_for,
        patience: config.patience,
    };
    let draft = Draft::new(&policy, caller, IdempotencyKey::none(), request, around)
        .map_err(|error| CliError::Usage(error.to_string()))?;
    let account = draft.request.from.clone();
    let explanation = draft.explain(&policy, &whole.counters, now);
    Ok(whole.pending.explained(&account, &policy, explanation))
}

fn page(explained: &Explained) -> Page {
    let mut page = Page::new();
    match (&explained.denial, &explained.rule) {
        (Some(denial), _) => page.styled(Style::Bad, format!("Denied: {}", denial.message)),
        (None, _) if !explained.approvals.is_empty() => {
            page.styled(Style::Warn, "Waits until it is approved.");
        }
        (None, Some(rule)) => page.styled(Style::Good, format!("Allowed by rule \"{rule}\".")),
        (None, None) => page.styled(Style::Good, "Allowed."),
    }
    for wanted in &explained.approvals {
        page.line(format!("  {wanted}"));
    }
    // Who has to approve it as it is was said already.
    let changes: Vec<&Instead> =
        explained.instead.iter().filter(|instead| instead.change != Change::Approval).collect();
    if !changes.is_empty() {
        let would =
            if explained.approvals.is_empty() { "It would be allowed:" } else { "Nobody has to approve it:" };
        page.line(would);
        changes.iter().for_each(|instead| page.styled(Style::Good, format!("  {instead}")));
    }
    if let Some(recipient) = &explained.recipient {
        page.pairs([
            ("recipient", recipient.as_str().into()),
            ("categories", explained.categories.join(", ").into()),
        ]);
    }
    if explained.rules.is_empty() {
        return page;
    }
    let mut table = Table::new(["RULE", "KIND", "VERDICT", "WHY"]);
    for rule in &explained.rules {
        let name = |first: bool| {
            if first {
                (rule.rule.as_str().into(), rule.kind.as_str().into())
            } else {
                (Cell::from(""), Cell::from(""))
            }
        };
        let mut lines: Vec<(Cell, Cell)> = Vec::new();
        if !rule.applies {
            let why = format!("not about this payment: {}", rule.because.join("; "));
            lines.push((Cell::new("-", Style::Dim), Cell::new(why, Style::Dim)));
        } else if rule.conditions.is_empty() {
            let (verdict, style) =
                if rule.kind == "forbid" { ("forbids", Style::Bad) } else { ("holds", Style::Good) };
            lines.push((Cell::new(verdict, style), "always, in its scope".into()));
        }
        lines.extend(rule.conditions.iter().map(|condition| condition_line(&rule.kind, condition)));
        for (i, (verdict, why)) in lines.into_iter().enumerate() {
            let (rule, kind) = name(i == 0);
            table.row([rule, kind, verdict, why]);
        }
    }
    page.blank();
    page.table(table);
    page
}

fn condition_line(kind: &str, condition: &Condition) -> (Cell, Cell) {
    let (verdict, style) = match (kind, condition.holds) {
        ("forbid", true) => ("forbids", Style::Bad),
        ("forbid", false) => ("not now", Style::Good),
        (_, true) => ("holds", Style::Good),
        (_, false) => ("fails", Style::Bad),
    };
    let verdict = Cell::new(verdict, style);
    let of = condition.key.as_ref().map(|key| format!(" ({key})")).unwrap_or_default();
    let left = condition
        .left
        .as_ref()
        .map(|left| format!(", {} left of {}", quantity(&left.left), quantity(&left.cap)));
    (verdict, format!("{}{of}{}", condition.condition, left.unwrap_or_default()).into())
}
