//! Somebody with a key of their own who decides; the key is in memory and not in a token.

use bursar::book::inbox::{Frozen, Proposal};
use bursar_core::approval::{
    AskedBundle, Ballot, Batch, BreakGlass, Freeze, HomeId, Item, Lift, Payload, PolicyChange, Signed,
    Statement, Verdict, Vote,
};
use bursar_core::decode::transfer::Nonce;
use bursar_core::key::{PublicKey, Signature};
use bursar_core::name::Name;
use bursar_core::time::Timestamp;
use ed25519_dalek::Signer;

use crate::api::Api;
use crate::policy;

/// For how long a decision counts, in milliseconds.
pub const HOUR: i64 = 3_600_000;

/// A person and their key.
#[derive(Clone, Debug)]
pub struct Person {
    name: Name,
    key: Key,
    /// How far their clock is off, in milliseconds.
    ahead: i64,
    lasts: i64,
}

#[derive(Clone, Debug)]
enum Key {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl Person {
    /// With an Ed25519 key made from this number.
    pub fn ed25519(name: &str, seed: u8) -> Self {
        Self::new(name, Key::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32])))
    }

    /// With a P-256 key made from this number.
    pub fn p256(name: &str, seed: u8) -> Self {
        Self::new(name, Key::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).expect("a scalar")))
    }

    fn new(name: &str, key: Key) -> Self {
        Self { name: name.parse().expect("a name"), key, ahead: 0, lasts: HOUR }
    }

    /// The same key under another name.
    #[must_use]
    pub fn called(&self, name: &str) -> Self {
        Self { name: name.parse().expect("a name"), ..self.clone() }
    }

    /// The same person with a clock that is off by so many milliseconds.
    #[must_use]
    pub fn ahead(&self, millis: i64) -> Self {
        Self { ahead: millis, ..self.clone() }
    }

    /// The same person, whose decisions count for so many milliseconds.
    #[must_use]
    pub fn for_millis(&self, lasts: i64) -> Self {
        Self { lasts, ..self.clone() }
    }

    /// What people call them.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Their public key.
    pub fn public(&self) -> PublicKey {
        let key = match &self.key {
            Key::Ed25519(key) => PublicKey::ed25519(key.verifying_key().to_bytes()),
            Key::P256(key) => {
                let point = key.verifying_key().to_sec1_point(true);
                PublicKey::p256(point.as_bytes().try_into().expect("33 bytes"))
            }
        };
        key.expect("a public key")
    }

    /// Signs whatever it is.
    pub fn sign<T: Statement>(&self, statement: T) -> Signed<T> {
        let payload = Payload::encode(statement).expect("a statement");
        let message = payload.signing_bytes();
        let signature = match &self.key {
            Key::Ed25519(key) => Signature(key.sign(&message).to_bytes()),
            Key::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(&message);
                Signature(signature.normalize_s().to_bytes().into())
            }
        };
        Signed::verify(payload, &self.public(), &signature).expect("a signature that holds")
    }

    /// From when until when a decision counts that is signed now.
    fn times(&self) -> (Timestamp, Timestamp) {
        let signed = bursar::clock::wall().plus_millis(self.ahead).whole_seconds();
        (signed, signed.plus_millis(self.lasts))
    }

    /// One ballot on all of these payments, as a vote on each.
    pub fn ballot(&self, items: Vec<Item>, verdict: Verdict) -> Vec<Vote> {
        let batch = Batch::new(items).expect("a batch");
        let (signed, expires) = self.times();
        let ballot = batch.ballot(self.name.clone(), verdict, why(verdict), signed, expires);
        let ballot: Ballot = ballot.expect("a ballot").statement().clone();
        batch.votes(&self.sign(ballot)).expect("votes")
    }

    /// A yes to one payment.
    pub fn approve(&self, item: &Item) -> Vote {
        self.ballot(vec![item.clone()], Verdict::Approve).remove(0)
    }

    /// A no.
    pub fn refuse(&self, item: &Item) -> Vote {
        self.ballot(vec![item.clone()], Verdict::Refuse).remove(0)
    }

    /// What they decide, as an administrator, on a bundle that was put forward.
    pub fn change(&self, home: HomeId, proposal: &Proposal, verdict: Verdict) -> Signed<PolicyChange> {
        let AskedBundle { home, version, sha256, previous } = asked(home, proposal);
        let ((signed, expires), administrator) = (self.times(), self.name.clone());
        let why = why(verdict);
        self.sign(PolicyChange {
            version,
            sha256,
            previous,
            home,
            administrator,
            verdict,
            signed,
            expires,
            why,
        })
    }

    /// A yes to break-glass.
    pub fn break_glass(&self, home: HomeId, proposal: &Proposal) -> Signed<BreakGlass> {
        let AskedBundle { home, version, sha256, previous } = asked(home, proposal);
        let ((signed, expires), approver, verdict) = (self.times(), self.name.clone(), Verdict::Approve);
        let why = why(verdict);
        self.sign(BreakGlass { version, sha256, previous, home, approver, verdict, signed, expires, why })
    }

    /// Stops an account; the number makes it unlike others.
    pub fn freeze(&self, home: HomeId, account: &str, number: u8) -> Signed<Freeze> {
        let (account, approver) = (account.parse().expect("a name"), self.name.clone());
        let (why, nonce) = ("card lost".parse().expect("a memo"), Nonce([number; 16]));
        self.sign(Freeze { home, account, approver, why, signed: self.times().0, nonce })
    }

    /// Whether an account goes on.
    pub fn lift(&self, home: HomeId, frozen: &Frozen, verdict: Verdict) -> Signed<Lift> {
        let ((signed, expires), approver, why) = (self.times(), self.name.clone(), why(verdict));
        let (account, freeze) = (frozen.account.clone(), frozen.freeze);
        self.sign(Lift { home, account, freeze, approver, signed, expires, verdict, why })
    }
}

fn asked(home: HomeId, proposal: &Proposal) -> AskedBundle {
    AskedBundle { home, version: proposal.version, sha256: proposal.policy, previous: proposal.previous }
}

fn why(verdict: Verdict) -> bursar_core::decode::transfer::Memo {
    let text = if verdict == Verdict::Refuse { "not agreed" } else { "" };
    text.parse().expect("a memo")
}

/// Three managers, Anna with a P-256 key; and Dora, who keeps the books.
pub fn managers() -> [Person; 4] {
    [
        Person::p256("anna", 11),
        Person::ed25519("ben", 12),
        Person::ed25519("chloe", 13),
        Person::ed25519("dora", 14),
    ]
}

/// Two administrators, both needed.
pub fn administrators() -> [Person; 2] {
    [Person::p256("ada", 21), Person::ed25519("bob", 22)]
}

/// The people of a bundle as it writes them: the groups `managers` and `finance` (Chloe and Dora),
/// Rita, whose key is revoked, and the administrators.
pub fn people() -> String {
    let mut text =
        "[groups]\nmanagers = [\"anna\", \"ben\", \"chloe\"]\nfinance = [\"chloe\", \"dora\"]\n\n".to_owned();
    for person in managers() {
        text += &format!("[approvers.{}]\nkey = \"{}\"\n\n", person.name(), person.public());
    }
    let rita = rita();
    text += &format!("[approvers.{}]\nkey = \"{}\"\nrevoked = true\n\n", rita.name(), rita.public());
    text + "[administrators]\nneed = 2\n\n" + &keys(&administrators())
}

/// A bundle with these people in it.
pub fn with_people(number: u64, rules: &str) -> String {
    policy::version(number, &(people() + rules))
}

/// A revoked approver.
pub fn rita() -> Person {
    Person::ed25519("rita", 15)
}

/// The table of administrators' keys.
pub fn keys(people: &[Person]) -> String {
    let line = |person: &Person| format!("{} = \"{}\"\n", person.name(), person.public());
    format!("[administrators.keys]\n{}\n", people.iter().map(line).collect::<String>())
}

/// Puts a bundle in force as [`administrators`] do it: put forward, agreed to by both, installed.
pub fn enact(api: &mut Api, bundle: &str) {
    let proposal = api.propose(bundle, "change").expect("it may follow");
    let home = api.inbox().home;
    // Their clocks go like the agent's, which a test may have turned.
    let ahead = proposal.asked.millis() - bursar::clock::wall().millis();
    for one in administrators().map(|one| one.ahead(ahead)) {
        let (status, says) = api.agree(&one.change(home, &proposal, Verdict::Approve));
        assert_eq!((status, &says["state"]), (200, &"counted".into()), "{says}");
    }
    let (status, says) = api.install(proposal.proposal);
    assert_eq!(status, 200, "{says}");
}
