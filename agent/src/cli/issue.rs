//! `bursar issue`: asks the running agent to make an amount of an asset for an account.

use bursar_core::decode::transfer::{Kind, Memo};
use bursar_core::name::Name;

use super::error::CliError;
use super::global::Global;
use super::output::Output;
use super::pay::{self, amount};
use crate::book::request::{IdempotencyKey, Recipient, SpendRequest};

/// Issue an amount of an asset to somebody
///
/// Makes an amount that did not exist before: a grant, for instance, which its holders then pay
/// with. Only the account that the ledger's genesis names as the asset's issuer can do so:
/// `bursar ledger show` names it. Like a payment, an issue is judged by the policy, signed in the
/// token and handed to the ledger; `bursar spends` lists both.
///
/// Exit code 15 says that an issue may be under way: ask again with the same --key, and never as a
/// new issue. Without --key a random key is used, and shown before the agent is asked.
///
/// Example: bursar issue 500.00 GRANT --from fund --to anna --memo "grant 2026"
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    override_usage = "bursar issue <AMOUNT> <ASSET> --from <NAME> --to <NAME> [OPTIONS]"
)]
pub struct Args {
    /// How much, like 500.00
    #[arg(allow_hyphen_values = true)]
    amount: String,
    /// Of what, like GRANT
    asset: String,
    /// The account that issues it
    #[arg(long, value_name = "NAME")]
    from: Name,
    /// Who receives it: a name of the policy, or an address
    #[arg(long, value_name = "NAME", value_parser = amount::recipient)]
    to: Recipient,
    /// What for; at most 140 bytes, signed and recorded with the issue
    #[arg(long, value_name = "TEXT")]
    memo: Option<Memo>,
    /// An Idempotency-Key of your own: the same key again never issues twice [default: a random one]
    #[arg(long)]
    key: Option<IdempotencyKey>,
}

/// Asks the agent.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let Args { amount, asset, from, to, memo, key } = args;
    let amount = amount::parse(&amount, &asset).map_err(CliError::Usage)?;
    let memo = memo.unwrap_or_default();
    pay::ask(global, &SpendRequest { action: Kind::Issue, from, to, amount, memo }, key)
}
