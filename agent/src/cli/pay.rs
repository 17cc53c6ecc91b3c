//! `bursar pay`: asks the running agent for one payment, or for a file of them.

pub mod amount;
pub mod batch;
pub mod insist;

use std::path::PathBuf;

use bursar_core::decode::transfer::Memo;
use bursar_core::name::Name;

use super::client::{Ask, Client};
use super::error::CliError;
use super::global::{Global, quoted};
use super::output::{Output, Style};
use super::spend_page;
use crate::book::request::{IdempotencyKey, Recipient, SpendRequest};
use crate::book::view::Spend;
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
///   2026-11-01,expenses,Fresh Market,120.50,EUR,"groceries, week 47"
///
/// The id names a payment for ever: a row that was answered before, with the same id and the same
/// content, gives the stored answer and is not paid again. So the same file can be given again after
/// an interruption, and after mending rows that were refused. Give each new payment a new id, for
/// instance one that begins with the date. A row that is wrong is refused and named with its line;
/// the others go on. The answers to november.csv are written to november.result.csv beside it, in the
/// order of the rows, with the columns id,state,spend,reason. Exit code 11 if any row was refused or
/// denied.
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
    let request = SpendRequest { from, to, amount, memo: args.memo.unwrap_or_default() };
    let key = match args.key {
        Some(key) => key,
        None => random_key()?,
    };
    let spend = one(global, &request, &key)?;
    Ok(answer(global, &spend))
}

/// Asks for one payment, again where that helps.
pub fn one(global: &Global, request: &SpendRequest, key: &IdempotencyKey) -> Result<Spend, CliError> {
    let client = Client::new(global)?;
    let ask = Ask::post("/v1/spends", request).keyed(key.as_str());
    client
        .run(|link| async move { insist::insist(&link, &ask).await })
        .map_err(|error| unanswered(error, key))
}

/// What may have been decided is known by the key alone, so that nobody has to pay twice to find out.
fn unanswered(Unanswered { error, may_have_arrived }: Unanswered, key: &IdempotencyKey) -> CliError {
    if !may_have_arrived {
        return error.into();
    }
    let key = quoted(key.as_str());
    CliError::Ended {
        exit: error.exit(),
        message: format!(
            "{error}\nTo ask for this payment again without paying twice, give the same command with --key {key}"
        ),
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
        page.styled(
            Style::Warn,
            format!(
                "The agent goes on with it; what it draws from budgets stays held. Look again with: {look}"
            ),
        );
    }
    Output::new(spend, page).with_exit(spend_page::exit(spend.state))
}
