//! `bursar pay`: asks the running agent for one payment, or for a file of them.

pub mod amount;
pub mod batch;
pub mod insist;

use std::path::PathBuf;

use bursar_core::decode::transfer::{Kind, Memo};
use bursar_core::name::Name;

use super::client::{Ask, Client};
use super::error::CliError;
use super::exit::Exit;
use super::global::{Global, quoted};
use super::output::{self, Output, Page, Style};
use super::spend_page;
use crate::book::request::{IdempotencyKey, Recipient, SpendRequest};
use crate::book::view::{Spend, State};
use insist::Unanswered;

/// Pay once, or pay a file of payments
///
/// The agent judges the payment by the policy, signs it in the token and hands it to the ledger.
/// A payment that the policy denies is recorded, too, and ends with exit code 1.
///
/// A file is CSV with a header line and the columns id,from,to,amount,asset,memo (memo may be left
/// out):
///
///   id,from,to,amount,asset,memo
///   INV-4711,expenses,Fresh Market,120.50,EUR,"groceries, week 47"
///
/// The id stands for one payment, for ever, in this home: an invoice number, for instance, but nothing
/// that counts from 1 in each file, and nothing that a spreadsheet writes in another way (007, dates).
/// The agent remembers it, whatever becomes of the file: a row with an id that was paid before is not
/// paid again. With the same content it gets the stored answer, so the same file can be given again
/// after an interruption; with other content it is refused. A row that was denied can be mended under
/// its id; unchanged it gets the stored denial, so to ask the policy again give it a new id.
///
/// A row that is wrong is refused and named with its line; the others go on. The answers to
/// november.csv are written to november.result.csv beside it, in the order of the rows, with the
/// columns id,state,spend,reason. Exit code 11 if any row was refused or denied.
///
/// Exit code 15 says that a payment may be under way: ask again with the same --key, or with the same
/// file, and never as a new payment. Without --key a random key is used, and shown before the agent is
/// asked.
///
/// Examples:
///   bursar pay 120.50 EUR --from expenses --to "Fresh Market" --memo "groceries, week 47"
///   bursar pay --batch november.csv
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    override_usage = "bursar pay <AMOUNT> <ASSET> --from <NAME> --to <NAME> [OPTIONS]\n       bursar pay --batch <FILE> [OPTIONS]"
)]
pub struct Args {
    /// How much, like 120.50
    #[arg(required_unless_present = "batch", conflicts_with = "batch", allow_hyphen_values = true)]
    amount: Option<String>,
    /// Of what, like EUR
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    asset: Option<String>,
    /// The account to pay from
    #[arg(long, value_name = "NAME", required_unless_present = "batch", conflicts_with = "batch")]
    from: Option<Name>,
    /// The recipient: a name of the policy, or an address
    #[arg(long, value_name = "NAME", required_unless_present = "batch", conflicts_with = "batch", value_parser = amount::recipient)]
    to: Option<Recipient>,
    /// What for; at most 140 bytes, signed and recorded with the payment
    #[arg(long, value_name = "TEXT", conflicts_with = "batch")]
    memo: Option<Memo>,
    /// An Idempotency-Key of your own: the same key again never pays twice [default: a random one]
    #[arg(long, conflicts_with = "batch")]
    key: Option<IdempotencyKey>,
    /// Pay every row of a CSV file
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
    /// With --batch: how many payments at once; with 1 a tight budget goes to the first rows
    #[arg(long, value_name = "N", default_value_t = 16, requires = "batch", value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
}

/// Asks the agent.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    if let Some(file) = &args.batch {
        return batch::run(global, file, usize::from(args.jobs));
    }
    let (Some(number), Some(asset), Some(from), Some(to)) = (args.amount, args.asset, args.from, args.to)
    else {
        return Err(CliError::Usage("a payment needs an amount, an asset, --from and --to".to_owned()));
    };
    let amount = amount::parse(&number, &asset).map_err(CliError::Usage)?;
    let memo = args.memo.unwrap_or_default();
    ask(global, &SpendRequest { action: Kind::Pay, from, to, amount, memo }, args.key)
}

/// Asks for one payment or issue, under a random key if none is given, and insists on an answer.
pub fn ask(global: &Global, request: &SpendRequest, key: Option<IdempotencyKey>) -> Result<Output, CliError> {
    let client = Client::new(global)?;
    let done = done(request.action);
    let key = match key {
        Some(key) => key,
        None => {
            let key = random_key()?;
            show(global, &key, done);
            key
        }
    };
    let ask = Ask::post("/v1/spends", request).keyed(key.as_str());
    let answered = client.run(|link| async move { insist::insist(&link, &ask).await });
    Ok(answer(global, &answered.map_err(|error| unanswered(error, &key, done))?))
}

/// What may have become of it.
fn done(kind: Kind) -> &'static str {
    match kind {
        Kind::Pay => "paid",
        Kind::Issue => "issued",
    }
}

/// Before the agent is asked: whoever is interrupted then has the key all the same.
fn show(global: &Global, key: &IdempotencyKey, done: &str) {
    let mut page = Page::new();
    if global.json {
        page.text(&serde_json::json!({ "key": key.as_str() }).to_string());
    } else {
        page.styled(Style::Dim, format!("Key {key}; if this is interrupted, {}", again(key.as_str(), done)));
    }
    output::note(&page);
}

fn again(key: &str, done: &str) -> String {
    format!("ask again with --key {} only, or it may be {done} twice", quoted(key))
}

/// What may have been decided is known by the key alone, so that nobody has to pay twice to find out.
fn unanswered(Unanswered { error, in_doubt }: Unanswered, key: &IdempotencyKey, done: &str) -> CliError {
    if !in_doubt {
        return error.into();
    }
    let again = again(key.as_str(), done);
    CliError::Ended {
        exit: Exit::Unfinished,
        message: format!("{error}\nIt may be {done}, or be {done} later; to hear what became of it, {again}"),
    }
}

fn random_key() -> Result<IdempotencyKey, CliError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        CliError::Busy(format!(
            "the operating system gave no random numbers ({error}); nothing was asked; name a key with --key"
        ))
    })?;
    let text = format!("cli:{}", data_encoding::HEXLOWER.encode(&bytes));
    text.parse().map_err(|error: crate::book::request::RequestError| CliError::Usage(error.to_string()))
}

fn answer(global: &Global, spend: &Spend) -> Output {
    let mut page = spend_page::page(spend);
    if !spend.state.is_final() {
        let look = global.command(&format!("show {}", spend.id));
        let how = match spend.state {
            State::Refused => "It is held until it can be recorded no more",
            State::Waiting => {
                "Nothing is held while it waits, and the agent goes on with it once it is approved"
            }
            _ => "It is not finished; the agent goes on with it",
        };
        page.styled(Style::Warn, format!("{how}. Look again with: {look}"));
        page.styled(Style::Warn, format!("Meanwhile {}", again(&spend.key, done(spend.action))));
    }
    Output::new(spend, page).with_exit(spend_page::exit(spend.state))
}
