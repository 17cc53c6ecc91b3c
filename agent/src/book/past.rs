//! The payments of a book from its beginning, one after the other, for whoever judges them again.
//!
//! Reads as little of each record as judging takes, and never more than one record at a time. It
//! does not verify the book: the agent does so when it starts, and so does `audit verify`.

use std::collections::HashMap;

use bursar_core::amount::{Amount, Asset};
use bursar_core::approval::Vote;
use bursar_core::decode::transfer::Kind;
use bursar_core::intent::LedgerId;
use bursar_core::name::Name;
use bursar_core::policy::{Answer, Denial, DenialCode, Said, Span};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use rusqlite::Connection;
use serde::Deserialize;

use super::replay::damaged;
use super::request::SpendRequest;
use crate::store::{StoreError, file};

/// What happened to a payment, as far as it matters to a policy.
#[derive(Debug)]
pub enum Event<'r> {
    /// It was asked for, and something was said.
    Asked(Box<Asked<'r>>),
    /// It was recorded, or may have been, at some time in this span.
    Settled(u64, Span),
    /// It provably was not.
    Released(u64),
}

/// A payment that was asked for.
#[derive(Debug)]
pub struct Asked<'r> {
    /// The spend's id.
    pub spend: u64,
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub caller: Name,
    /// What they were there for.
    pub roles: Roles,
    /// From which account.
    pub account: Name,
    /// What was asked: the transaction if one was made, or the words.
    pub what: What<'r>,
    /// Who had approved it.
    pub approved_by: Vec<Name>,
    /// What was said.
    pub said: Said,
}

/// What a past payment was.
#[derive(Debug)]
pub enum What<'r> {
    /// A transaction, and the names under which it was judged.
    Transfer(Transfer<'r>, Named),
    /// Words that became no transaction, or one that nobody kept.
    Request(SpendRequest),
}

/// A transfer as its record holds it. Keys stay text: to read one as a point of its curve costs more
/// than everything else here.
#[derive(Debug, Deserialize)]
pub struct Transfer<'r> {
    /// Id of its ledger.
    pub ledger: LedgerId,
    /// Who pays.
    pub from: &'r str,
    /// Who receives.
    pub to: &'r str,
    /// What is paid in.
    pub asset: Name,
    /// Minor units.
    pub amount: Amount,
    /// When it was made.
    pub created: Timestamp,
    /// From then on no ledger records it.
    pub valid_until: Timestamp,
}

/// What people called it then.
#[derive(Debug)]
pub struct Named {
    /// The recipient.
    pub recipient: Name,
    /// Decimals of the asset.
    pub decimals: u8,
    /// Which transaction it was.
    pub kind: Kind,
}

/// Of the record `allowed`.
#[derive(Deserialize)]
struct Allowed<'r> {
    at: Timestamp,
    spend: u64,
    caller: Name,
    #[serde(default)]
    roles: Roles,
    account: Name,
    recipient: Name,
    decimals: u8,
    rule: Name,
    #[serde(borrow)]
    transfer: Transfer<'r>,
    #[serde(default)]
    action: Kind,
    #[serde(default)]
    votes: Vec<u64>,
}

/// Of the record `voted`: as much as the name of who decided, which is signed for.
#[derive(Deserialize)]
struct Voted<'r> {
    #[serde(borrow)]
    vote: &'r serde_json::value::RawValue,
}

/// Of the record `denied`.
#[derive(Deserialize)]
struct Denied {
    at: Timestamp,
    spend: u64,
    caller: Name,
    #[serde(default)]
    roles: Roles,
    request: SpendRequest,
    denial: Denial,
    #[serde(default)]
    votes: Vec<u64>,
}

/// Of the record `recorded`.
#[derive(Deserialize)]
struct Recorded {
    spend: u64,
    recorded: Timestamp,
}

/// Of a record that has no more to say.
#[derive(Deserialize)]
struct Step {
    spend: u64,
}

/// How many records there are.
pub fn size(connection: &Connection) -> Result<u64, StoreError> {
    crate::store::log::head(connection).map(|(size, _)| size)
}

/// Reads all events in order, as of one moment. `each` also hears how many records were read.
pub fn read(
    connection: &Connection,
    mut each: impl FnMut(u64, Event<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let failed = |source| file::failed(connection, source);
    let _snapshot = connection.unchecked_transaction().map_err(failed)?;
    let mut records =
        connection.prepare("SELECT position, leaf FROM records ORDER BY position").map_err(failed)?;
    let mut rows = records.query([]).map_err(failed)?;
    // Of payments that are under way: for how long they can be recorded.
    let mut lives: HashMap<u64, Span> = HashMap::new();
    // Who decided, by the position of the record: few, and people made them.
    let mut voters: HashMap<u64, Name> = HashMap::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let position: u64 = row.get(0).map_err(failed)?;
        let leaf = row.get_ref(1).and_then(|leaf| Ok(leaf.as_blob()?)).map_err(failed)?;
        let event = event(position, leaf, &mut lives, &mut voters)
            .map_err(|error| damaged(connection, format!("record {position}"), &error.to_string()))?;
        if let Some(event) = event {
            each(position, event)?;
        }
    }
    Ok(())
}

/// The name of a record, which is its only field, and what it holds.
fn opened(leaf: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = leaf.strip_prefix(b"{\"")?.strip_suffix(b"}")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    Some((rest.get(..end)?, rest.get(end..)?.strip_prefix(b"\":")?))
}

/// What a record says of a payment; nothing if it is about no payment, or about a step in between.
fn event<'r>(
    position: u64,
    leaf: &'r [u8],
    lives: &mut HashMap<u64, Span>,
    voters: &mut HashMap<u64, Name>,
) -> serde_json::Result<Option<Event<'r>>> {
    let Some((name, content)) = opened(leaf) else { return Ok(None) };
    Ok(Some(match name {
        b"allowed" => {
            let allowed: Allowed<'_> = serde_json::from_slice(content)?;
            let Transfer { created, valid_until, .. } = allowed.transfer;
            lives.insert(allowed.spend, Span { earliest: created, latest: valid_until });
            Event::Asked(Box::new(Asked {
                spend: allowed.spend,
                at: allowed.at,
                caller: allowed.caller,
                roles: allowed.roles,
                account: allowed.account,
                what: What::Transfer(
                    allowed.transfer,
                    Named { recipient: allowed.recipient, decimals: allowed.decimals, kind: allowed.action },
                ),
                approved_by: allowed.votes.iter().filter_map(|at| voters.get(at).cloned()).collect(),
                said: Said::allowed(allowed.rule),
            }))
        }
        b"denied" => {
            let denied: Denied = serde_json::from_slice(content)?;
            // No bundle had a say in it: the account was stopped, or whoever asked turned out.
            if matches!(denied.denial.code, DenialCode::Frozen | DenialCode::Caller) {
                return Ok(None);
            }
            Event::Asked(Box::new(Asked {
                spend: denied.spend,
                at: denied.at,
                caller: denied.caller,
                roles: denied.roles,
                account: denied.request.from.clone(),
                what: What::Request(denied.request),
                approved_by: Vec::new(),
                said: said(denied.denial, &denied.votes),
            }))
        }
        b"voted" => {
            let Voted { vote } = serde_json::from_slice(content)?;
            if let Ok(vote) = Vote::parse(vote.get().as_bytes()) {
                voters.insert(position, vote.ballot().statement().approver.clone());
            }
            return Ok(None);
        }
        b"recorded" => {
            let Recorded { spend, recorded } = serde_json::from_slice(content)?;
            lives.remove(&spend);
            Event::Settled(spend, Span { earliest: recorded, latest: recorded })
        }
        b"handed-out" => {
            let Step { spend } = serde_json::from_slice(content)?;
            let Some(life) = lives.remove(&spend) else { return Ok(None) };
            Event::Settled(spend, life)
        }
        b"expired" => {
            let Step { spend } = serde_json::from_slice(content)?;
            lives.remove(&spend);
            Event::Released(spend)
        }
        _ => return Ok(None),
    }))
}

/// What people refused had waited for them, whatever the bundle says of it.
fn said(denial: Denial, votes: &[u64]) -> Said {
    let refused = denial.code == DenialCode::Approval && !votes.is_empty();
    let said = Said::denied(denial);
    if refused { Said { verdict: Answer::Waiting, ..said } } else { said }
}

impl Asked<'_> {
    /// The payment as a person would say it: `50.00 EUR from petty-cash to Fresh Market, asked by anna`.
    pub fn words(&self) -> String {
        let (amount, to) = match &self.what {
            What::Transfer(transfer, named) => {
                let asset = Asset::new(transfer.asset.clone(), named.decimals);
                let amount =
                    asset.map_or_else(|_| transfer.amount.to_string(), |asset| asset.format(transfer.amount));
                (amount, named.recipient.as_str())
            }
            What::Request(request) => (request.amount.as_str().to_owned(), request.to.as_str()),
        };
        let approved = match self.approved_by.as_slice() {
            [] => String::new(),
            names => {
                format!(", approved by {}", names.iter().map(Name::as_str).collect::<Vec<_>>().join(", "))
            }
        };
        format!("{amount} from {} to {to}, asked by {}{approved}", self.account, self.caller)
    }

    /// Was it allowed then?
    pub fn was_allowed(&self) -> bool {
        self.said.verdict == Answer::Allowed
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::book::record::{self, Record};

    fn at() -> Timestamp {
        "2026-11-22T09:30:00Z".parse().unwrap()
    }

    fn read(lives: &mut HashMap<u64, Span>, record: &Record) -> Option<String> {
        let leaf = serde_json::to_vec(record).unwrap();
        event(0, &leaf, lives, &mut HashMap::new()).unwrap().map(|event| match event {
            Event::Asked(asked) => format!("{} {:?}: {}", asked.spend, asked.said.verdict, asked.words()),
            Event::Settled(spend, span) => format!("{spend} settled {} to {}", span.earliest, span.latest),
            Event::Released(spend) => format!("{spend} released"),
        })
    }

    /// From the records' own types, so that a change of these is seen here.
    #[test]
    fn every_record_is_read_as_it_is_written() {
        let key = |n: u8| {
            let secret = ed25519_dalek::SigningKey::from_bytes(&[n; 32]);
            format!("ed25519:{}", data_encoding::HEXLOWER.encode(secret.verifying_key().as_bytes()))
        };
        let transfer = format!(
            r#"{{"ledger":"{}","from":"{}","to":"{}","asset":"EUR","amount":"5000","memo":"a \"b\"","nonce":"{}","created":"2026-11-22T09:30:00Z","valid_until":"2026-11-22T09:45:00Z"}}"#,
            "07".repeat(32),
            key(1),
            key(2),
            "00".repeat(16)
        );
        let allowed = |spend| {
            Record::Allowed(Box::new(record::Allowed {
                at: at(),
                spend,
                caller: "anna".parse().unwrap(),
                roles: Roles::ALL,
                key: "k".parse().unwrap(),
                body: crate::book::hex::Hex([1; 32]),
                account: "petty".parse().unwrap(),
                recipient: "Fresh Market".parse().unwrap(),
                decimals: 2,
                policy: crate::book::hex::Hex([2; 32]),
                rule: "r".parse().unwrap(),
                draws: Vec::new(),
                transfer: serde_json::value::RawValue::from_string(transfer.clone()).unwrap(),

                action: Kind::Pay,
                votes: Vec::new(),
                user: None,
            }))
        };
        let denied = Record::Denied(Box::new(record::Denied {
            at: at(),
            spend: 9,
            caller: "anna".parse().unwrap(),
            roles: Roles::ALL,
            key: "k".parse().unwrap(),
            request: serde_json::from_str(r#"{"from":"petty","to":"Casino","amount":"7 EUR"}"#).unwrap(),
            policy: crate::book::hex::Hex([2; 32]),
            denial: Denial::plain(DenialCode::NoRule, "no".to_owned()),
            votes: Vec::new(),
            user: None,
        }));
        let mut lives = HashMap::new();
        let mut said = |record: &Record| read(&mut lives, record).unwrap_or_default();
        let payment = "50.00 EUR from petty to Fresh Market, asked by anna";
        assert_eq!(said(&allowed(1)), format!("1 Allowed: {payment}"));
        assert_eq!(said(&allowed(2)), format!("2 Allowed: {payment}"));
        assert_eq!(said(&allowed(3)), format!("3 Allowed: {payment}"));
        assert_eq!(said(&denied), "9 Denied: 7 EUR from petty to Casino, asked by anna");
        let recorded = record::Recorded { at: at(), spend: 1, position: 0, recorded: at() };
        assert_eq!(said(&Record::Recorded(recorded)), format!("1 settled {0} to {0}", at()));
        let step = |spend| record::Step { at: at(), spend };
        assert_eq!(
            said(&Record::HandedOut(step(2))),
            "2 settled 2026-11-22T09:30:00Z to 2026-11-22T09:45:00Z"
        );
        assert_eq!(said(&Record::Expired(step(3))), "3 released");
        let trouble = record::Trouble { at: at(), spend: 1, reason: "x".to_owned() };
        for other in [
            Record::Failed(trouble),
            Record::ClockConfirmed(record::Confirmed { at: at(), caller: "a".parse().unwrap() }),
        ] {
            assert_eq!(said(&other), "");
        }
        assert!(lives.is_empty());
    }
}
