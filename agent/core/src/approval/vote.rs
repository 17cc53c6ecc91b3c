//! One person's decision on one payment, with the proof of both.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::tally::Cast;
use super::{ApprovalError, Code, Decision, Item, Signed, SignedBallot};
use crate::hex::Hex;
use crate::key::PublicKey;
use crate::log::{Hash, verify_inclusion};
use crate::name::Name;
use crate::time::Timestamp;

/// Longest JSON text of a vote, in bytes.
pub const MAX_VOTE: usize = 8 * 1024;

/// A ballot and one of the items that it decides on. Having one is the proof that the signature
/// holds and that the item is one of those that were signed.
///
/// As JSON `{"envelope":…,"item":…,"index":…,"proof":[hex…]}`: the ballot's DSSE envelope, the
/// item, its position among the ballot's items, and the hashes from it to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    ballot: SignedBallot,
    item: Item,
    index: u32,
    proof: Vec<Hash>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow)]
    envelope: &'a RawValue,
    item: Item,
    index: u32,
    proof: Vec<Hex<32>>,
}

impl Vote {
    /// Verifies that the item is the ballot's at this position.
    pub fn new(
        ballot: SignedBallot,
        item: Item,
        index: u32,
        proof: Vec<Hash>,
    ) -> Result<Self, ApprovalError> {
        let signed = ballot.statement();
        verify_inclusion(&item.leaf()?, index.into(), signed.count.into(), &proof, &signed.root.0)?;
        Ok(Self { ballot, item, index, proof })
    }

    /// Reads the JSON form, and verifies signature and proof. Unknown and duplicate fields are
    /// refused; the order of fields and white space are JSON's own.
    pub fn parse(json: &[u8]) -> Result<Self, ApprovalError> {
        if json.len() > MAX_VOTE {
            return Err(ApprovalError::VoteTooLong(json.len()));
        }
        let wire: Wire = serde_json::from_slice(json)
            .map_err(|e| ApprovalError::Form { noun: "a vote", what: e.to_string() })?;
        let ballot = Signed::parse(wire.envelope.get().as_bytes())?;
        Self::new(ballot, wire.item, wire.index, wire.proof.into_iter().map(|hash| hash.0).collect())
    }

    /// Writes the JSON form, without white space, in the field order given above.
    pub fn to_json(&self) -> String {
        // The envelope's own text is JSON, so neither step has a way to fail.
        let Ok(envelope) = RawValue::from_string(self.ballot.to_json()) else { return String::new() };
        let proof = self.proof.iter().map(|hash| Hex(*hash)).collect();
        let wire = Wire { envelope: &envelope, item: self.item.clone(), index: self.index, proof };
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// The ballot, which may be one for many votes.
    pub fn ballot(&self) -> &SignedBallot {
        &self.ballot
    }

    /// The payment.
    pub fn item(&self) -> &Item {
        &self.item
    }
}

/// The payment that waits, as the home that asks knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What an approval has to be about.
    pub item: Item,
    /// Under which name it was asked for; the vote of whoever asks under it never counts.
    pub requester: Name,
}

impl Cast for Vote {
    type Asked = Asked;

    fn key(&self) -> &PublicKey {
        self.ballot.key()
    }

    fn decision(&self) -> Decision<'_> {
        self.ballot.statement().decision()
    }

    fn requester(asked: &Asked) -> Option<&Name> {
        Some(&asked.requester)
    }

    fn outdated(&self) -> Option<(Code, String)> {
        let why = "it does not say who asked for the payment, as every decision has to: bring `bursar` up to date where it was signed, and decide again";
        self.item.requester.is_none().then(|| (Code::OtherRequester, why.to_owned()))
    }

    fn objection(&self, asked: &Asked, now: Timestamp) -> Option<(Code, String)> {
        let requester = &asked.requester;
        let (found, asked) = (&self.item, &asked.item);
        let about = |what: &str| format!("it is about {what}; decide on this request: `bursar inbox`");
        if found.home != asked.home {
            Some((Code::OtherHome, about(&format!("a request of another home, {}", found.home))))
        } else if found.request != asked.request {
            Some((Code::OtherRequest, about(&format!("request {}, not {}", found.request, asked.request))))
        } else if found.ledger != asked.ledger {
            Some((Code::OtherLedger, about(&format!("a payment on the ledger {}", found.ledger))))
        } else if found.account != asked.account {
            Some((Code::OtherAccount, about(&format!("a payment from the account {}", found.account))))
        } else if found.digest != asked.digest {
            let why = "the payment changed since it was decided on: look at it, and decide again";
            Some((Code::OtherPayment, why.to_owned()))
        } else if found.requester.as_ref().is_some_and(|named| named != requester) {
            let named = found.requester.as_ref().map(Name::as_str).unwrap_or_default();
            Some((Code::OtherRequester, about(&format!("a payment that {named} asked for, not {requester}"))))
        } else if found.requester.is_some() && found.uid != asked.uid {
            let user =
                |uid: Option<u32>| uid.map_or("nobody on the machine".to_owned(), |uid| format!("uid {uid}"));
            let what = format!("a payment that {} asked for, not {}", user(found.uid), user(asked.uid));
            Some((Code::OtherRequester, about(&what)))
        } else if found.policy != asked.policy {
            Some((Code::OtherPolicy, "the policy changed since: approve or refuse again".to_owned()))
        } else if found.expires != asked.expires {
            let why = format!("the request expires {}, not {}: decide again", asked.expires, found.expires);
            Some((Code::OtherExpiry, why))
        } else if now >= asked.expires {
            let why = format!("the request expired {}: ask for the payment again", asked.expires);
            Some((Code::RequestExpired, why))
        } else {
            None
        }
    }
}
