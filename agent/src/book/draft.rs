//! A request made ready for the book: names looked up, bytes written.

use std::collections::BTreeSet;

use bursar_core::amount::Asset;
use bursar_core::decode::transfer::{Nonce, Payload, Transfer, TransferError};
use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{Counters, Denial, DenialCode, Explanation, Policy, Question, explain};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;

use super::request::{IdempotencyKey, SpendRequest};

/// What the book judges.
#[derive(Debug)]
pub struct Draft {
    /// Who asks.
    pub caller: Name,
    /// What they are there for.
    pub roles: Roles,
    /// Under which key.
    pub key: IdempotencyKey,
    /// What they ask, as they wrote it.
    pub request: SpendRequest,
    /// The bytes that would be signed, or why there can be none.
    pub subject: Result<Payload, Denial>,
}

/// What the shell adds to a request.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// The account's key.
    pub from: PublicKey,
    /// The ledger it pays on.
    pub ledger: LedgerId,
    /// 16 random bytes.
    pub nonce: [u8; 16],
    /// The wall clock.
    pub now: Timestamp,
    /// For how long it may be recorded, in milliseconds.
    pub valid_for: i64,
    /// What the caller is there for.
    pub roles: Roles,
}

/// Why a request cannot become a transaction: the caller wrote something that is none.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The amount.
    #[error(transparent)]
    Amount(#[from] bursar_core::amount::AmountError),
    /// Anything else.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

impl Draft {
    /// Looks the names up in the policy bundle and writes the bytes.
    ///
    /// A name that the bundle does not know is a denial, which is recorded; a text that is no
    /// amount is an error, which is not.
    pub fn new(
        policy: &Policy,
        caller: Name,
        key: IdempotencyKey,
        request: SpendRequest,
        around: Circumstances,
    ) -> Result<Self, DraftError> {
        let found = (|| {
            let asset =
                policy.asset(request.amount.asset().as_str()).ok_or_else(|| no_asset(policy, &request))?;
            let to = address(policy, request.to.as_str()).ok_or_else(|| no_recipient(policy, &request))?;
            Ok::<(&Asset, PublicKey), Denial>((asset, to))
        })();
        let subject = match found {
            Err(denial) => Err(denial),
            Ok((asset, to)) => Ok(Payload::encode(Transfer {
                ledger: around.ledger,
                from: around.from,
                to,
                asset: asset.name().clone(),
                amount: asset.parse(request.amount.as_str())?,
                memo: request.memo.clone(),
                nonce: Nonce(around.nonce),
                created: around.now.whole_seconds(),
                valid_until: around.now.whole_seconds().plus_millis(around.valid_for),
            })?),
        };
        Ok(Self { caller, roles: around.roles, key, request, subject })
    }
}

impl Draft {
    /// What would be decided of it, rule by rule; changes nothing.
    pub fn explain(&self, policy: &Policy, counters: &Counters, now: Timestamp) -> Explanation {
        match &self.subject {
            Err(denial) => Explanation {
                allowed: false,
                rule: None,
                denial: Some(denial.clone()),
                approvals: Vec::new(),
                instead: Vec::new(),
                recipient: None,
                categories: Vec::new(),
                rules: Vec::new(),
            },
            Ok(payload) => {
                let intent = payload.intent();
                let question = Question {
                    intent: &intent,
                    account: &self.request.from,
                    caller: &self.caller,
                    roles: self.roles,
                    now,
                };
                explain(policy, &question, counters, &BTreeSet::new())
            }
        }
    }
}

/// The address behind a name of the bundle, or behind an address that the bundle knows.
fn address(policy: &Policy, text: &str) -> Option<PublicKey> {
    let by_name = policy.recipient(text);
    by_name.or_else(|| policy.recipient_at(&text.parse().ok()?)).map(|recipient| recipient.address)
}

fn no_asset(policy: &Policy, request: &SpendRequest) -> Denial {
    let known: Vec<_> = policy.assets().map(|asset| asset.name().as_str()).take(20).collect();
    let asked = request.amount.asset();
    let message = format!("the policy has no asset {asked}; it has {}", known.join(", "));
    Denial { code: DenialCode::UnknownAsset, rule: None, message }
}

fn no_recipient(policy: &Policy, request: &SpendRequest) -> Denial {
    let count = policy.recipients().count();
    let message = format!(
        "the policy has no recipient {:?}; it has {count}, and names are compared byte by byte: `bursar policy show` lists them",
        request.to.as_str()
    );
    Denial { code: DenialCode::UnknownRecipient, rule: None, message }
}
