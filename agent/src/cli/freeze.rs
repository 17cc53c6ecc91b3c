//! `bursar freeze`: stops an account at once.

use bursar_core::approval::{Freeze, Payload};
use bursar_core::decode::memo::Memo;
use bursar_core::decode::transfer::Nonce;
use bursar_core::name::Name;
use serde_json::value::RawValue;

use super::client::{Ask, Client};
use super::error::CliError;
use super::global::Global;
use super::key::open::{Opened, open};
use super::output::{Output, Page, Style};
use super::people::{own_copy, touch};
use crate::book::inbox::Inbox;
use crate::clock;
use crate::token;
use crate::token::keyring::approver_key;

/// Stop an account at once: nothing leaves it until enough approvers let it go on
///
/// Any one of those whom the policy names does so alone. `bursar approve lift-ACCOUNT` lifts it.
///
/// Example: bursar freeze expenses --why "card stolen"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The account
    account: Name,
    /// The reason
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: Memo,
}

/// Signs and hands it in.
pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let Opened { config, token, runtime } = open(global, false)?;
    let client = Client::to(global, &config)?;
    // In haste: an out-of-date copy of the policy stops nobody who has a key.
    let inbox: Inbox = client.ask(&Ask::get("/v1/inbox"))?;
    let bundle = own_copy(&config)?;
    let label = config.labels.approver.clone().ok_or_else(|| {
        CliError::Home(
            "this home has no approver's key: set `approver` under [keys] in config.toml".to_owned(),
        )
    })?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| CliError::Busy(format!("no random numbers ({error})")))?;
    let signed = runtime.block_on(async {
        let key = approver_key(&token, &label).await?;
        let owner = bundle.roster().owner(key.public());
        let approver = owner.map(|one| one.name.clone()).ok_or_else(|| {
            CliError::Home(format!("your copy of the policy does not name the key {}", key.public()))
        })?;
        let (home, account) = (inbox.home, args.account.clone());
        let freeze =
            Freeze { home, account, approver, why: args.why, signed: clock::wall(), nonce: Nonce(nonce) };
        let payload = Payload::encode(freeze).map_err(|error| CliError::Usage(error.to_string()))?;
        touch();
        Ok::<_, CliError>(token::state(&token, &key, payload).await?)
    })?;
    let json =
        RawValue::from_string(signed.to_json()).map_err(|error| CliError::Damaged(error.to_string()))?;
    let answer: serde_json::Value = client.ask(&Ask::post("/v1/freezes", &json))?;
    let mut page = Page::new();
    page.styled(Style::Bad, format!("FROZEN: nothing leaves the account {}.", args.account));
    page.line(format!("To let it go on: {}", global.command(&format!("approve lift-{}", args.account))));
    Ok(Output::new(&answer, page))
}
