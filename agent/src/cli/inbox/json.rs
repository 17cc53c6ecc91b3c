//! An inbox for programs.

use bursar_core::approval::HomeId;
use bursar_core::intent::LedgerId;
use bursar_core::name::Name;
use bursar_core::policy::Wanted;
use bursar_core::time::Timestamp;
use serde::Serialize;

use crate::book::hex::Hex;
use crate::book::inbox::{self, Decided};
use crate::caller::User;
use crate::cli::desk::id::Id;
use crate::cli::desk::mail::{Mail, Vouched, Waiting};

#[derive(Serialize)]
pub struct View<'a> {
    home: HomeId,
    version: u64,
    policy: Hex<32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    approver: &'a Option<Name>,
    administrator: &'a Option<Name>,
    payments: Vec<Payment<'a>>,
    proposals: Vec<Proposal<'a>>,
    frozen: Vec<Frozen<'a>>,
}

#[derive(Serialize)]
struct Payment<'a> {
    id: String,
    /// Does it wait for whoever reads this?
    mine: bool,
    account: &'a Name,
    ledger: LedgerId,
    caller: &'a Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User>,
    asked: Timestamp,
    expires: Timestamp,
    digest: Hex<32>,
    #[serde(flatten)]
    read: Read<'a>,
    wanted: &'a [Wanted],
    decided: &'a [Decided],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Read<'a> {
    Decoded {
        action: String,
        amount: &'a str,
        asset: &'a Name,
        from: String,
        /// Whose word it is that this is the account's address.
        vouched: Vouched,
        to: String,
        recipient: &'a str,
        known: bool,
        categories: &'a [Name],
        memo: &'a str,
    },
    Failed {
        error: &'a str,
    },
}

#[derive(Serialize)]
struct Proposal<'a> {
    id: String,
    mine: bool,
    #[serde(flatten)]
    proposal: &'a inbox::Proposal,
}

#[derive(Serialize)]
struct Frozen<'a> {
    id: String,
    mine: bool,
    /// Is who stopped it, when and why as it was signed by somebody who may?
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(flatten)]
    frozen: &'a inbox::Frozen,
}

/// All of it.
pub fn view(mail: &Mail) -> View<'_> {
    let inbox = &mail.inbox;
    View {
        home: inbox.home,
        version: inbox.version,
        policy: inbox.policy,
        until: inbox.until,
        approver: &mail.approver,
        administrator: &mail.administrator,
        payments: mail.payments.iter().map(|waiting| payment(mail, waiting)).collect(),
        proposals: inbox.proposals.iter().map(|proposal| self::proposal(mail, proposal)).collect(),
        frozen: inbox.frozen.iter().map(|frozen| self::frozen(mail, frozen)).collect(),
    }
}

fn proposal<'a>(mail: &Mail, proposal: &'a inbox::Proposal) -> Proposal<'a> {
    let id = Id::Policy(proposal.proposal).to_string();
    Proposal { id, mine: mail.is_my_proposal(proposal), proposal }
}

fn frozen<'a>(mail: &'a Mail, frozen: &'a inbox::Frozen) -> Frozen<'a> {
    let id = Id::Lift(frozen.account.clone()).to_string();
    let error = mail.unverified.get(&frozen.account).map(String::as_str);
    Frozen { id, mine: mail.is_my_lift(frozen), verified: error.is_none(), error, frozen }
}

fn payment<'a>(mail: &Mail, waiting: &'a Waiting) -> Payment<'a> {
    let inbox::Payment { item, caller, user, asked, wanted, decided, .. } = &waiting.payment;
    let read = match &waiting.read {
        Err(error) => Read::Failed { error },
        Ok(decoded) => {
            let transfer = decoded.payload.transfer();
            Read::Decoded {
                action: decoded.payload.kind().to_string(),
                amount: &decoded.number,
                asset: &transfer.asset,
                from: transfer.from.address(),
                vouched: decoded.vouched,
                to: transfer.to.address(),
                recipient: &decoded.recipient,
                known: decoded.known,
                categories: &decoded.categories,
                memo: transfer.memo.as_str(),
            }
        }
    };
    Payment {
        id: Id::Payment(item.request).to_string(),
        mine: mail.is_mine(waiting),
        account: &item.account,
        ledger: item.ledger,
        caller,
        user: *user,
        asked: *asked,
        expires: item.expires,
        digest: item.digest,
        read,
        wanted,
        decided,
    }
}
