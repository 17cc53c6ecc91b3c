//! A request made ready for the book: names looked up, bytes written.

use std::collections::BTreeSet;

use bursar_core::amount::Asset;
use bursar_core::decode::transfer::{Nonce, Payload, Transfer, TransferError};
use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::log::Hash;
use bursar_core::name::Name;
use bursar_core::policy::{Counters, Denial, DenialCode, Explanation, Policy, Question, explain};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;

use super::request::{IdempotencyKey, SpendRequest};
use crate::caller::{Identity, User};

/// What the book judges.
#[derive(Debug)]
pub struct Draft {
    /// Who asks.
    pub caller: Name,
    /// Which user of this machine that is.
    pub user: Option<User>,
    /// What they are there for.
    pub roles: Roles,
    /// Under which key.
    pub key: IdempotencyKey,
    /// What they ask, as they wrote it.
    pub request: SpendRequest,
    /// The bundle in which its names were looked up.
    pub policy: Hash,
    /// For how long it may wait for approvals, in milliseconds.
    pub patience: i64,
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
    /// For how long it may wait for approvals, in milliseconds.
    pub patience: i64,
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
        caller: Identity,
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
            Ok((asset, to)) => Ok(Payload::encode_as(
                request.action,
                Transfer {
                    ledger: around.ledger,
                    from: around.from,
                    to,
                    asset: asset.name().clone(),
                    amount: asset.parse(request.amount.as_str())?,
                    memo: request.memo.clone(),
                    nonce: Nonce(around.nonce),
                    created: around.now.whole_seconds(),
                    valid_until: around.now.whole_seconds().plus_millis(around.valid_for),
                },
            )?),
        };
        let (Identity { name: caller, roles, user }, policy) = (caller, policy.hash());
        Ok(Self { caller, user, roles, key, request, policy, patience: around.patience, subject })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::book::read;
    use crate::book::record::{Allowed, Record};
    use bursar_core::decode::transfer::Kind;
    use bursar_core::intent::Action;

    // RFC 8032, section 7.1, tests 1 and 2.
    const FUND: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const ANNA: &str = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";

    fn draft(action: &str) -> Draft {
        let bundle = format!(
            "version = 1\n[assets.GRANT]\ndecimals = 2\n[recipients.Anna]\naddress = \"{ANNA}\"\ncategories = [\"pupil\"]\n"
        );
        let request = format!(r#"{{{action}"from":"fund","to":"Anna","amount":"500.00 GRANT"}}"#);
        let around = Circumstances {
            from: FUND.parse().unwrap(),
            ledger: LedgerId([9; 32]),
            nonce: [5; 16],
            now: "2026-11-22T09:30:00.250Z".parse().unwrap(),
            valid_for: 900_000,
            patience: 900_000,
        };
        Draft::new(
            &Policy::parse(&bundle).unwrap(),
            Identity { name: "treasurer".parse().unwrap(), roles: Roles::NONE, user: None },
            "INV-1".parse().unwrap(),
            serde_json::from_str(&request).unwrap(),
            around,
        )
        .unwrap()
    }

    #[test]
    fn what_is_asked_is_what_is_encoded() {
        for (action, kind, seen) in [
            ("", Kind::Pay, Action::Pay),
            (r#""action":"pay","#, Kind::Pay, Action::Pay),
            (r#""action":"issue","#, Kind::Issue, Action::Issue),
        ] {
            let draft = draft(action);
            let payload = draft.subject.as_ref().unwrap();
            assert_eq!((payload.kind(), payload.intent().action), (kind, seen), "{action}");
            let transfer = payload.transfer();
            assert_eq!((transfer.from.to_string(), transfer.to.to_string()), (FUND.into(), ANNA.into()));
            assert_eq!(transfer.amount.to_string(), "50000");
            assert_eq!(transfer.valid_until.to_string(), "2026-11-22T09:45:00Z");
        }
    }

    /// The record of an issue says what it is; that of a payment is written as it always was.
    #[test]
    fn a_record_gives_the_payload_back() {
        for action in ["", r#""action":"issue","#] {
            let draft = draft(action);
            let payload = draft.subject.unwrap();
            let allowed = Allowed {
                at: "2026-11-22T09:30:00Z".parse().unwrap(),
                spend: 1,
                caller: draft.caller,
                roles: draft.roles,
                key: draft.key,
                body: crate::book::hex::Hex(draft.request.hash()),
                account: draft.request.from,
                recipient: "Anna".parse().unwrap(),
                decimals: 2,
                policy: crate::book::hex::Hex([1; 32]),
                rule: "grants".parse().unwrap(),
                draws: Vec::new(),
                transfer: read::raw(&payload).unwrap(),
                action: payload.kind(),
                votes: Vec::new(),
                user: draft.user,
            };
            let json = serde_json::to_string(&Record::Allowed(Box::new(allowed))).unwrap();
            let end = if action.is_empty() { "\"}}}" } else { "\"},\"action\":\"issue\"}}" };
            assert!(json.ends_with(end), "{json}");
            let Record::Allowed(read) = serde_json::from_str(&json).unwrap() else { panic!("{json}") };
            let bytes = read.transfer.get().as_bytes().to_vec();
            assert_eq!(Payload::decode(read.action, bytes), Ok(payload.clone()));
            let spend = serde_json::to_value(read::allowed(&read, &payload)).unwrap();
            let shown = (!action.is_empty()).then_some("issue");
            assert_eq!(spend.get("action").and_then(|action| action.as_str()), shown, "{spend}");
        }
    }
}
