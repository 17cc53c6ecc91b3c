//! The book's past judged by another bundle.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bursar_core::decode::transfer::Kind;
use bursar_core::intent::{Intent, LedgerId, Value};
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{Answer, Denial, Flip, Policy, Question, Replay};
use bursar_core::time::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use super::draft::{Circumstances, Draft};
use super::past::{self, Asked, Event, Transfer, What};
use super::request::{IdempotencyKey, SpendRequest};
use crate::caller::Identity;
use crate::store::StoreError;

/// What judging the past takes beside the book.
#[derive(Debug)]
pub struct Around {
    /// The accounts' keys, for what was denied and so became no transaction.
    pub accounts: BTreeMap<Name, PublicKey>,
    /// The ledger that such a transaction would have been for.
    pub ledger: LedgerId,
    /// For how long it could have been recorded, in milliseconds.
    pub valid_for: i64,
}

/// What flipped.
#[derive(Debug, Default)]
pub struct Rejudged {
    /// Payments that were judged.
    pub payments: u64,
    /// How many of them flipped.
    pub flips: u64,
    /// From one verdict to another, most first.
    pub sums: Vec<Sum>,
    /// Payments that could not be judged: their account is gone, or their words make no payment.
    pub skipped: u64,
    /// The first [`LISTED`] flips in their order.
    pub flipped: Vec<Flipped>,
    /// An asset that was paid with other decimals than this bundle writes it with: it could never come
    /// into force, and what it says of amounts means something else.
    pub rewritten: Option<Name>,
}

/// So many flips from one verdict to another.
#[derive(Debug, Serialize)]
pub struct Sum {
    /// From.
    pub then: Answer,
    /// To.
    pub now: Answer,
    /// How many.
    pub flips: u64,
}

/// A payment of which the bundle says something else.
#[derive(Debug, Serialize)]
pub struct Flipped {
    /// The spend's id.
    pub spend: u64,
    /// When it was asked.
    pub at: Timestamp,
    /// In words.
    pub payment: String,
    /// What was said, and what would be.
    #[serde(flatten)]
    pub flip: Flip,
}

/// Most flips that are listed; all are counted.
pub const LISTED: usize = 1000;
/// Most keys that are remembered beside those of the bundle.
const REMEMBERED: usize = 100_000;

/// Judges every payment of a book again. `progress` hears now and then how many records were read.
pub fn rejudge(
    book: &Connection,
    policy: &Policy,
    around: &Around,
    progress: impl Fn(u64),
) -> Result<Rejudged, StoreError> {
    let mut judge = Judge {
        policy,
        around,
        replay: Replay::new(policy),
        keys: Keys::of(policy),
        sums: HashMap::new(),
        found: Rejudged::default(),
    };
    past::read(book, |position, event| {
        progress(position);
        judge.take(event);
        Ok(())
    })?;
    Ok(judge.finish())
}

/// Judges what the book tells.
struct Judge<'p> {
    policy: &'p Policy,
    around: &'p Around,
    replay: Replay<'p>,
    keys: Keys,
    sums: HashMap<(Answer, Answer), u64>,
    found: Rejudged,
}

impl Judge<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Asked(asked) => self.asked(*asked),
            Event::Settled(spend, span) => self.replay.settled(spend, span),
            Event::Released(spend) => self.replay.released(spend),
        }
    }

    fn asked(&mut self, asked: Asked<'_>) {
        if let What::Transfer(transfer, named) = &asked.what
            && let Some(asset) = self.policy.asset(transfer.asset.as_str())
            && asset.decimals() != named.decimals
        {
            self.found.rewritten.get_or_insert_with(|| transfer.asset.clone());
        }
        let intent = match &asked.what {
            What::Transfer(transfer, named) => self.intent(named.kind, transfer),
            What::Request(request) => match self.draft(&asked, request.clone()) {
                Some(Ok(intent)) => Some(intent),
                Some(Err(denial)) => {
                    let flip = self.replay.asked_in_vain(denial, asked.said.clone());
                    return self.keep(&asked, flip);
                }
                None => None,
            },
        };
        let Some(intent) = intent else {
            self.found.skipped += 1;
            return;
        };
        let question = Question {
            intent: &intent,
            account: &asked.account,
            caller: &asked.caller,
            roles: asked.roles,
            now: asked.at,
        };
        let voters: BTreeSet<Name> = asked.approved_by.iter().cloned().collect();
        let flip = self.replay.asked(asked.spend, &question, &voters, asked.said.clone());
        self.keep(&asked, flip);
    }

    fn keep(&mut self, asked: &Asked<'_>, flip: Option<Flip>) {
        let Some(flip) = flip else { return };
        *self.sums.entry((flip.then.verdict, flip.now.verdict)).or_default() += 1;
        if self.found.flipped.len() < LISTED {
            self.found.flipped.push(Flipped {
                spend: asked.spend,
                at: asked.at,
                payment: asked.words(),
                flip,
            });
        }
    }

    fn finish(self) -> Rejudged {
        let sum = |((then, now), flips)| Sum { then, now, flips };
        let mut sums: Vec<Sum> = self.sums.into_iter().map(sum).collect();
        sums.sort_by_key(|sum| (std::cmp::Reverse(sum.flips), sum.then as u8, sum.now as u8));
        Rejudged { payments: self.replay.judged(), flips: self.replay.flips(), sums, ..self.found }
    }

    fn intent(&mut self, kind: Kind, transfer: &Transfer<'_>) -> Option<Intent> {
        Some(Intent {
            action: kind.action(),
            ledger: transfer.ledger,
            from: self.keys.get(transfer.from)?,
            to: Some(self.keys.get(transfer.to)?),
            value: Some(Value { asset: transfer.asset.clone(), amount: transfer.amount }),
            fee: None,
            selector: None,
            created: transfer.created,
            valid_until: transfer.valid_until,
        })
    }

    /// Words that were denied, drafted with the names of this bundle. None if there can be no such
    /// transaction.
    fn draft(&self, asked: &Asked<'_>, request: SpendRequest) -> Option<Result<Intent, Denial>> {
        let around = Circumstances {
            from: *self.around.accounts.get(&request.from)?,
            ledger: self.around.ledger,
            nonce: [0; 16],
            now: asked.at,
            valid_for: self.around.valid_for,
            patience: self.around.valid_for,
        };
        let caller = Identity { name: asked.caller.clone(), roles: asked.roles, user: None };
        let draft = Draft::new(self.policy, caller, IdempotencyKey::none(), request, around).ok()?;
        Some(draft.subject.map(|payload| payload.intent()))
    }
}

/// Keys by their text. Each is read as a point of its curve once, those of the bundle not even that.
struct Keys(HashMap<String, PublicKey>);

impl Keys {
    fn of(policy: &Policy) -> Self {
        Self(
            policy.recipients().map(|recipient| (recipient.address.to_string(), recipient.address)).collect(),
        )
    }

    fn get(&mut self, text: &str) -> Option<PublicKey> {
        if let Some(key) = self.0.get(text) {
            return Some(*key);
        }
        let key = text.parse().ok()?;
        if self.0.len() < REMEMBERED {
            self.0.insert(text.to_owned(), key);
        }
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::book::hex::Hex;
    use crate::book::record::{self, Record};
    use crate::caller::{Role, Roles};
    use crate::store::log::{self, LogTable};
    use bursar_core::policy::DenialCode;

    const RULES: &str = r#"
        [[allow]]
        name = "small"
        accounts = ["petty"]
        budget = { amount = "60.00 EUR", rolling = "1h" }
    "#;

    fn key(number: u8) -> PublicKey {
        let secret = ed25519_dalek::SigningKey::from_bytes(&[number; 32]);
        PublicKey::ed25519(secret.verifying_key().to_bytes()).unwrap()
    }

    fn policy(rules: &str) -> Policy {
        let recipients = [("Shop", 2), ("Kiosk", 3)]
            .map(|(name, number)| format!("[recipients.{name}]\naddress = \"{}\"\n", key(number)))
            .concat();
        Policy::parse(&format!("version = 2\n[assets.EUR]\ndecimals = 2\n{recipients}{rules}")).unwrap()
    }

    fn at(minutes: i64) -> Timestamp {
        "2026-11-22T09:30:00Z".parse::<Timestamp>().unwrap().plus_millis(minutes * 60_000)
    }

    /// A book in memory: what is written is what the agent writes.
    struct Past {
        book: Connection,
        log: LogTable,
        policy: Policy,
        spends: u64,
    }

    impl Past {
        fn new() -> Self {
            let book = Connection::open_in_memory().unwrap();
            log::create(&book).unwrap();
            let log = LogTable::open(&book, |_, _| Ok(())).unwrap();
            Self { book, log, policy: policy(RULES), spends: 0 }
        }

        fn write(&mut self, record: &Record) {
            self.log.append(&self.book, &serde_json::to_vec(record).unwrap()).unwrap();
        }

        fn request(from: &str, to: &str, amount: &str) -> SpendRequest {
            serde_json::from_value(serde_json::json!({ "from": from, "to": to, "amount": amount })).unwrap()
        }

        fn allowed(&mut self, to: &str, amount: &str, minutes: i64) -> u64 {
            self.spends += 1;
            let around = Circumstances {
                from: key(1),
                ledger: LedgerId([7; 32]),
                nonce: [self.spends as u8; 16],
                now: at(minutes),
                valid_for: 900_000,
                patience: 900_000,
            };
            let (caller, request): (Name, _) = ("anna".parse().unwrap(), Self::request("petty", to, amount));
            let draft = Draft::new(
                &self.policy,
                Identity { name: caller.clone(), roles: Roles::NONE, user: None },
                IdempotencyKey::none(),
                request,
                around,
            )
            .unwrap();
            self.write(&Record::Allowed(Box::new(record::Allowed {
                at: at(minutes),
                spend: self.spends,
                caller,
                roles: Roles::of(&[Role::Requester]),
                key: IdempotencyKey::none(),
                body: Hex([0; 32]),
                account: "petty".parse().unwrap(),
                recipient: to.parse().unwrap(),
                decimals: 2,
                policy: Hex([0; 32]),
                rule: "small".parse().unwrap(),
                draws: Vec::new(),
                transfer: crate::book::read::raw(&draft.subject.unwrap()).unwrap(),

                action: Kind::Pay,
                votes: Vec::new(),
                user: None,
            })));
            self.spends
        }

        fn recorded(&mut self, spend: u64, minutes: i64) {
            let at = at(minutes);
            self.write(&Record::Recorded(record::Recorded { at, spend, position: 0, recorded: at }));
        }

        fn denied(&mut self, request: SpendRequest, minutes: i64) {
            self.denied_for(DenialCode::NoRule, &[], request, minutes);
        }

        fn denied_for(&mut self, code: DenialCode, votes: &[u64], request: SpendRequest, minutes: i64) {
            self.spends += 1;
            let denial = Denial::plain(code, "no".to_owned());
            self.write(&Record::Denied(Box::new(record::Denied {
                at: at(minutes),
                spend: self.spends,
                caller: "anna".parse().unwrap(),
                roles: Roles::of(&[Role::Requester]),
                key: IdempotencyKey::none(),
                request,
                policy: Hex([0; 32]),
                denial,
                votes: votes.to_vec(),
                user: None,
            })));
        }

        fn rejudge(&self, policy: &Policy) -> Rejudged {
            let accounts = [("petty".parse().unwrap(), key(1))].into();
            let around = Around { accounts, ledger: LedgerId([7; 32]), valid_for: 900_000 };
            rejudge(&self.book, policy, &around, |_| ()).unwrap()
        }
    }

    #[test]
    fn flips_are_told_one_by_one() {
        let mut past = Past::new();
        let first = past.allowed("Shop", "40.00 EUR", 0);
        past.recorded(first, 1);
        let second = past.allowed("Kiosk", "20.00 EUR", 2);
        past.recorded(second, 3);
        past.denied(Past::request("petty", "Shop", "0.01 EUR"), 4);
        past.denied(Past::request("petty", "Casino", "1.00 EUR"), 5);
        past.denied(Past::request("gone", "Shop", "1.00 EUR"), 6);
        // Under the rules of then the third was refused for its budget, and would be again.
        let same = past.rejudge(&past.policy);
        assert_eq!((same.payments, same.flips, same.skipped), (4, 0, 1));

        let narrow = format!("{RULES}recipients = [\"Shop\"]\n");
        let found = past.rejudge(&policy(&narrow));
        let words: Vec<String> = found
            .flipped
            .iter()
            .map(|flipped| {
                let Flip { then, now } = &flipped.flip;
                format!("{} {}: {} > {}", flipped.spend, flipped.payment, then.verdict, now.verdict)
            })
            .collect();
        // The kiosk's money is not spent now, so there is room for the cent.
        assert_eq!(
            words,
            [
                "2 20.00 EUR from petty to Kiosk, asked by anna: allowed > denied",
                "3 0.01 EUR from petty to Shop, asked by anna: denied > allowed",
            ]
        );
        let sums: Vec<_> = found.sums.iter().map(|sum| (sum.then, sum.now, sum.flips)).collect();
        assert_eq!(sums, [(Answer::Allowed, Answer::Denied, 1), (Answer::Denied, Answer::Allowed, 1)]);
    }

    /// What a caller was there for is what the book says, whatever the configuration says today.
    #[test]
    fn roles_are_those_of_then() {
        let mut past = Past::new();
        past.allowed("Shop", "1.00 EUR", 0);
        past.denied(Past::request("petty", "Shop", "1.00 EUR"), 1);
        for (role, flips) in [("requester", 1), ("node", 1)] {
            let found = past.rejudge(&policy(&format!("{RULES}roles = [\"{role}\"]\n")));
            let flipped: Vec<u64> = found.flipped.iter().map(|flipped| flipped.spend).collect();
            // The second had been denied all the same.
            let expected = if role == "requester" { 2 } else { 1 };
            assert_eq!((found.flips, flipped), (flips, vec![expected]), "{role}");
        }
    }

    /// Nobody's bundle stopped the account, and what people refused had waited for them.
    #[test]
    fn what_people_stopped_flips_nothing() {
        let mut past = Past::new();
        past.denied_for(DenialCode::Frozen, &[], Past::request("petty", "Shop", "1.00 EUR"), 0);
        past.denied_for(DenialCode::Approval, &[1], Past::request("petty", "Shop", "1.00 EUR"), 1);
        let asks = format!(
            "[approvers.ben]\nkey = \"{}\"\n{RULES}approvals = [{{ need = 1, from = \"ben\" }}]\n",
            key(9)
        );
        let same = past.rejudge(&policy(&asks));
        assert_eq!((same.payments, same.flips), (1, 0));
        let found = past.rejudge(&past.policy);
        let flips: Vec<_> =
            found.flipped.iter().map(|one| (one.flip.then.verdict, one.flip.now.verdict)).collect();
        assert_eq!(flips, [(Answer::Waiting, Answer::Allowed)]);
    }

    #[test]
    fn other_decimals_are_told() {
        let mut past = Past::new();
        past.allowed("Shop", "1.00 EUR", 0);
        assert_eq!(past.rejudge(&past.policy).rewritten, None);
        let other = past.policy.text().replace("decimals = 2", "decimals = 4");
        let found = past.rejudge(&Policy::parse(&other).unwrap());
        assert_eq!(found.rewritten, Some("EUR".parse().unwrap()));
    }

    #[test]
    fn a_recipient_that_the_bundle_does_not_know_is_denied() {
        let mut past = Past::new();
        past.allowed("Kiosk", "1.00 EUR", 0);
        let shop = format!("[recipients.Shop]\naddress = \"{}\"\n", key(2));
        let without =
            Policy::parse(&format!("version = 3\n[assets.EUR]\ndecimals = 2\n{shop}{RULES}")).unwrap();
        let found = past.rejudge(&without);
        assert_eq!(found.flips, 1);
        let now = &found.flipped[0].flip.now;
        assert!(now.why.as_ref().unwrap().contains("no recipient of the policy has the address"), "{now:?}");
    }
}
