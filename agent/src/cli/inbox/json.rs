//! An inbox for programs.

use bursar_core::approval::HomeId;
use bursar_core::name::Name;
use bursar_core::policy::Wanted;
use bursar_core::time::Timestamp;
use serde::Serialize;

use crate::book::hex::Hex;
use crate::book::inbox::{self, Decided};
use crate::cli::desk::id::Id;
use crate::cli::desk::mail::{Mail, Waiting};

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
    caller: &'a Name,
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

fn frozen<'a>(mail: &Mail, frozen: &'a inbox::Frozen) -> Frozen<'a> {
    let id = Id::Lift(frozen.account.clone()).to_string();
    Frozen { id, mine: mail.is_my_lift(frozen), frozen }
}

fn payment<'a>(mail: &Mail, waiting: &'a Waiting) -> Payment<'a> {
    let inbox::Payment { item, caller, asked, wanted, decided, .. } = &waiting.payment;
    let read = match &waiting.read {
        Err(error) => Read::Failed { error },
        Ok(decoded) => {
            let transfer = decoded.payload.transfer();
            Read::Decoded {
                action: decoded.payload.kind().to_string(),
                amount: &decoded.number,
                asset: &transfer.asset,
                from: transfer.from.address(),
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
        mine: mail.is_mine(&waiting.payment),
        account: &item.account,
        caller,
        asked: *asked,
        expires: item.expires,
        digest: item.digest,
        read,
        wanted,
        decided,
    }
}
